"""A training history out of the event files of TensorBoard."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tuneguard.exceptions import HistoryFormatError, MissingExtraError
from tuneguard.files.event_folders import one_run
from tuneguard.files.file_content import FileContent
from tuneguard.files.kept_points import KeptPoints
from tuneguard.files.sources import Source
from tuneguard.history import Series

_FRAME: Final = 16
"""Bytes of an event file around each record: its length and two checksums."""

_SCALARS: Final = "scalars"
_HPARAMS: Final = "_hparams_/session_start_info"
_RESULT_OF_HPARAMS: Final = "hparam/"


def read_events(source: Source) -> FileContent:
    """Read the scalars and the hyper-parameters of one run.

    The files of one folder follow each other, as a restarted training writes them. Each sub-folder
    is a writer of its own, whose name goes before the tag: `train/epoch_loss`.

    Args:
        source: The event files, in the order of their names, and the folder that holds them.

    Raises:
        HistoryFormatError: They hold no scalars, or the runs of several trainings.
        MissingExtraError: TensorBoard's reader is not installed.
    """
    writers = one_run(source.folder, source.files)
    series: dict[str, Series] = {}
    params: dict[str, object] = {}
    notes: list[str] = []
    for name, files in writers.items():
        log = _WriterLog(files)
        series |= log.series(f"{name}/" if name and len(writers) > 1 else "")
        params |= log.params
        notes += log.notes
    if not series:
        raise HistoryFormatError(
            f"The event files hold no scalars. {' '.join(notes)} Were they logged by "
            "add_scalar, or by tf.summary.scalar?".replace("  ", " ")
        )
    return FileContent(series, params=params, notes=notes)


class _WriterLog:
    """What one writer logged, from one file or, after restarts, from several."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._points: dict[str, KeptPoints] = {}
        self._plugins: dict[str, str] = {}
        self.params: dict[str, object] = {}
        self.notes: list[str] = []
        for file in files:
            for event in self._events(file):
                self._take(event)

    def series(self, prefix: str) -> dict[str, Series]:
        """Return what was logged, each tag with `prefix` before it."""
        return {
            f"{prefix}{tag}": Series.from_arrays(f"{prefix}{tag}", *points.arrays())
            for tag, points in self._points.items()
            # what add_hparams repeats of a run, one point each
            if not (tag.startswith(_RESULT_OF_HPARAMS) and len(points) == 1)
        }

    def _events(self, file: Path) -> Iterator[Any]:
        """Yield the events of a file up to its end, or up to where it is damaged."""
        loader, event_type = _reader()
        read = 0
        for record in loader(str(file)).Load():
            read += len(record) + _FRAME
            yield event_type.FromString(record)
        size = file.stat().st_size
        if read < size:
            self.notes.append(
                f"{file.name} is damaged or was cut off {size - read:,} bytes before its end: "
                "what stands before that is read."
            )

    def _take(self, event: Any) -> None:
        if event.HasField("session_log") and event.session_log.status == _START:
            for points in self._points.values():
                points.drop_from(float(event.step))
        for value in event.summary.value:
            number = self._scalar(value)
            if number is not None:
                points = self._points.setdefault(value.tag, KeptPoints())
                points.add(float(event.step), number)
            elif value.tag == _HPARAMS:
                self.params |= _hyperparameters(value.metadata.plugin_data.content)

    def _scalar(self, value: Any) -> float | None:
        if value.HasField("simple_value"):
            return float(value.simple_value)
        if value.metadata.plugin_data.plugin_name:
            # a writer names the plugin at the first point of a tag only
            self._plugins[value.tag] = value.metadata.plugin_data.plugin_name
        if not value.HasField("tensor") or self._plugins.get(value.tag) != _SCALARS:
            return None
        from tensorboard.util.tensor_util import make_ndarray  # noqa: PLC0415 - an extra

        array = make_ndarray(value.tensor)
        return float(array.item()) if array.size == 1 else None


_START: Final = 1
"""`SessionLog.START`: what was logged at this step and after it is written anew."""


def _reader() -> tuple[Any, Any]:
    try:
        from tensorboard.backend.event_processing.event_file_loader import (  # noqa: PLC0415
            RawEventFileLoader,
        )
        from tensorboard.compat.proto.event_pb2 import Event  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError("Reading event files of TensorBoard", "tensorboard") from error
    return RawEventFileLoader, Event


def _hyperparameters(content: bytes) -> Mapping[str, object]:
    from tensorboard.plugins.hparams.metadata import (  # noqa: PLC0415 - an extra
        parse_session_start_info_plugin_data,
    )

    settings = parse_session_start_info_plugin_data(content).hparams
    return {name: getattr(value, value.WhichOneof("kind")) for name, value in settings.items()}
