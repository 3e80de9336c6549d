"""The training loop's side: measures, never judges."""

from tuneguard.recording.callback import TuneGuardCallback

__all__ = ["TuneGuardCallback"]
