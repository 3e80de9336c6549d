"""Finding where numbers stop being numbers, and whether anything is learned at all."""

from __future__ import annotations

from tuneguard.findings import Change, Prescription
from tuneguard.prescriptions.wording import number


def find_the_first_bad_value(step: float) -> Prescription:
    """Let autograd name the operation that made the first NaN."""
    return Prescription(
        parameter="anomaly_detection",
        current="off",
        suggested=f"on, for the steps before {step:g}",
        action=f"Repeat the steps up to {step:g} with anomaly detection, and check the inputs.",
        rationale="It names the operation whose backward pass returned the first NaN.",
        tradeoff="Training is several times slower while it is on.",
        verify="The traceback names a forward operation: log, sqrt, division or an input.",
        snippet=(
            "import torch\n\n"
            "torch.autograd.set_detect_anomaly(True)\n\n\n"
            "def check(batch):\n"
            '    """Call on every batch of inputs."""\n'
            '    assert torch.isfinite(batch).all(), "the input is not finite"'
        ),
    )


def overfit_one_batch() -> Prescription:
    """Show whether the model can learn anything at all."""
    return Prescription(
        parameter="wiring",
        current=None,
        suggested="check by fitting one batch",
        action="Check that every parameter is in the optimizer and gets a gradient, then fit a "
        "single batch until its loss is near zero.",
        rationale="A model that cannot memorise one batch has a fault in its wiring, its loss or "
        "its labels; no hyper-parameter will help.",
        tradeoff="A few minutes.",
        verify="The loss of that one batch falls by a factor of ten within a few hundred steps.",
        snippet=(
            "held = {id(p) for group in optimizer.param_groups for p in group['params']}\n"
            "for name, parameter in model.named_parameters():\n"
            "    if not parameter.requires_grad:\n"
            "        print(name, 'is frozen')\n"
            "    elif id(parameter) not in held:\n"
            "        print(name, 'is not in the optimizer')\n"
            "    elif parameter.grad is None or not parameter.grad.any():\n"
            "        print(name, 'gets no gradient')"
        ),
    )


def zero_gradients(factor: float = 1.0) -> Prescription:
    """Begin each step with no gradient.

    Args:
        factor: What to multiply the learning rate by at the same time: one that was found while
            gradients added up is too low without that.
    """
    rate = f", and multiply the learning rate by {number(factor)}" if factor != 1.0 else ""
    return Prescription(
        parameter="zero_grad",
        current="gradients are kept from step to step",
        suggested=f"zero_grad() in every step{rate}",
        action=f"Call optimizer.zero_grad() before every backward pass{rate}.",
        rationale="backward() adds to the gradients that are there: each step used the sum of "
        "all gradients since the start.",
        tradeoff="None. To accumulate on purpose, zero them every few steps, and tell the "
        "callback with accumulate=.",
        changes=(
            Change("zero_grad", True),
            *((Change("learning_rate", factor, "multiply"),) if rate else ()),
        ),
        verify="gradient/carried_over is 0.",
        snippet=(
            "def train_step(model, optimizer, criterion, inputs, targets):\n"
            "    optimizer.zero_grad()\n"
            "    loss = criterion(model(inputs), targets)\n"
            "    loss.backward()\n"
            "    optimizer.step()\n"
            "    return loss"
            + (
                f'\n\n\nfor group in optimizer.param_groups:\n    group["lr"] *= {factor!r}'
                if rate
                else ""
            )
        ),
    )


def train_in_bfloat16(share: float) -> Prescription:
    """Use a format that needs no loss scale.

    Args:
        share: Of the steps that were skipped.
    """
    return Prescription(
        parameter="precision",
        current=f"float16, {number(100.0 * share)} % of the steps skipped",
        suggested="bfloat16 without a loss scale",
        action="Train in bfloat16, which has the range of float32 and needs no loss scale.",
        rationale="Gradients overflowed float16 again and again; each time a step was lost and "
        "the scale halved, until small gradients become zero.",
        tradeoff="Three bits less of precision; older GPUs lack it.",
        changes=(Change("precision", "bfloat16"),),
        verify="tuneguard/skipped_steps does not grow.",
        snippet=(
            "import torch\n\n"
            "device = next(model.parameters()).device.type\n"
            "mixed = torch.autocast(device, dtype=torch.bfloat16)  # with mixed: loss = ..."
        ),
    )
