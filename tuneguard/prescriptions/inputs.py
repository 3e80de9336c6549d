"""What the model is given: its scale, and batches unlike the others."""

from __future__ import annotations

from tuneguard.findings import Change, Prescription
from tuneguard.prescriptions.wording import number


def standardise_inputs(mean: float | None, deviation: float | None) -> Prescription:
    """Bring the inputs to mean 0 and standard deviation 1.

    Args:
        mean: Of the inputs now, where it was measured.
        deviation: Their standard deviation, where it was measured.
    """
    is_known = mean is not None and deviation is not None and deviation > 0.0
    current = f"mean {mean:.3g}, deviation {deviation:.3g}" if is_known else None
    numbers = f"({mean:.4g}, {deviation:.4g})" if is_known else "(inputs.mean(), inputs.std())"
    return Prescription(
        parameter="input_scale",
        current=current,
        suggested="mean 0, deviation 1",
        action="Standardise the inputs, each feature or channel by its own mean and deviation "
        "over the training data.",
        rationale="Initialisation and learning rate are made for inputs of unit scale.",
        tradeoff="Validation and inference must use the same numbers.",
        changes=(Change("input_scale", "standardised"),),
        verify="input/standard_deviation is near 1, and the first loss near chance level.",
        snippet=(
            "import torch\n\n\n"
            "def standardised(inputs):\n"
            '    """Apply to every batch; with numbers of each feature where they differ."""\n'
            f"    mean, deviation = {numbers}\n"
            "    return (inputs - mean) / deviation"
        ),
    )


def look_at_batches(steps: tuple[float, ...]) -> Prescription:
    """Find out what was in the batches that the loss leapt at."""
    named = ", ".join(number(step) for step in steps[:5])
    chosen = tuple(int(step) for step in steps[:5])
    return Prescription(
        parameter="data",
        current=f"odd batches at step {named}",
        suggested="checked, and filtered",
        action=f"Look at the batches of step {named}: at their range, their labels and their "
        "duplicates.",
        rationale="The loss leapt at single batches while the steps before them were ordinary.",
        tradeoff="Filtering too much biases the data.",
        verify="The loss no longer leaps at the same samples.",
        snippet=(
            "import torch\n\n"
            f"odd_steps = {chosen!r}\n\n\n"
            "def describe(step, inputs, targets):\n"
            '    """Call before the model, for every batch."""\n'
            "    if step in odd_steps:\n"
            "        print(step, inputs.float().abs().max().item(), targets.unique())"
        ),
    )
