"""How large the outputs of an untrained model are, from the gradient of its last layer."""

from __future__ import annotations


def outputs_over_spread(
    weights: float, gradient: float, *, inputs: float, loss: float, spread: float
) -> float:
    """Estimate the mean square of a model's first outputs, over the spread of its targets.

    A squared error is far above that of predicting the mean for one of two reasons: the outputs
    are large, or the mean of the targets is far from 0, where outputs begin. The last layer tells
    which. Weights `θ` of random signs, `m` for each output, put out a mean square of
    `|θ|² |h|² / (K m)` where they take in `h` (He et al., 2015, Delving deep into rectifiers,
    equation 6, without the expectation), with `K` the number of outputs. And where all samples
    have the same error, the gradient of the loss with respect to `θ` is `2 e h / K`, so that `h`
    follows from it and from the excess of the loss, `|e|² / K`. The unit of the loss cancels out.
    Where the samples' errors differ in sign, their gradients cancel in part, and the estimate is
    too low: up to tenfold for outputs that are all that is wrong.

    Args:
        weights: L2 norm of the weights of the last layer.
        gradient: L2 norm of the gradient of the first loss with respect to them.
        inputs: Numbers that each output takes in, the bias among them.
        loss: The first loss: a squared error, in any unit.
        spread: The loss of predicting the mean of the targets; below `loss`.

    >>> two = {"inputs": 41.0, "spread": 1.0}
    >>> f"{outputs_over_spread(0.6, 2.0, loss=2.0, **two):.4f}"  # targets are off, outputs small
    '0.0088'
    >>> f"{outputs_over_spread(27.0, 4.0, loss=14.0, **two):.1f}"  # outputs are large
    '5.5'
    """
    return (weights * gradient) ** 2 / (4.0 * inputs * (loss - spread) * spread)
