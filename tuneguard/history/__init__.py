"""What happened in a run: read-only series, the roles they play, and the parameters."""

from tuneguard.history.hyperparameters import Hyperparameters
from tuneguard.history.roles import Metric, Role
from tuneguard.history.run_history import RunHistory, RunIdentity, Status
from tuneguard.history.series import Axis, Sampling, Series

__all__ = [
    "Axis",
    "Hyperparameters",
    "Metric",
    "Role",
    "RunHistory",
    "RunIdentity",
    "Sampling",
    "Series",
    "Status",
]
