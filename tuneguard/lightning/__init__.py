"""Lightning: one line attaches the recorder to a `Trainer`.

Works with `lightning.pytorch`, and with `pytorch_lightning` where only that is installed.
Needs the extra: pip install "tuneguard[lightning]"
"""

from tuneguard.lightning.callback import TuneGuardCallback

__all__ = ["TuneGuardCallback"]
