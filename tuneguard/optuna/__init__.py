"""Optuna: trials that are doomed are pruned, and past runs narrow what is searched.

```python
import optuna
from tuneguard.optuna import TuneGuardPruner

study = optuna.create_study(pruner=TuneGuardPruner(optuna.pruners.MedianPruner()))
```

Needs the extra: pip install "tuneguard[optuna]"
"""

from tuneguard.exceptions import MissingExtraError

try:
    import optuna as _  # noqa: F401 - says early that it is missing
except ModuleNotFoundError as error:
    raise MissingExtraError("tuneguard.optuna", "optuna") from error

from tuneguard.optuna.narrowing import NarrowedSpace, Narrowing, narrowed
from tuneguard.optuna.pruner import PRUNED, TuneGuardPruner
from tuneguard.optuna.reporting import DOOMED, report_to, should_prune

__all__ = [
    "DOOMED",
    "PRUNED",
    "NarrowedSpace",
    "Narrowing",
    "TuneGuardPruner",
    "narrowed",
    "report_to",
    "should_prune",
]
