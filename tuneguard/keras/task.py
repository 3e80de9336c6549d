"""What a model learns, from the loss that it was compiled with."""

from __future__ import annotations

from typing import Any

from tuneguard.history.roles import normalise

_CLASSIFICATION = {"sparse_categorical_crossentropy", "categorical_crossentropy"}
_BINARY = {"binary_crossentropy", "binary_focal_crossentropy"}
_REGRESSION = {
    *("mse", "mean_squared_error", "mae", "mean_absolute_error", "huber", "log_cosh"),
    *("mape", "mean_absolute_percentage_error", "msle", "mean_squared_logarithmic_error"),
}


def facts_of_loss(loss: Any) -> dict[str, Any]:
    """Return `task`, and `num_classes` of a binary cross-entropy, of one of Keras' own losses.

    Args:
        loss: As `model.compile` was given it; of several losses nothing is said.

    >>> facts_of_loss("sparse_categorical_crossentropy"), facts_of_loss(["mse", "mse"])
    ({'task': 'classification'}, {})
    """
    name = loss if isinstance(loss, str) else getattr(loss, "name", None)
    name = name or getattr(loss, "__name__", "")
    known = normalise(str(name))
    if known in _CLASSIFICATION:
        return {"task": "classification"}
    if known in _BINARY:
        # each output is a guess of its own between two classes
        return {"task": "classification", "num_classes": 2}
    return {"task": "regression"} if known in _REGRESSION else {}
