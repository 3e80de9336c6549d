"""Finding where numbers stop being numbers, and whether anything is learned at all."""

from __future__ import annotations

from tuneguard.findings import Prescription


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
