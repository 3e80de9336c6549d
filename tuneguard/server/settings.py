"""How the server behaves, from its environment: `mlflow server` passes an app no arguments."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tuneguard.exceptions import ServerSettingError
from tuneguard.spool.spool_folder import user_cache
from tuneguard.storage.run_choice import absolute

PREFIX: Final = "TUNEGUARD_SERVER_"

SETTINGS: Final[dict[str, str]] = {
    f"{PREFIX}CONCURRENCY": "How many runs are diagnosed at once, each in a process of its own.",
    f"{PREFIX}TIMEOUT": "Seconds after which the diagnosis of a run is given up.",
    f"{PREFIX}QUEUE": "How many ended runs may wait; later ones are found by the next sweep.",
    f"{PREFIX}SWEEP": "Seconds between two sweeps for ended runs that were missed; 0 for none.",
    f"{PREFIX}SWEEP_DAYS": "How many days after its end a sweep still looks at a run.",
    f"{PREFIX}TRACES": "Whether findings are written as traces, for people to judge: 1 or 0.",
    f"{PREFIX}FOLDER": "Folder for what waits and what failed; in the user's cache by default.",
}
"""Every environment variable that the server reads, and what it sets."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How the server behaves.

    Attributes:
        store: URI of the database behind the server.
        folder: Where the workers of one server meet: what waits, what failed, and the lock.
        concurrency: How many runs are diagnosed at once.
        timeout: Seconds after which the diagnosis of a run is given up.
        queue: How many ended runs may wait.
        sweep: Seconds between two sweeps; 0 for none.
        sweep_days: How many days after its end a sweep still looks at a run.
        traces: Whether findings are written as traces.
    """

    store: str
    folder: Path
    concurrency: int = 1
    timeout: float = 120.0
    queue: int = 10_000
    sweep: float = 300.0
    sweep_days: float = 7.0
    traces: bool = True


def settings_from(store: str, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings of the server.

    Args:
        store: URI of the database behind it.
        environment: Where to look for the variables of `SETTINGS`.

    Raises:
        ServerSettingError: A variable holds what cannot be used.
    """
    place = environment.get(f"{PREFIX}FOLDER")
    root = Path(place) if place else user_cache() / "tuneguard" / "server"
    # the workers of one server share a folder, and two servers of one machine do not
    name = hashlib.sha256(absolute(store).encode()).hexdigest()[:16]
    default = Settings(store, root / name)
    return Settings(
        store,
        root / name,
        concurrency=int(_number(environment, "CONCURRENCY", default.concurrency, 1)),
        timeout=_number(environment, "TIMEOUT", default.timeout, 1),
        queue=int(_number(environment, "QUEUE", default.queue, 1)),
        sweep=_number(environment, "SWEEP", default.sweep, 0),
        sweep_days=_number(environment, "SWEEP_DAYS", default.sweep_days, 0),
        traces=_number(environment, "TRACES", default.traces, 0) > 0,
    )


def _number(environment: Mapping[str, str], name: str, default: float, smallest: float) -> float:
    text = environment.get(f"{PREFIX}{name}", "")
    try:
        value = float(text) if text else default
    except ValueError:
        value = float("nan")
    if not smallest <= value < float("inf"):
        raise ServerSettingError(
            f"{PREFIX}{name}={text!r} is not a number of at least {smallest:g}. "
            f"Correct it, or leave it out for {default:g}."
        )
    return value
