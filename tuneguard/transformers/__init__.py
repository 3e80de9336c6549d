"""Hugging Face: one line attaches the recorder to a `Trainer`.

Needs the extra: pip install "tuneguard[transformers]"
"""

from tuneguard.exceptions import MissingExtraError

try:
    import accelerate  # noqa: F401 - the Trainer does not train without it
    import transformers  # noqa: F401
except ImportError as error:
    raise MissingExtraError("tuneguard.transformers", "transformers") from error

from tuneguard.transformers.callback import TuneGuardCallback

__all__ = ["TuneGuardCallback"]
