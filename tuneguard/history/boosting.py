"""Whether a run boosted trees: it has rounds and shrinkage, but no gradients and no optimizer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_ROUNDS = {"num_boost_round", "boosting_type", "n_iter_no_change", "booster"}
_TREES = {"max_depth", "max_leaf_nodes", "num_leaves", "min_data_in_leaf", "min_samples_leaf"}
_NETWORK = {"optimizer", "optimizer_name", "hidden_layer_sizes", "epochs", "batch_size"}
_NUMBERED = re.compile(r"validation_\d+")
_TRAIN = {"train", "training", "dtrain"}
_LOSSES = re.compile(
    r"loss|entropy|deviance|kullback|rmse|rmsle|^l1$|^l2$|mae|mape|^mphe$|poisson|gamma|tweedie"
    r"|quantile|huber|^fair$|error|nloglik"
)

ROUNDS_NOTE = (
    "The run boosted trees: a step is a boosting round, and there are no gradients to record."
)


def is_boosting(params: Mapping[str, object]) -> bool:
    """Tell boosted trees by the settings that XGBoost, LightGBM and scikit-learn give them.

    >>> is_boosting({"num_boost_round": 300}), is_boosting({"lr": 0.1, "max_depth": 3})
    (True, False)
    """
    names = set(params)
    if names & _NETWORK:
        return False
    is_staged = bool(names & _ROUNDS) or {"n_estimators", "learning_rate"} <= names
    return "num_boost_round" in names or (is_staged and bool(names & _TREES))


def roles_of_sets(keys: Iterable[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Choose a loss, and by it the training and the validation data, among `<set>-<metric>`.

    XGBoost's estimators only number their sets. The last of them is what XGBoost itself stops
    early by, so it is the validation; the first of several is usually the training data.

    Args:
        keys: Of all series.

    Returns:
        Role name to key, and what was assumed.

    >>> roles_of_sets(["train-rmse", "eval-rmse"])[0]
    {'train_loss': 'train-rmse', 'validation_loss': 'eval-rmse'}
    >>> roles_of_sets(["validation_0-mlogloss", "validation_1-mlogloss"])[0]
    {'train_loss': 'validation_0-mlogloss', 'validation_loss': 'validation_1-mlogloss'}
    """
    of_metric: dict[str, dict[str, str]] = {}
    for key in sorted(keys, key=_in_order):
        name, dash, metric = key.partition("-")
        if dash and _LOSSES.search(metric):
            of_metric.setdefault(metric, {})[name] = key
    if not of_metric:
        return {}, ()
    # several losses: the one that most sets have, a likelihood before a distance
    sets = max(of_metric.items(), key=lambda item: (len(item[1]), "loss" in item[0], item[0]))[1]
    train = next((name for name in sets if name.lower() in _TRAIN), None)
    others = [name for name in sets if name != train]
    notes: list[str] = []
    if train is None and len(others) > 1 and all(map(_NUMBERED.fullmatch, others)):
        train, *others = others
        notes.append(
            f"XGBoost only numbers its evaluation sets: {train!r} was taken for the training "
            f"data, {others[-1]!r}, by which it would stop early, for the validation. If that is "
            "wrong: --map train_loss=KEY --map validation_loss=KEY."
        )
    elif len(others) > 1:
        rivals = ", ".join(repr(sets[name]) for name in others[:-1])
        notes.append(
            f"validation_loss was taken from {sets[others[-1]]!r}; {rivals} would fit as well: "
            "choose with --map validation_loss=KEY."
        )
    roles = {} if train is None else {"train_loss": sets[train]}
    return roles | ({"validation_loss": sets[others[-1]]} if others else {}), tuple(notes)


def _in_order(key: str) -> list[tuple[bool, int, str]]:
    """Sort by numbers as numbers."""
    parts = re.findall(r"\d+|\D+", key)
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]
