"""Which layers use an activation module, and what was seen of each since it was last asked."""

from __future__ import annotations

import torch

from tuneguard import keys
from tuneguard.recording.activation_origin import origin, unit_axis
from tuneguard.recording.activations import Firing, Peaking, Saturating
from tuneguard.recording.unit_sample import SaturatedOutputs, SilentUnits

FEWEST_OUTPUTS = 128
MOST_USES = 32
LOOKS_TO_SETTLE = 8


class LayerUses:
    """Keeps the uses of one activation module apart by the layer that feeds it.

    The first layer's key is the module's path; those of further layers have the number of the
    use behind it. After `MOST_USES`, further ones are put together; a module that only one layer
    has used for `LOOKS_TO_SETTLE` times is taken for that layer's own.

    Args:
        path: Path of the module in the model.
        measure: What is measured of its output.
    """

    def __init__(self, path: str, measure: Firing | Saturating | Peaking) -> None:
        self._path = path
        self._measure = measure
        self._uses: dict[tuple[int, int, int], _FiringUse | _SaturatingUse] = {}
        self._sole: tuple[_FiringUse | _SaturatingUse, int, tuple[int, int]] | None = None
        self._looks = 0

    def look(self, output: torch.Tensor) -> None:
        """Take in one output of the module."""
        self._looks += 1
        if self._sole is not None and self._looks > LOOKS_TO_SETTLE:
            use, axis, shape = self._sole
            if (output.ndim, output.shape[axis]) == shape:
                use.look(output.detach(), axis)
                return
        parameter, distance, has_channels = origin(output)
        axis = unit_axis(output, has_channels)
        width = output.shape[axis]
        use = self._use(parameter, distance, width)
        use.look(output.detach(), axis)
        is_sole = len(self._uses) == 1
        self._sole = (use, axis, (output.ndim, width)) if is_sole else None

    def _use(self, parameter: int, distance: int, width: int) -> _FiringUse | _SaturatingUse:
        which = (parameter, distance, width)
        if which not in self._uses and len(self._uses) >= MOST_USES:
            which = (0, 0, width)
        if which not in self._uses:
            self._uses[which] = self._new()
        return self._uses[which]

    def take(self) -> list[SilentUnits | SaturatedOutputs]:
        """Return what is ready, and forget it."""
        taken = [use.take() for use in self._uses.values()]
        return [one for one in taken if one is not None]

    def leave_out(self, returned: set[int]) -> None:
        """Take the uses whose outputs are what the model returned for no hidden layers.

        Args:
            returned: Addresses of the storages of what the model returned.
        """
        for use in self._uses.values():
            if isinstance(use, _SaturatingUse):
                use.leave_out(returned)

    def _new(self) -> _FiringUse | _SaturatingUse:
        number = len(self._uses) + 1
        path = self._path if number == 1 else f"{self._path}.{number}"
        if isinstance(self._measure, Firing):
            return _FiringUse(keys.safe(f"{keys.DEAD_UNITS}/{path}"), self._measure)
        return _SaturatingUse(keys.safe(f"{keys.SATURATED_UNITS}/{path}"), self._measure)


class _FiringUse:
    def __init__(self, key: str, measure: Firing) -> None:
        self._key = key
        self._measure = measure
        self._activity: torch.Tensor | None = None
        self._total = 0

    def look(self, output: torch.Tensor, axis: int) -> None:
        activity, count = self._measure.activity(output, axis)
        seen = self._activity
        self._activity = activity if seen is None else torch.maximum(seen, activity)
        self._total += count

    def take(self) -> SilentUnits | None:
        """Return the activity, once so many outputs were seen that silence means something."""
        if self._activity is None or self._total < FEWEST_OUTPUTS:
            return None
        activity, self._activity, self._total = self._activity, None, 0
        return SilentUnits((self._key,), (activity.numel(),), activity)


class _SaturatingUse:
    def __init__(self, key: str, measure: Saturating | Peaking) -> None:
        self._key = key
        self._measure = measure
        self._count: torch.Tensor | None = None
        self._total = 0
        self._address = 0
        self._is_returned = False

    def look(self, output: torch.Tensor, axis: int) -> None:
        if self._is_returned:
            return
        count, total = self._measure.count(output, axis)
        self._count = count if self._count is None else self._count + count
        self._total += total
        self._address = output.untyped_storage().data_ptr()

    def leave_out(self, returned: set[int]) -> None:
        self._is_returned |= self._address in returned
        self._address = 0

    def take(self) -> SaturatedOutputs | None:
        count, total = self._count, self._total
        self._count, self._total = None, 0
        if count is None or not total or self._is_returned:
            return None
        return SaturatedOutputs(self._key, count, total)
