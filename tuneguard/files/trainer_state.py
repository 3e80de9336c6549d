"""What the Hugging Face Trainer keeps of a training in `trainer_state.json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tuneguard.exceptions import HistoryFormatError
from tuneguard.files.file_content import FileContent
from tuneguard.files.point_table import PointTable

_SUMMARY: Final = "train_runtime"
_SETTINGS: Final = (
    "max_steps",
    "num_train_epochs",
    "train_batch_size",
    "logging_steps",
    "eval_steps",
    "save_steps",
)


def is_trainer_state(document: Mapping[str, Any]) -> bool:
    """Whether a JSON document is the state of a Trainer."""
    return isinstance(document.get("log_history"), list)


def read_trainer_state(document: Mapping[str, Any]) -> FileContent:
    """Read the rows that the Trainer logged.

    The row at the end that sums the training up is no point of any series: its `train_loss` is the
    mean over the whole training, under a name that looks like the loss of a step.

    Args:
        document: The whole document.

    Raises:
        HistoryFormatError: Nothing was logged.
    """
    rows: Sequence[Any] = document["log_history"]
    logged = [row for row in rows if isinstance(row, dict) and _SUMMARY not in row]
    if not logged:
        raise HistoryFormatError(
            "The Trainer logged nothing yet: 'log_history' has no rows. Set logging_steps lower "
            "than the steps of the training."
        )
    names = dict.fromkeys(str(name) for row in logged for name in row)
    table = PointTable(names)
    for number, row in enumerate(logged, start=1):
        table.add_row(number, row)
    planned = document.get("max_steps")
    is_whole = any(isinstance(row, dict) and _SUMMARY in row for row in rows)
    return FileContent(
        table.series(),
        params={name: document[name] for name in _SETTINGS if document.get(name) is not None},
        axis=table.axis,
        status="finished" if is_whole else None,
        planned_steps=planned if isinstance(planned, int) and planned > 0 else None,
        notes=table.notes(),
    )
