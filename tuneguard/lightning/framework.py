"""What is used of Lightning, under whichever of its two names it is installed."""

from tuneguard.exceptions import MissingExtraError

try:
    from lightning.pytorch import Callback
    from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn
except ImportError:
    try:
        from pytorch_lightning import Callback
        from pytorch_lightning.utilities import rank_zero_info, rank_zero_warn
    except ImportError as error:
        raise MissingExtraError("tuneguard.lightning", "lightning") from error

__all__ = ["Callback", "rank_zero_info", "rank_zero_warn"]
