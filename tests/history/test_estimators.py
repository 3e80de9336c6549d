"""Histories out of fitted estimators, checked against scikit-learn's own metrics."""

from __future__ import annotations

import subprocess
import sys
import warnings

import numpy as np
import pytest
from sklearn.datasets import make_classification, make_regression
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, mean_squared_error
from sklearn.model_selection import learning_curve
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tuneguard import RunHistory, diagnose
from tuneguard.exceptions import HistoryFormatError
from tuneguard.history import Axis, Role


def classes(count: int = 2):
    return make_classification(300, 8, n_informative=5, n_classes=count, random_state=0)


def values(history: RunHistory, key: str) -> list[float]:
    return history.series[key].values.tolist()


@pytest.fixture(scope="module")
def perceptron() -> MLPClassifier:
    model = MLPClassifier(
        (8,), learning_rate_init=0.01, early_stopping=True, max_iter=20, random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(*classes())


class TestPerceptron:
    def test_loss_curve_and_validation_scores(self, perceptron) -> None:
        history = RunHistory.from_estimator(perceptron)
        assert values(history, "train/loss") == perceptron.loss_curve_
        assert values(history, "validation/accuracy") == perceptron.validation_scores_
        assert history.get(Role.TRAIN_LOSS).axis is Axis.EPOCH

    def test_the_learning_rate_is_the_number_and_not_the_schedule(self, perceptron) -> None:
        history = RunHistory.from_estimator(perceptron)
        assert history.hyperparameters.learning_rate == 0.01

    def test_as_the_end_of_a_pipeline(self, perceptron) -> None:
        history = RunHistory.from_estimator(make_pipeline(StandardScaler(), perceptron))
        assert values(history, "train/loss") == perceptron.loss_curve_


class TestGradientBoosting:
    @pytest.mark.parametrize("count", [2, 3])
    def test_losses_of_classes_are_log_losses(self, count) -> None:
        x, y = classes(count)
        model = GradientBoostingClassifier(n_estimators=5, random_state=0).fit(x, y)
        history = RunHistory.from_estimator(model, x, y)
        by_sklearn = [log_loss(y, chances) for chances in model.staged_predict_proba(x)]
        assert values(history, "train/loss") == pytest.approx(by_sklearn)
        assert values(history, "validation/loss") == pytest.approx(by_sklearn)
        assert values(history, "validation/accuracy")[-1] == model.score(x, y)
        assert history.series["train/loss"].steps.tolist() == [1, 2, 3, 4, 5]

    def test_losses_of_a_regression(self) -> None:
        x, y = make_regression(100, 4, random_state=0)
        model = GradientBoostingRegressor(n_estimators=5, random_state=0).fit(x, y)
        history = RunHistory.from_estimator(model, X_val=x, y_val=y)
        by_sklearn = [mean_squared_error(y, predicted) for predicted in model.staged_predict(x)]
        assert values(history, "train/loss") == pytest.approx(by_sklearn)
        assert values(history, "validation/loss") == pytest.approx(by_sklearn)

    def test_a_loss_that_is_not_computed_here_gives_a_metric(self) -> None:
        x, y = make_regression(100, 4, random_state=0)
        model = GradientBoostingRegressor(n_estimators=3, loss="huber", random_state=0).fit(x, y)
        history = RunHistory.from_estimator(model, x, y)
        assert Role.VALIDATION_LOSS not in history.roles
        assert "validation/mse" in history.series

    def test_a_class_that_was_not_fitted(self) -> None:
        x, y = classes()
        model = GradientBoostingClassifier(n_estimators=2).fit(x, y)
        with pytest.raises(HistoryFormatError, match="none of the classes"):
            RunHistory.from_estimator(model, x, y + 1)

    def test_overfitting_of_stages_is_found(self) -> None:
        random = np.random.default_rng(0)
        x, y = random.normal(size=(600, 5)), random.integers(0, 2, 600)
        y = np.where(random.random(600) < 0.7, x[:, 0] > 0, y).astype(int)
        model = GradientBoostingClassifier(
            n_estimators=200, learning_rate=0.3, max_depth=6, random_state=0
        ).fit(x[:200], y[:200])
        found = diagnose(RunHistory.from_estimator(model, x[200:], y[200:]))
        assert "overfitting" in {finding.rule for finding in found.all_findings()}


class TestHistGradientBoosting:
    def test_scores_of_early_stopping_are_negative_losses(self) -> None:
        model = HistGradientBoostingClassifier(max_iter=6, early_stopping=True, random_state=0)
        model.fit(*classes())
        history = RunHistory.from_estimator(model)
        assert values(history, "train/loss") == (-model.train_score_).tolist()
        assert values(history, "validation/loss") == (-model.validation_score_).tolist()
        assert history.series["train/loss"].steps[0] == 0

    @pytest.mark.parametrize("task", ["classes", "numbers"])
    def test_staged_losses_are_of_the_same_kind(self, task) -> None:
        """Early stopping computes the same loss on the same samples, where it is given them."""
        x, y = classes() if task == "classes" else make_regression(300, 4, random_state=0)
        kind = (
            HistGradientBoostingClassifier if task == "classes" else HistGradientBoostingRegressor
        )
        model = kind(max_iter=6, early_stopping=True, validation_fraction=0.5, random_state=0)
        model.fit(x, y)
        by_stages = RunHistory.from_estimator(model, x, y)
        mean = 0.5 * (model.train_score_ + model.validation_score_)
        assert values(by_stages, "validation/loss") == pytest.approx((-mean[1:]).tolist())

    def test_a_scorer_by_name_is_a_metric(self) -> None:
        model = HistGradientBoostingClassifier(
            max_iter=6, early_stopping=True, scoring="accuracy", random_state=0
        ).fit(*classes())
        history = RunHistory.from_estimator(model)
        assert {metric.key for metric in history.metrics} == {
            "train/accuracy",
            "validation/accuracy",
        }

    def test_without_scores_it_is_said_what_to_do(self) -> None:
        model = HistGradientBoostingClassifier(max_iter=2, early_stopping=False).fit(*classes())
        with pytest.raises(HistoryFormatError, match="without early stopping"):
            RunHistory.from_estimator(model)


@pytest.mark.parametrize("estimator", [MLPClassifier(), LogisticRegression(), object()])
def test_what_keeps_no_course(estimator) -> None:
    with pytest.raises(HistoryFormatError, match="is not fitted, or keeps no course"):
        RunHistory.from_estimator(estimator)


class TestLearningCurve:
    def test_of_a_model_that_overfits(self) -> None:
        x, y = classes()
        model = GradientBoostingClassifier(n_estimators=20, random_state=0)
        curve = learning_curve(model, x, y, train_sizes=[0.2, 0.6, 1.0], cv=5)
        history = RunHistory.from_learning_curve(*curve)
        assert history.series["validation_score"].steps.tolist() == [48, 144, 240]
        assert values(history, "validation_score") == curve[2].mean(axis=1).tolist()
        assert "It overfits" in history.notes[1]

    def test_no_rule_judges_it(self) -> None:
        scores = np.linspace(0.5, 0.9, 30)[:, None] + np.zeros((30, 3))
        found = diagnose(RunHistory.from_learning_curve(range(10, 310, 10), scores, scores))
        assert (found.verdict, found.findings) == ("inconclusive", ())

    def test_scores_that_agree(self) -> None:
        scores = np.array([[0.6, 0.7, 0.65], [0.7, 0.72, 0.69]])
        notes = RunHistory.from_learning_curve([10, 20], scores, scores[:, ::-1]).notes
        assert "The two agree" in notes[1]
        assert "more data still helps" not in notes[2]

    def test_the_error_of_folds_is_corrected(self) -> None:
        """Variance of 0, 1, 2 is 1; times 1/3 + 1/2 for three folds."""
        training = np.array([[0.0, 1.0, 2.0]])
        notes = RunHistory.from_learning_curve([10], training, np.zeros((1, 3))).notes
        assert "a gap of 1 ± 0.91" in notes[1]

    def test_shapes_that_do_not_belong_together(self) -> None:
        with pytest.raises(HistoryFormatError, match="as learning_curve returns them"):
            RunHistory.from_learning_curve([1, 2], np.zeros((3, 2)), np.zeros((3, 2)))


def test_scikit_learn_is_not_imported() -> None:
    check = "import sys, tuneguard.history; sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
