"""A PostgreSQL of one's own: its data in a scratch folder, on the loopback interface.

PostgreSQL refuses to run as root: there it runs as the user that its package creates.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.real.harness.processes import free_port, serving

_DEBIAN = Path("/usr/lib/postgresql")
_USER = "postgres"
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    # what a crash of the machine would lose is of no interest here
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}


def programs() -> Path | None:
    """Return the folder with PostgreSQL's programs, or `None` where it is not installed."""
    versions = sorted(_DEBIAN.glob("*/bin/initdb"), key=lambda one: float(one.parents[1].name))
    found = versions[-1:] or [one for one in [shutil.which("initdb")] if one]
    return Path(found[0]).resolve().parent if found else None


@contextmanager
def postgresql(binaries: Path) -> Iterator[str]:
    """Run a PostgreSQL server.

    Args:
        binaries: The folder with its programs.

    Yields:
        The URI of an empty database.
    """
    # not in pytest's folder, which only its owner may enter
    with tempfile.TemporaryDirectory(prefix="tuneguard-postgresql-") as scratch:
        folder = Path(scratch)
        password = secrets.token_hex(8)
        (folder / "password").write_text(password)
        if os.geteuid() == 0:
            shutil.chown(folder, _USER)
            shutil.chown(folder / "password", _USER)
        _create(binaries, folder)
        port = free_port()
        settings = [f"{name}={value}" for name, value in {**_SETTINGS, "port": port}.items()]
        command = [str(binaries / "postgres"), "-D", str(folder / "data")]
        command += [word for setting in settings for word in ("-c", setting)]
        with serving(
            _as_its_user(command),
            lambda: _is_up(binaries, port),
            folder=folder,
            end=signal.SIGQUIT,  # killed, it would leave its shared memory behind
        ):
            yield f"postgresql+psycopg2://{_USER}:{password}@127.0.0.1:{port}/{_USER}"


def _create(binaries: Path, folder: Path) -> None:
    command = [str(binaries / "initdb"), "-D", str(folder / "data"), "-U", _USER, "-E", "UTF8"]
    command += ["--locale=C", "--auth=scram-sha-256", f"--pwfile={folder / 'password'}", "-N"]
    subprocess.run(_as_its_user(command), cwd=folder, check=True, capture_output=True)


def _as_its_user(command: list[str]) -> list[str]:
    if os.geteuid() != 0:
        return command
    return ["setpriv", f"--reuid={_USER}", f"--regid={_USER}", "--init-groups", *command]


def _is_up(binaries: Path, port: int) -> bool:
    command = [str(binaries / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
    return subprocess.run(command, check=False).returncode == 0
