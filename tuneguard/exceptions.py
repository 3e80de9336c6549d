"""Everything that tuneguard raises on purpose; each message says what to do."""

from __future__ import annotations


class TuneGuardError(Exception):
    """A situation that the user can mend. The message says how."""


class RunNotFoundError(TuneGuardError):
    """The tracking store holds no run of this id."""


class ExperimentNotFoundError(TuneGuardError):
    """The tracking store holds no experiment of this name, or only in its trash."""


class RunDeletedError(TuneGuardError):
    """The run is in the trash of the tracking store."""


class StoreUnreachableError(TuneGuardError):
    """The tracking store did not answer, or refused."""


class HistoryFormatError(TuneGuardError):
    """A file or a mapping does not hold a history that can be read."""


class UnknownRuleError(TuneGuardError):
    """No rule has this name or id."""


class ConfigurationError(TuneGuardError):
    """A configuration file cannot be read, or holds something unknown."""


class MissingExtraError(TuneGuardError, ImportError):
    """Something needs a package that an extra of tuneguard brings.

    Args:
        what: What needs it.
        extra: Name of the extra.
    """

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f'{what} needs more: pip install "tuneguard[{extra}]"')


class ServerSettingError(TuneGuardError):
    """The server was started in a way that cannot work."""


class DiagnosisFormatError(TuneGuardError):
    """A document does not hold a diagnosis that can be read."""


class EngineError(TuneGuardError):
    """What was to examine many runs is not there."""
