"""How a training ended, in MLflow's words."""

from __future__ import annotations


def status_after(error: BaseException | None) -> str:
    """Return `FINISHED`, `FAILED` or `KILLED`, by what ended the training, if anything did.

    >>> status_after(None), status_after(ValueError()), status_after(KeyboardInterrupt())
    ('FINISHED', 'FAILED', 'KILLED')
    """
    if error is None or (isinstance(error, SystemExit) and error.code in {None, 0}):
        return "FINISHED"
    return "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED"
