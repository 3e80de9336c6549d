"""A whole run, as a rule sees it: nothing in it can be changed, nothing leads outside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from numpy.typing import ArrayLike

from tuneguard import keys
from tuneguard.history.axes import place_on_axes
from tuneguard.history.boosting import ROUNDS_NOTE, is_boosting, roles_of_sets
from tuneguard.history.course_notes import course_notes
from tuneguard.history.duplicates import duplicate_notes
from tuneguard.history.estimators import course_of
from tuneguard.history.hyperparameters import Hyperparameters
from tuneguard.history.learning_curves import LearningCurve
from tuneguard.history.roles import Assignment, Metric, Role, assign_roles
from tuneguard.history.series import Axis, Series
from tuneguard.history.unread_series import unread_notes

Status = Literal["running", "finished", "failed", "killed"]


@dataclass(frozen=True, slots=True)
class RunIdentity:
    """Where a history came from. Names are untrusted text.

    Attributes:
        run_id: The run in the tracking store, or `None` for a file or a mapping.
        name: Name of the run or path of the file.
        experiment_id: The experiment in the tracking store.
        tracking_uri: The tracking store.
        state: Hash of everything that a diagnosis of the run depends on.
    """

    run_id: str | None = None
    name: str = ""
    experiment_id: str | None = None
    tracking_uri: str | None = None
    state: str = ""


@dataclass(frozen=True, eq=False)
class RunHistory:
    """What happened in a run.

    Attributes:
        series: All series by key.
        roles: Which key plays which role.
        metrics: Measured qualities with their directions.
        params: The run's params as they are.
        hyperparameters: What could be read out of them.
        layers: Names of the model's layers, from input to output, where known.
        status: How the run stands, or `None` where nobody knows.
        planned_steps: How many optimizer steps were planned, where known.
        source: Where the points came from.
        notes: What a person should know about the reading: ambiguities, resumes.
        identity: Where the run is kept.
    """

    series: Mapping[str, Series]
    roles: Mapping[Role, str] = field(default_factory=dict)
    metrics: tuple[Metric, ...] = ()
    params: Mapping[str, str] = field(default_factory=dict)
    hyperparameters: Hyperparameters = field(default_factory=Hyperparameters)
    layers: tuple[str, ...] = ()
    status: Status | None = None
    planned_steps: int | None = None
    source: Literal["record", "metrics", "series", "file"] = "series"
    notes: tuple[str, ...] = ()
    identity: RunIdentity = field(default_factory=RunIdentity)

    def get(self, role: Role) -> Series | None:
        """Return the series that plays `role`, or `None`."""
        key = self.roles.get(role)
        return self.series[key] if key is not None else None

    def of_layers(self, quantity: str) -> dict[str, Series]:
        """Return the series of each layer for `keys.GRADIENT_NORM` or `keys.UPDATE_RATIO`.

        The layers come from input to output where their order is known, else by name.
        """
        found: dict[str, Series] = {}
        for prefix in (f"{quantity}/", f"{keys.PREFIX}{quantity}/"):
            for key, series in self.series.items():
                layer = key.removeprefix(prefix)
                is_layer = key.startswith(prefix) and layer != keys.GLOBAL
                if is_layer and not key.endswith(keys.MAXIMUM_SUFFIX):
                    found[layer] = series
        ranks = {keys.safe(layer): rank for rank, layer in enumerate(self.layers)}
        order = sorted(found, key=lambda layer: (ranks.get(layer, len(ranks)), layer))
        return {layer: found[layer] for layer in order}

    @property
    def last_step(self) -> float:
        """The last step of any series, on the step axis if there is one."""
        ends = [(s.axis is Axis.STEP, float(s.steps[-1])) for s in self.series.values() if len(s)]
        return max(ends)[1] if ends else 0.0

    @property
    def is_boosting(self) -> bool:
        """Whether trees were boosted, so that there is no network and no optimizer."""
        return is_boosting(self.params)

    @property
    def is_running(self) -> bool:
        """Whether more may follow."""
        return self.status == "running"

    @classmethod
    def from_series(  # noqa: PLR0913, PLR0917 - everything that may be known of a run
        cls,
        series: Mapping[str, Iterable[tuple[Any, Any]] | Series],
        params: Mapping[str, Any] | None = None,
        roles: Mapping[str, str] | None = None,
        axis: Literal["step", "epoch"] | None = None,
        status: Status | None = None,
        planned_steps: int | None = None,
        *,
        higher_is_better: Mapping[str, bool] | None = None,
        layers: Iterable[str] = (),
        source: Literal["record", "metrics", "series", "file"] = "series",
        notes: Iterable[str] = (),
        identity: RunIdentity | None = None,
    ) -> RunHistory:
        """Build a history from plain points under the names that people use.

        Args:
            series: Key to `(step, value)` pairs in the order in which they were written.
            params: Settings of the run under their usual names.
            roles: Role name to key, where the key's name does not tell.
            axis: What the steps count; found out from the series where not given.
            status: How the run stands.
            planned_steps: How many optimizer steps were planned.
            higher_is_better: Direction of metrics that no table knows.
            layers: Names of the layers from input to output.
            source: Where the points came from.
            notes: What a person should know about the reading.
            identity: Where the run is kept.

        Raises:
            HistoryFormatError: A series is not made of pairs of numbers, or `roles` names what
                is not there.

        >>> history = RunHistory.from_series({"loss": [(1, 0.5), (2, 0.25)]})
        >>> history.get(Role.TRAIN_LOSS).values.tolist()
        [0.5, 0.25]
        """
        built = {
            key: points if isinstance(points, Series) else Series.from_points(key, points)
            for key, points in series.items()
        }
        text = {key: str(value) for key, value in (params or {}).items()}
        boosts = is_boosting(text)
        assumed, assumptions = roles_of_sets(built) if boosts and not roles else ({}, ())
        assignment = assign_roles(
            {key: len(one) for key, one in built.items() if len(one)},
            roles or assumed,
            higher_is_better,
            is_recorded=source == "record",
        )
        hyperparameters = Hyperparameters.from_params(text)
        planned = planned_steps or hyperparameters.planned_steps
        known = axis or ("step" if boosts else None)
        placed = place_on_axes(built, assignment.validation_keys, known and Axis(known))
        return cls(
            series=placed,
            roles=assignment.roles,
            metrics=assignment.metrics,
            params=text,
            hyperparameters=hyperparameters,
            layers=tuple(layers),
            status=status,
            planned_steps=int(planned) if planned and planned > 0 else None,
            source=source,
            notes=(
                *notes,
                *((ROUNDS_NOTE,) if boosts else ()),
                *assumptions,
                *_notes_on(placed, assignment),
                *(() if boosts or source == "record" else _unread(placed, assignment)),
            ),
            identity=identity or RunIdentity(),
        )

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X_val: Any = None,  # noqa: N803 - as scikit-learn calls it
        y_val: Any = None,
    ) -> RunHistory:
        """Build a history from what a fitted estimator of scikit-learn remembers.

        That is `loss_curve_` and `validation_scores_` of a multi-layer perceptron, and the scores
        of the stages of gradient boosting.

        Args:
            estimator: Fitted; a pipeline that ends in one will do.
            X_val: Samples that it was not fitted on, for the loss of each stage of boosting.
            y_val: Their targets.

        Raises:
            HistoryFormatError: The estimator is not fitted, or keeps no course of its training.
        """
        course = course_of(estimator, X_val, y_val)
        return cls.from_series(
            course.series,
            params=course.params,
            axis=course.axis,
            status="finished",
            identity=RunIdentity(name=type(estimator).__name__),
        )

    @classmethod
    def from_learning_curve(
        cls, train_sizes: ArrayLike, train_scores: ArrayLike, test_scores: ArrayLike
    ) -> RunHistory:
        """Build a history from what `sklearn.model_selection.learning_curve` returned.

        Its axis is the size of the training set, so the rules that judge a course abstain; the
        notes say how far the scores are apart at the largest size, and whether more data helps.

        Args:
            train_sizes: Shape `(n,)`.
            train_scores: Shape `(n, folds)`, the higher the better.
            test_scores: Shape `(n, folds)`.

        Raises:
            HistoryFormatError: The shapes do not belong together.
        """
        curve = LearningCurve.of(train_sizes, train_scores, test_scores)
        return cls.from_series(
            curve.series(),
            axis="step",
            notes=curve.notes(),
            identity=RunIdentity(name="learning curve"),
        )


def _notes_on(series: Mapping[str, Series], assignment: Assignment) -> Iterable[str]:
    yield from assignment.notes
    yield from duplicate_notes(series, assignment.roles, assignment.metrics)
    yield from course_notes(series)


def _unread(series: Mapping[str, Series], assignment: Assignment) -> list[str]:
    return unread_notes(series, assignment.roles, [one.key for one in assignment.metrics])
