"""Where to stop, and which weights to keep."""

from __future__ import annotations

import math

from tuneguard.findings import Change, Prescription

_SNIPPET = '''import copy

best = {{"{short}": float("{sign}inf"), "state": copy.deepcopy(model.state_dict()), "waited": 0}}


def should_stop(validation_{short}, patience={patience}):
    """Call after each validation; at the end: model.load_state_dict(best["state"])."""
    if validation_{short} {better} best["{short}"]:
        best.update({short}=validation_{short}, state=copy.deepcopy(model.state_dict()), waited=0)
    else:
        best["waited"] += 1
    return best["waited"] >= patience'''


def stop_at_best(  # noqa: PLR0913 - where, what, and how long to wait
    best_step: float,
    axis: str,
    best: float,
    patience: int,
    *,
    name: str = "validation loss",
    is_higher_better: bool = False,
) -> Prescription:
    """Keep the weights of the best validation and stop when none better follows.

    Args:
        best_step: Where the run was best.
        axis: What `best_step` counts: `step` or `epoch`.
        best: The loss or metric there.
        patience: How many validations to wait for a better one.
        name: Which loss or metric that is.
        is_higher_better: Whether it is one of which more is better.
    """
    return Prescription(
        parameter="early_stopping",
        current="trained past its best",
        suggested=f"{axis} {best_step:g}",
        action=(
            f"Keep the weights of {axis} {best_step:g}, and stop after {patience} validations "
            "without a better one."
        ),
        rationale=f"The {name} was best there, at {best:.4g}.",
        tradeoff="None for this run; a later second descent would be missed.",
        changes=(Change("patience", float(patience)),),
        verify=f"The final {name} is about {best:.4g}.",
        snippet=_SNIPPET.format(
            patience=patience,
            short="score" if is_higher_better else "loss",
            sign="-" if is_higher_better else "",
            better=">" if is_higher_better else "<",
        ),
    )


def train_longer(length: float, factor: float, axis: str, gain: float, name: str) -> Prescription:
    """Go on until the curve has flattened.

    Args:
        length: How long the run was.
        factor: How many times as long the next one should be.
        axis: What `length` counts: `step` or `epoch`.
        gain: How much better the extrapolated curve is then.
        name: Which series was extrapolated.
    """
    longer = math.ceil(length * factor)
    return Prescription(
        parameter=f"{axis}s",
        current=f"{length:g}",
        suggested=f"{longer}",
        action=f"Train for {longer} {axis}s in place of {length:g}; go on from the last "
        "checkpoint if there is one.",
        rationale=f"The {name} still improves, and its curve leads to another {gain:.3g} "
        "or more by then.",
        tradeoff=f"{factor:g} times the computation; watch the validation for overfitting.",
        changes=(Change(f"{axis}s", float(longer)),),
        verify=f"The {name} is better by about {gain:.3g} or more, and its curve is flat at "
        "the end.",
        snippet=(
            "import torch\n\n"
            "# a schedule must be as long as the run\n"
            "scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, "
            f"T_max={longer})\n"
            f"# scheduler.step() after each {axis}"
        ),
    )


def end_sooner(best_step: float, length: float, axis: str) -> Prescription:
    """Plan a run that ends soon after nothing more is gained.

    Args:
        best_step: Since when nothing was gained.
        length: How long the run was.
        axis: What both count: `step` or `epoch`.
    """
    shorter = max(1, min(math.ceil(1.25 * best_step), math.ceil(length) - 1))
    return Prescription(
        parameter=f"{axis}s",
        current=f"{length:g}",
        suggested=f"{shorter}",
        action=f"Train for {shorter} {axis}s in place of {length:g}, with the learning rate "
        "decayed over that length.",
        rationale=f"Nothing was gained after {axis} {best_step:g}; a decay to zero within the "
        "shorter run often gains a little more.",
        tradeoff="A late second descent would be missed.",
        changes=(Change(f"{axis}s", float(shorter)), Change("schedule", "cosine")),
        verify=f"The best validation is as good as before, within {shorter} {axis}s.",
        snippet=(
            "import torch\n\n"
            "scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, "
            f"T_max={shorter})\n"
            f"# scheduler.step() after each {axis}"
        ),
    )
