"""An MLflow server with accounts: an administrator, and people who may do less."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.real.harness.mlflow_server import mlflow_server

ADMINISTRATOR = "admin"
READER = "reader"
STRANGER = "stranger"
_SETTINGS = """[mlflow]
default_permission = NO_PERMISSIONS
database_uri = sqlite:///{folder}/accounts.db
admin_username = {name}
admin_password = {password}
auth_cache_ttl_seconds = 600
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
"""


@dataclass(frozen=True)
class Accounts:
    """A server that asks who you are.

    Attributes:
        uri: Its tracking URI.
        passwords: By name of the account.
    """

    uri: str
    passwords: Mapping[str, str]

    def credentials(self, name: str) -> dict[str, str]:
        """Return the environment in which MLflow is this person."""
        return {
            "MLFLOW_TRACKING_USERNAME": name,
            "MLFLOW_TRACKING_PASSWORD": self.passwords[name],
        }

    def register(self) -> None:
        """Create the accounts of those who are not the administrator."""
        for name in (READER, STRANGER):
            self._ask("2.0", "create", username=name, password=self.passwords[name])

    def let_read(self, experiment_id: str) -> None:
        """Let the reader see an experiment."""
        self._ask(
            "3.0",
            "permissions/grant",
            username=READER,
            resource_type="experiment",
            resource_id=experiment_id,
            permission="READ",
        )

    def _ask(self, version: str, what: str, **content: str) -> None:
        # MLflow's own client of accounts would import the whole server
        requests.post(
            f"{self.uri}/api/{version}/mlflow/users/{what}",
            json=content,
            auth=(ADMINISTRATOR, self.passwords[ADMINISTRATOR]),
            timeout=60,
        ).raise_for_status()


@contextmanager
def accounts_server(folder: Path, store: str) -> Iterator[Accounts]:
    """Serve a store to whom it knows.

    Args:
        folder: A folder of the server's own.
        store: URI of the database.
    """
    passwords = {name: secrets.token_hex(8) for name in (ADMINISTRATOR, READER, STRANGER)}
    settings = folder / "accounts.ini"
    settings.write_text(
        _SETTINGS.format(folder=folder, name=ADMINISTRATOR, password=passwords[ADMINISTRATOR])
    )
    environment = {
        "MLFLOW_AUTH_CONFIG_PATH": str(settings),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_hex(16),
    }
    with mlflow_server(folder, store, "--app-name", "basic-auth", environment=environment) as uri:
        yield Accounts(uri, passwords)
