"""Where to stop, and which weights to keep."""

from __future__ import annotations

from tuneguard.findings import Prescription

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
        verify=f"The final {name} is about {best:.4g}.",
        snippet=_SNIPPET.format(
            patience=patience,
            short="score" if is_higher_better else "loss",
            sign="-" if is_higher_better else "",
            better=">" if is_higher_better else "<",
        ),
    )
