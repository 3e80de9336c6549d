"""What to change where trees were boosted."""

from __future__ import annotations

from collections.abc import Mapping

from tuneguard.findings import Change, Prescription

_STOP = """# XGBoost; the last of the evaluation sets decides
params = {{**params, "early_stopping_rounds": {patience}}}
model = xgboost.XGBClassifier(**params)
model.fit(inputs, targets, eval_set=[(validation_inputs, validation_targets)], verbose=False)"""
_DEPTH = """# XGBoost and LightGBM
params = {{**params, "max_depth": {depth}}}"""
_SHALLOWER = 0.5
_USUAL_DEPTH = 6


def stop_boosting(best_round: float, best: float, patience: int) -> Prescription:
    """Keep the trees up to the best round, and stop when none better follows.

    Args:
        best_round: Where the validation loss was best.
        best: The validation loss there.
        patience: How many rounds to wait for a better one.
    """
    return Prescription(
        parameter="early_stopping_rounds",
        current="boosted past its best",
        suggested=f"{patience}, which ends near round {best_round:g}",
        action=f"Keep the trees up to round {best_round:g}: stop after {patience} rounds without "
        "a better validation loss.",
        rationale=f"The validation loss was best there, at {best:.4g}.",
        tradeoff="A validation set has to be kept apart, and is no test set any more.",
        verify=f"The final validation loss is about {best:.4g}.",
        snippet=_STOP.format(patience=patience),
        changes=(Change("early_stopping_rounds", float(patience)),),
    )


def grow_weaker_trees(params: Mapping[str, str]) -> Prescription:
    """Let single trees fit less.

    Args:
        params: The run's settings.
    """
    given = params.get("max_depth", "")
    depth = int(given) if given.isdigit() and int(given) > 0 else _USUAL_DEPTH
    suggested = max(1, int(depth * _SHALLOWER))
    return Prescription(
        parameter="max_depth",
        current=given if given.isdigit() else None,
        suggested=str(suggested),
        action=f"Grow trees of depth {suggested}.",
        rationale="A tree of depth d splits the training data into up to 2^d parts: deep ones "
        "find parts of a few samples each.",
        tradeoff="More rounds are needed, and interactions of more features than that are missed.",
        verify="The validation loss is best later, and its best is no worse.",
        snippet=_DEPTH.format(depth=suggested),
        changes=(Change("max_depth", float(suggested)),),
    )
