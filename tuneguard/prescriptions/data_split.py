"""Checks of what training and validation are made of, and how much of it to validate on."""

from __future__ import annotations

from tuneguard.findings import Prescription

_DESCRIBE = '''import torch


def describe(inputs, labels):
    """Print what one batch is like; call it on one of each split."""
    values = torch.as_tensor(inputs).float()
    spread = f"mean {values.mean():.3g}, deviation {values.std():.3g}"
    print(f"{spread}, range {values.min():.3g} to {values.max():.3g}")
    print("labels", torch.as_tensor(labels).unique(return_counts=True))'''

_ACCURACY = '''import torch


@torch.no_grad()
def accuracy(model, loader):
    """Call it on the training data, loaded and transformed as validation data are."""
    model.eval()
    hits = [(model(inputs).argmax(1) == labels).float() for inputs, labels in loader]
    model.train()
    return torch.cat(hits).mean().item()'''

_SHARED = '''import hashlib

import torch


def digest(sample):
    """Return a fingerprint of the input of one (input, label) sample."""
    values = torch.as_tensor(sample[0]).contiguous().cpu()
    return hashlib.sha1(values.numpy().tobytes()).hexdigest()


def shared(training_set, validation_set):
    """Return the share of validation samples whose input is in the training set as well."""
    seen = {digest(sample) for sample in training_set}
    return sum(digest(sample) in seen for sample in validation_set) / len(validation_set)'''


def compare_splits() -> Prescription:
    """Show whether both splits are made alike."""
    return Prescription(
        parameter="preprocessing",
        current=None,
        suggested="the same for both splits",
        action="Print range, mean and label counts of one batch of each split, and make them "
        "agree.",
        rationale="What is normalised, tokenised or labelled differently in validation cannot be "
        "predicted from training.",
        tradeoff="A few minutes.",
        verify="Both lines agree to a few per cent, and validation improves with training.",
        snippet=_DESCRIBE,
    )


def validate_on_training_data() -> Prescription:
    """Tell labels that carry nothing from a pipeline that is broken."""
    return Prescription(
        parameter="labels",
        current=None,
        suggested="check by validating on training data",
        action="Run the validation loop on the training data, with validation's transforms.",
        rationale="At chance there as well: the fault is in validation's pipeline or in eval "
        "mode. Good there: the training labels do not say anything about new data, so look for "
        "inputs and labels that were shuffled apart.",
        tradeoff="One evaluation.",
        verify="The accuracy on training data is near that of training, and validation follows.",
        snippet=_ACCURACY,
    )


def find_shared_samples(
    shared: float | None = None, validated: float | None = None
) -> Prescription:
    """Count what is in both splits.

    Args:
        shared: How many validation samples are known to be trained on.
        validated: Of how many.
    """
    is_counted = shared is not None and validated is not None
    return Prescription(
        parameter="validation_split",
        current=f"{shared:g} of {validated:g} samples in both splits" if is_counted else None,
        suggested="no sample, group or later time in both splits",
        action="Count the validation samples that training has seen, and split by group or time.",
        rationale="What was trained on is known by heart: taken out of the training set, or out "
        "of validation, it no longer makes validation better than the model is."
        if is_counted
        else "Validation that is easier than training often holds what training has seen, or an "
        "input that gives the label away.",
        tradeoff="The validation figures get worse, and true.",
        verify="The share of shared samples is 0, and validation is no longer the better one.",
        snippet=_SHARED,
    )


def larger_validation_set(factor: float) -> Prescription:
    """Validate on so many more samples that the noise no longer decides.

    Args:
        factor: How many times as many; the noise falls with its square root.
    """
    times = f"{factor:.2g}"
    return Prescription(
        parameter="validation_samples",
        current="1 times",
        suggested=f"{times} times as many",
        action=f"Validate on {times} times as many samples, or average over as many validations.",
        rationale="The noise falls with the square root of their number; at that size it is a "
        "tenth of what the run gained.",
        tradeoff="Validation takes longer, or training gets fewer samples.",
        verify="Successive validations differ by less than a tenth of the progress made.",
        snippet=(
            "import torch\n\n"
            "averaged = torch.optim.swa_utils.AveragedModel(\n"
            "    model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.99)\n"
            ")\n"
            "# after each step: averaged.update_parameters(model); validate `averaged`"
        ),
    )
