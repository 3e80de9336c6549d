"""What `doctor` looks at, one function a topic."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from tuneguard import keys
from tuneguard.exceptions import TuneGuardError
from tuneguard.version import __version__


@dataclass(frozen=True, slots=True)
class Check:
    """One line of `doctor`.

    Attributes:
        status: How it stands.
        topic: What was looked at.
        said: What was seen and, unless it is ok, what to do.
    """

    status: Literal["ok", "warn", "fail"]
    topic: str
    said: str


def run_checks(tracking_uri: str | None, spool: Path | None) -> Iterator[Check]:
    """Yield check after check, each as soon as it is done."""
    yield Check("ok", "python", f"{platform.python_version()} on {platform.system()}")
    yield Check("ok", "tuneguard", __version__)
    yield from map(_installed, ("mlflow", "torch"))
    yield from _store(tracking_uri)
    yield from _spool(spool)
    yield _device()
    yield Check("ok", "metrics that a recorder writes", ", ".join(keys.METRIC_KEYS))


def _installed(package: str) -> Check:
    try:
        return Check("ok", package, version(package))
    except PackageNotFoundError:
        return Check("fail", package, f"not installed: pip install {package}")


def _store(tracking_uri: str | None) -> Iterator[Check]:
    from tuneguard.storage import health

    uri = health.tracking_uri_in_use(tracking_uri)
    file = health.sqlite_file(tracking_uri)
    if file is not None and not file.exists():
        yield _future_database(uri, file)
        return
    try:
        yield Check("ok", "tracking store", f"{uri} {health.check_reading(tracking_uri)}")
        access = health.check_writing(tracking_uri)
    except TuneGuardError as error:
        yield Check("fail", "tracking store", str(error))
        return
    if access.is_certain:
        yield Check("ok", "writing to the store", f"allowed ({access.how}; nothing was written)")
    else:
        said = f"likely, but not proved ({access.how}; nothing was written): record a short run"
        yield Check("warn", "writing to the store", said)


def _future_database(uri: str, file: Path) -> Check:
    folder = file.absolute().parent
    if not os.access(folder, os.W_OK):
        return Check("fail", "tracking store", f"{uri}: create {folder}, or the right to write it")
    said = (
        f"{uri} does not exist yet: the first run in this folder will create it. "
        "If you meant another store, set MLFLOW_TRACKING_URI."
    )
    return Check("warn", "tracking store", said)


def _spool(spool: Path | None) -> Iterator[Check]:
    from tuneguard.spool.spool_folder import spool_folders, spool_root

    root = spool_root(spool)
    nearest = next(folder for folder in (root, *root.absolute().parents) if folder.exists())
    if os.access(nearest, os.W_OK | os.X_OK):
        yield Check("ok", "spool", f"{root} can be written to")
    else:
        said = f"{nearest} cannot be written to: give yourself the right to"
        yield Check("fail", "spool", said)
    if waiting := len(list(spool_folders(root))):
        said = f"{waiting}, unless they are being recorded now: run `tuneguard sync`"
        yield Check("warn", "undelivered runs", said)
    else:
        yield Check("ok", "undelivered runs", "none")


def _device() -> Check:
    from tuneguard.recording.devices import describe_device

    return Check("ok", "device", describe_device())
