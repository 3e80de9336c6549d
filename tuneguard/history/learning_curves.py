"""Scores over sizes of the training set: no course of a training, but what it shows of the gap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tuneguard.exceptions import HistoryFormatError

TRAINING = "training_score"
VALIDATION = "validation_score"
_ERRORS = 2.0


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """Scores by size of the training set, the higher the better.

    Attributes:
        sizes: Shape `(n,)`, increasing.
        training: Shape `(n, folds)`.
        validation: Shape `(n, folds)`.
    """

    sizes: NDArray[np.float64]
    training: NDArray[np.float64]
    validation: NDArray[np.float64]

    @classmethod
    def of(cls, sizes: ArrayLike, training: ArrayLike, validation: ArrayLike) -> LearningCurve:
        """Check and keep what `sklearn.model_selection.learning_curve` returned.

        Raises:
            HistoryFormatError: The shapes do not belong together.
        """
        counted = np.asarray(sizes, dtype=np.float64)
        scores = [np.asarray(one, dtype=np.float64) for one in (training, validation)]
        shapes = {one.shape for one in scores}
        if counted.ndim != 1 or len(shapes) != 1 or scores[0].shape[:1] != counted.shape:
            raise HistoryFormatError(
                f"Expected sizes of shape (n,) and two arrays of shape (n, folds), as "
                f"learning_curve returns them; got {counted.shape}, {scores[0].shape} and "
                f"{scores[1].shape}."
            )
        return cls(counted, *(one.reshape(len(counted), -1) for one in scores))

    def series(self) -> Mapping[str, list[tuple[float, float]]]:
        """Return the means over folds, under names that no rule takes for a training."""
        return {
            name: list(zip(self.sizes.tolist(), scores.mean(axis=1).tolist(), strict=True))
            for name, scores in ((TRAINING, self.training), (VALIDATION, self.validation))
        }

    def notes(self) -> tuple[str, ...]:
        """Say what the curve shows: the gap at the largest size, and whether data still helps."""
        what = (
            f"This is a learning curve over sizes of the training set, with "
            f"{self.training.shape[1]} folds: no course of a training, so no rule that judges one "
            "can speak of it."
        )
        return (what, self._note_on_gap(), *self._note_on_more_data())

    def _note_on_gap(self) -> str:
        gap, error = self._mean_and_error(self.training[-1] - self.validation[-1])
        if gap > _ERRORS * error:
            verdict = "It overfits: more data or more regularisation narrows the gap."
        else:
            verdict = (
                "The two agree: where the score is too low, the model underfits, and more data "
                "will not raise it."
            )
        return (
            f"The score at {self.sizes[-1]:,.0f} samples is {self.training[-1].mean():.4g} in "
            f"training, {self.validation[-1].mean():.4g} in validation: a gap of {gap:.3g}"
            f"{_plus_minus(error)}. {verdict}"
        )

    def _note_on_more_data(self) -> tuple[str, ...]:
        if len(self.sizes) < 2:
            return ()
        rise, error = self._mean_and_error(self.validation[-1] - self.validation[-2])
        what = f"From {self.sizes[-2]:,.0f} samples on, the validation score changed by {rise:.3g}"
        verdict = "more data still helps" if rise > _ERRORS * error else "that is within its error"
        return (f"{what}{_plus_minus(error)}: {verdict}.",)

    def _mean_and_error(self, differences: NDArray[np.float64]) -> tuple[float, float]:
        """Return the mean over folds and its standard error.

        Folds share most of their training data, so their plain error is too small; it is
        corrected as in Nadeau and Bengio, "Inference for the Generalization Error", Machine
        Learning 52 (2003), for k-fold cross-validation. Infinite for a single fold.
        """
        folds = len(differences)
        if folds < 2:
            return float(differences.mean()), float("inf")
        shared = 1.0 / folds + 1.0 / (folds - 1)
        return float(differences.mean()), float(np.sqrt(shared * differences.var(ddof=1)))


def _plus_minus(error: float) -> str:
    return f" ± {error:.2g}" if np.isfinite(error) else " (one fold: its error is not known)"
