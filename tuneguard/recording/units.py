"""Dead and saturated units, seen by a hook that is there for one step only."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook
from torch.utils.hooks import RemovableHandle

from tuneguard.recording.activations import measure_of
from tuneguard.recording.layer_uses import LayerUses
from tuneguard.recording.layers import path_of, unwrapped
from tuneguard.recording.unit_sample import InputScale, SaturatedOutputs, SilentUnits, UnitSample
from tuneguard.recording.zero_gradients import ZeroGradients

MOST_MODULES = 64

_WRAPPERS = ("_checkpoint_wrapped_module.", "_fsdp_wrapped_module.")

_logger = logging.getLogger(__name__)


class UnitStatistics:
    """Measures the units of a model at single steps.

    While it is armed, one hook for all modules looks at the outputs of activation modules that
    are in training mode and pass a gradient on. The model itself bears no hook, so a copy or a
    checkpoint of it carries nothing of ours. Micro-batches, and repeated uses of a module by the
    same layer, are put together; uses by different layers are kept apart. What the model returns
    is no hidden layer: whether it is saturated is not measured.

    Nothing waits for the device. Of many activation modules, some take their turn at each armed
    step. Activations that are functions, that are fused into another
    module or that run compiled are not seen; units whose biases get no gradient are.

    Args:
        model: The model that is trained, or a wrapper around it.
    """

    def __init__(self, model: nn.Module) -> None:
        self._process = os.getpid()
        self._model = unwrapped(model)
        # the modules themselves are kept, so that no other one can get the identity of one
        self._activations = [
            (module, LayerUses(_plain(path_of(name, self._model)), measure))
            for name, module in self._model.named_modules()
            if (measure := measure_of(module)) is not None
        ]
        self._uses: dict[int, LayerUses] = {}
        self._turn = 0
        self._zero_gradients = ZeroGradients(model)
        self._samples: int | None = None
        self._input: InputScale | None = None
        self._seconds = 0.0
        self._hook: RemovableHandle | None = None
        self._is_armed = False
        self._has_failed = False
        self._compiled_before = _compiled_frames()

    def arm(self) -> None:
        """Have the next step measured.

        The step before must have been taken unarmed, so that whatever is compiled at the first
        step is known by now.
        """
        self._is_armed = True
        self._samples = None
        self._input = None
        self._take_turns()
        if self._hook is None and not self._has_failed and not self._is_compiled():
            self._hook = register_module_forward_hook(self._on_forward)

    def collect(self) -> UnitSample | None:
        """Return what is known by now; to be called when the armed step's gradient is complete.

        Returns:
            Tensors that may be on the device still; `None` where nothing is known.
        """
        if not self._is_armed:
            return None
        self._disarm()
        parts: list[SilentUnits | SaturatedOutputs | InputScale] = []
        for uses in self._uses.values():
            parts.extend(uses.take())
        parts.extend(self._zero_gradients.look(self._samples))
        if self._input is not None:
            parts.append(self._input)
        return UnitSample(tuple(parts)) if parts else None

    def spent_in_forward(self) -> float:
        """Return the seconds that were spent in forward passes since this was asked last."""
        seconds, self._seconds = self._seconds, 0.0
        return seconds

    def close(self) -> None:
        """Leave no hook behind."""
        self._disarm()

    def _take_turns(self) -> None:
        count = len(self._activations)
        places = range(self._turn, self._turn + min(count, MOST_MODULES))
        chosen = [self._activations[place % count] for place in places]
        self._uses = {id(module): uses for module, uses in chosen}
        self._turn = places.stop % count if count else 0

    def _disarm(self) -> None:
        self._is_armed = False
        hook, self._hook = self._hook, None
        if hook is not None:
            hook.remove()

    def _is_compiled(self) -> bool:
        """Whether torch would have to compile anew, or would warn, because of a hook."""
        frames = _compiled_frames()
        return frames > 0 and (
            frames > self._compiled_before
            or any(
                hasattr(module, "_orig_mod") or getattr(module, "_compiled_call_impl", None)
                for module in self._model.modules()
            )
        )

    def _on_forward(self, module: nn.Module, inputs: Any, output: Any) -> None:
        uses = self._uses.get(id(module))
        if uses is None and module is not self._model:
            return
        if _is_traced() or os.getpid() != self._process:
            return
        started = time.perf_counter()
        try:
            if uses is None:
                self._on_model(inputs, output)
            elif module.training and _is_measurable(output):
                uses.look(output)
        except Exception as error:  # noqa: BLE001 - whatever a model returns, training goes on
            self._has_failed = True
            self._activations = []
            self._uses = {}
            self._disarm()
            _logger.warning("Units are not measured any more; training goes on: %r", error)
        self._seconds += time.perf_counter() - started

    def _on_model(self, inputs: object, output: object) -> None:
        if not self._model.training:
            # a validation begins: its passes go without a hook
            self._disarm()
            return
        returned = [tensor for tensor in _tensors(output) if _is_measurable(tensor)]
        if returned:
            self._samples = (self._samples or 0) + max(len(tensor) for tensor in returned)
        if self._input is None:
            self._input = next(filter(None, map(InputScale.of, _tensors(inputs))), None)
        addresses = {tensor.untyped_storage().data_ptr() for tensor in returned}
        for uses in self._uses.values():
            uses.leave_out(addresses)


def _plain(path: str) -> str:
    for wrapper in _WRAPPERS:
        path = path.replace(wrapper, "")
    return path


def _is_measurable(output: object) -> bool:
    """Whether there is something to measure, here and now, without anybody else's help.

    Tensors that are spread over several processes, nested, sparse, complex, stand for others (meta
    tensors, those of `torch.func`) or belong to a graph that is being captured are left alone.
    """
    return (
        type(output) is torch.Tensor
        and output.requires_grad
        and output.is_floating_point()
        and output.layout is torch.strided
        and output.ndim > 0
        and output.numel() > 0
        and _has_memory(output)
        and not (output.is_cuda and torch.cuda.is_current_stream_capturing())
    )


def _is_traced() -> bool:
    """Whether what runs now becomes part of a graph for later."""
    return torch.compiler.is_compiling() or bool(torch.jit.is_tracing())  # type: ignore[attr-defined,no-untyped-call] # torch has no types for it


def _has_memory(tensor: torch.Tensor) -> bool:
    try:
        return tensor.data_ptr() != 0
    except RuntimeError:
        return False


def _tensors(output: object) -> Iterator[torch.Tensor]:
    if isinstance(output, torch.Tensor):
        yield output
    elif isinstance(output, Mapping):
        for value in output.values():
            yield from _tensors(value)
    elif isinstance(output, list | tuple):
        for value in output:
            yield from _tensors(value)


def _compiled_frames() -> int:
    """How often torch has compiled something in this process."""
    counters = getattr(sys.modules.get("torch._dynamo.utils"), "counters", {})
    return int(counters["frames"]["total"]) if "frames" in counters else 0
