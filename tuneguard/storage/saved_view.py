"""A view of an experiment's runs that shows the sick ones, in the list of MLflow's saved views.

MLflow keeps a saved view in a tag of the experiment, and documents neither its key nor its value:
both are those of MLflow 3.17. Another version shows its table as before, without the view.
"""

from __future__ import annotations

import base64
import json
import time
import zlib
from dataclasses import dataclass
from typing import Any, Final

import mlflow

from tuneguard import keys
from tuneguard.exceptions import StoreUnreachableError
from tuneguard.storage.connection import connect, translated_errors
from tuneguard.storage.run_list import experiment_id_of
from tuneguard.storage.run_page import view_address, with_command

NAME: Final = "tuneguard: runs with alarms"

_ID: Final = "tuneguard-alarms"
_TAG: Final = f"mlflow.sharedViewState.{_ID}"
_VERDICT: Final = f"tags.`{keys.TAG_VERDICT}`"
_FINDINGS: Final = f"tags.`{keys.TAG_FINDINGS}`"
# critical sorts before warning; an info is advice, no alarm
_STATE: Final[dict[str, Any]] = {
    "searchFilter": f"{_FINDINGS} != 'none' AND {_VERDICT} != 'info'",
    "orderByKey": _VERDICT,
    "orderByAsc": True,
    "startTime": "ALL",
    "lifecycleFilter": "Active",
    "datasetsFilter": [],
    "modelVersionFilter": "All Runs",
    "selectedColumns": [_VERDICT, _FINDINGS],
    "columnOrder": [],
    "columnWidths": {},
    "runsExpanded": {},
    "runsPinned": [],
    "runsHidden": [],
    "runsVisibilityMap": {},
    "runsHiddenMode": "FIRST_10_RUNS",
    "viewMaximized": False,
    "runListHidden": False,
    "isAccordionReordered": False,
    "useGroupedValuesInCharts": True,
    "hideEmptyCharts": True,
    "groupBy": None,
    "groupsExpanded": {},
    "autoRefreshEnabled": True,
}


@dataclass(frozen=True, slots=True)
class SavedView:
    """A view that was installed.

    Attributes:
        was_there: Whether it replaced one.
        url: Where it is seen, with the command that starts a server where none is known.
    """

    was_there: bool
    url: str


def install_view(experiment: str, tracking_uri: str | None = None) -> SavedView:
    """Save the view in an experiment, in place of an earlier one of ours.

    Args:
        experiment: Its name, or its id.
        tracking_uri: Where it is kept; MLflow's own choice where not given.

    Raises:
        ExperimentNotFoundError: There is no experiment of this name.
        StoreUnreachableError: The store does not answer, or refuses.
    """
    client = connect(tracking_uri)
    experiment_id = experiment_id_of(client, experiment)
    with translated_errors(client.tracking_uri):
        present = _present(client, experiment_id)
        client.set_experiment_tag(experiment_id, _TAG, _envelope(present))
    address = view_address(client.tracking_uri, experiment_id, _ID)
    return SavedView(present is not None, with_command(address, client.tracking_uri))


def remove_view(experiment: str, tracking_uri: str | None = None) -> bool:
    """Remove the view from an experiment, and return whether it was there.

    Args:
        experiment: Its name, or its id.
        tracking_uri: Where it is kept; MLflow's own choice where not given.

    Raises:
        ExperimentNotFoundError: There is no experiment of this name.
        StoreUnreachableError: The store does not answer, refuses, or cannot remove tags.
    """
    client = connect(tracking_uri)
    experiment_id = experiment_id_of(client, experiment)
    with translated_errors(client.tracking_uri):
        if _present(client, experiment_id) is None:
            return False
        if not hasattr(client, "delete_experiment_tag"):
            raise StoreUnreachableError(
                f"This version of MLflow cannot remove tags of experiments. Upgrade it, or delete "
                f"the view {NAME!r} in the list of views of the experiment."
            )
        client.delete_experiment_tag(experiment_id, _TAG)
    return True


def _present(client: mlflow.MlflowClient, experiment_id: str) -> str | None:
    value = client.get_experiment(experiment_id).tags.get(_TAG)
    return None if value is None else str(value)


def _envelope(present: str | None) -> str:
    """Return the tag's value: name, times in milliseconds, and the compressed state."""
    now = time.time_ns() // 1_000_000
    state = base64.b64encode(zlib.compress(json.dumps(_STATE).encode())).decode()
    return json.dumps(
        {
            "name": NAME,
            "createdAt": _created_at(present) or now,
            "updatedAt": now,
            "state": f"deflate;{state}",
        }
    )


def _created_at(present: str | None) -> int | None:
    try:
        value = json.loads(present or "{}")["createdAt"]
    except (ValueError, TypeError, KeyError):
        return None
    return value if isinstance(value, int) else None
