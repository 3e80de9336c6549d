"""Where to stop, and which weights to keep."""

from __future__ import annotations

from tuneguard.findings import Prescription

_SNIPPET = '''import copy

best = {{"loss": float("inf"), "state": copy.deepcopy(model.state_dict()), "waited": 0}}


def should_stop(validation_loss, patience={patience}):
    """Call after each validation; at the end: model.load_state_dict(best["state"])."""
    if validation_loss < best["loss"]:
        best.update(loss=validation_loss, state=copy.deepcopy(model.state_dict()), waited=0)
    else:
        best["waited"] += 1
    return best["waited"] >= patience'''


def stop_at_best(
    best_step: float, axis: str, loss: float, patience: int, name: str = "validation loss"
) -> Prescription:
    """Keep the weights of the best validation and stop when none better follows.

    Args:
        best_step: Where the run was best.
        axis: What `best_step` counts: `step` or `epoch`.
        loss: The loss there.
        patience: How many validations to wait for a better one.
        name: Which loss that is.
    """
    return Prescription(
        parameter="early_stopping",
        current="trained past its best",
        suggested=f"{axis} {best_step:g}",
        action=(
            f"Keep the weights of {axis} {best_step:g}, and stop after {patience} validations "
            "without a better one."
        ),
        rationale=f"The {name} was best there, at {loss:.4g}.",
        tradeoff="None for this run; a later second descent would be missed.",
        verify=f"The final {name} is about {loss:.4g}.",
        snippet=_SNIPPET.format(patience=patience),
    )
