"""Which series plays which part, from the names that people and frameworks use."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from tuneguard import keys
from tuneguard.exceptions import HistoryFormatError


class Role(str, Enum):
    """The part that a series plays in a diagnosis."""

    TRAIN_LOSS = "train_loss"
    TRAIN_EVALUATION_LOSS = "train_evaluation_loss"
    VALIDATION_LOSS = "validation_loss"
    GRADIENT_NORM = "gradient_norm"
    LEARNING_RATE = "learning_rate"
    UPDATE_RATIO = "update_ratio"


@dataclass(frozen=True, slots=True)
class Metric:
    """A measured quality other than the loss, with its direction.

    Attributes:
        key: Key of the series.
        split: `train` or `validation`.
        name: What it measures, such as `accuracy`.
        higher_is_better: Its direction, from a table of known metrics or from the user.
    """

    key: str
    split: str
    name: str
    higher_is_better: bool


_TRAIN = {"train", "training", "trn"}
_EVALUATION = {"eval", "evaluation"}
_VALIDATION = {"val", "valid", "validation", "dev"} | _EVALUATION
_TEST = {"test", "testing", "holdout"}
_LOSS = {"loss", "ce", "nll", "logloss", "crossentropy", "objective", "cost"}
# what a regression is trained on, where nothing is called a loss
_ERRORS = ("mse", "mean_squared_error", "rmse", "mae", "mean_absolute_error")
_FILLER = {"epoch", "step", "batch", "total", "mean", "avg", "average", "running"}
_FASTAI = {"accuracy", "error_rate", "accuracy_multi", "dice", "f1_score", "roc_auc_score"}
_RECORDED = {keys.TRAIN_LOSS, keys.VALIDATION_LOSS, keys.GRADIENT_NORM_GLOBAL}
_GRADIENT_NORM = re.compile(
    r"^(tuneguard_)?(train_)?(grad|gradient|gradients)(_2_0)?_norm(_total|_global)?$"
)
_LEARNING_RATE = re.compile(r"^(tuneguard_)?(train_)?(lr|learning_rate)(_.*)?$")
_UPDATE_RATIO = re.compile(r"^(tuneguard_)?update_ratio(_global)?$")

HIGHER_IS_BETTER = {
    **dict.fromkeys(
        ["acc", "accuracy", "auc", "auroc", "f1", "map", "mean_average_precision", "bleu"], True
    ),
    **dict.fromkeys(["ssim", "psnr", "r2", "iou", "miou", "dice", "recall", "precision"], True),
    **dict.fromkeys(["top1", "top5", "rouge", "balanced_accuracy", "binary_accuracy"], True),
    **dict.fromkeys(
        ["sparse_categorical_accuracy", "categorical_accuracy", "accuracy_score"], True
    ),
    **dict.fromkeys(["wer", "cer", "mse", "mae", "rmse", "perplexity", "ppl", "error"], False),
    **dict.fromkeys(["error_rate"], False),
    **dict.fromkeys(["accuracy_multi", "f1_score", "roc_auc_score", "roc_auc"], True),
    **dict.fromkeys(["err", "mape", "fid", "mean_absolute_error", "mean_squared_error"], False),
}


def normalise(key: str) -> str:
    """Fold case and separators, so that `Loss/Train` and `loss-train` are one name.

    >>> normalise("Loss/Train"), normalise("lr-Adam"), normalise("trainLoss")
    ('loss_train', 'lr_adam', 'train_loss')
    """
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key)
    return re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_")


@dataclass(frozen=True, slots=True)
class Assignment:
    """Which key plays which role, which are metrics, and what was ambiguous."""

    roles: Mapping[Role, str]
    metrics: tuple[Metric, ...]
    notes: tuple[str, ...]

    @property
    def validation_keys(self) -> list[str]:
        """Return the keys of what was measured on validation data."""
        loss = self.roles.get(Role.VALIDATION_LOSS)
        metrics = [metric.key for metric in self.metrics if metric.split == "validation"]
        return metrics if loss is None else [loss, *metrics]


def assign_roles(
    lengths: Mapping[str, int],
    overrides: Mapping[str, str] | None = None,
    directions: Mapping[str, bool] | None = None,
    *,
    is_recorded: bool = False,
) -> Assignment:
    """Give each role to the series that fits it best.

    Args:
        lengths: Number of points of each series, by key.
        overrides: Role name to key, from the user; wins over any name.
        directions: Metric name to `higher_is_better`, from the user.
        is_recorded: Whether the run has a full record, whose series come before others.

    Returns:
        The roles, the metrics, and a note for each role that had more than one candidate.

    Raises:
        HistoryFormatError: An override names an unknown role or a missing series.
    """
    roles = _checked(overrides or {}, lengths)
    notes: list[str] = []
    candidates: dict[Role, list[_Candidate]] = {}
    for key, length in lengths.items():
        for role, penalty in _loss_role(key) or _other_role(key):
            # what a framework logs beside a record is the same, once an epoch
            misfit = -1 if is_recorded and key in _RECORDED else penalty
            candidates.setdefault(role, []).append(_Candidate(length < 2, misfit, -length, key))
    for role, found in candidates.items():
        if role not in roles:
            best, *rest = sorted(found)
            roles[role] = best.key
            notes += _ambiguity(role, best, rest)
    metrics = tuple(_metrics(lengths, set(roles.values()), directions or {}))
    if not {Role.TRAIN_LOSS, Role.VALIDATION_LOSS} & set(roles):
        stand_in = _error_as_loss(metrics)
        roles |= stand_in
        notes += [_stands_in(role, key) for role, key in stand_in.items()]
        metrics = tuple(metric for metric in metrics if metric.key not in stand_in.values())
    return Assignment(roles, metrics, tuple(notes))


def _error_as_loss(metrics: Iterable[Metric]) -> dict[Role, str]:
    """Return the error that a run without a loss was most likely trained on."""
    named = {(metric.split, metric.name): metric.key for metric in metrics}
    for name in _ERRORS:
        if ("train", name) in named:
            places = {Role.TRAIN_LOSS: ("train", name), Role.VALIDATION_LOSS: ("validation", name)}
            return {role: named[place] for role, place in places.items() if place in named}
    return {}


def _stands_in(role: Role, key: str) -> str:
    return f"Nothing is called a loss: {role.value} was taken from {key!r}."


class _Candidate(NamedTuple):
    """A series that may play a role; the smallest fits best."""

    is_single_point: bool
    penalty: int
    negative_length: int
    key: str


def _ambiguity(role: Role, best: _Candidate, rest: list[_Candidate]) -> list[str]:
    """Name the series that would have fitted a role as well as the best."""
    if role is Role.LEARNING_RATE:
        return []
    rivals = [
        one.key for one in rest if one[:2] == best[:2] and _essence(one.key) != _essence(best.key)
    ]
    note = (
        f"{role.value} was taken from {best.key!r}; {', '.join(map(repr, rivals))} would fit "
        f"as well: choose with --map {role.value}=KEY."
    )
    return [note] if rivals else []


def _essence(key: str) -> frozenset[str]:
    """Return the words of a key without those that only say how often it was logged."""
    return frozenset(normalise(key.removeprefix(keys.PREFIX)).split("_")) - _FILLER


def _checked(overrides: Mapping[str, str], lengths: Mapping[str, int]) -> dict[Role, str]:
    roles: dict[Role, str] = {}
    for name, key in overrides.items():
        try:
            role = Role("validation_loss" if name == "val_loss" else name)
        except ValueError:
            known = ", ".join(role.value for role in Role)
            raise HistoryFormatError(f"No role is called {name!r}. Roles: {known}.") from None
        if key not in lengths:
            raise HistoryFormatError(
                f"No series is called {key!r} (wanted as {name}). "
                f"The run has: {', '.join(sorted(lengths)[:20]) or 'none'}."
            )
        roles[role] = key
    return roles


def _loss_role(key: str) -> list[tuple[Role, int]]:
    """Roles that a loss-like name may play, each with a penalty for what does not fit."""
    tokens = normalise(key.removeprefix(keys.PREFIX)).split("_")
    if not _LOSS & set(tokens) or key.endswith(keys.MAXIMUM_SUFFIX):
        return []
    words = set(tokens)
    is_train, is_test = bool(words & _TRAIN), bool(words & _TEST)
    is_validation = bool(words & _VALIDATION)
    extra = len(words - _TRAIN - _VALIDATION - _TEST - _LOSS - _FILLER)
    penalty = 10 * extra + (0 if "loss" in words else 1) + (0 if not words & _FILLER else 1)
    if is_train and words & _EVALUATION:
        return [(Role.TRAIN_EVALUATION_LOSS, penalty), (Role.TRAIN_LOSS, penalty + 5)]
    if is_validation:
        return [(Role.VALIDATION_LOSS, penalty)]
    if is_test:
        return [(Role.VALIDATION_LOSS, penalty + 5)]
    return [(Role.TRAIN_LOSS, penalty + (0 if is_train else 2))]


def _other_role(key: str) -> list[tuple[Role, int]]:
    name = normalise(key)
    if key.endswith(keys.MAXIMUM_SUFFIX):
        return []
    for pattern, role in (
        (_GRADIENT_NORM, Role.GRADIENT_NORM),
        (_LEARNING_RATE, Role.LEARNING_RATE),
        (_UPDATE_RATIO, Role.UPDATE_RATIO),
    ):
        if pattern.match(name):
            return [(role, 0)]
    return []


_ULTRALYTICS = re.compile(
    r"metrics/(mAP50-95|mAP50|precision|recall|accuracy_top1|accuracy_top5)[_(]?[A-Z]?[_)]?"
)


def _of_ultralytics(key: str) -> Metric | None:
    """Return what Ultralytics measures on its validation data; `B` is for boxes."""
    found = _ULTRALYTICS.fullmatch(key)
    return Metric(key, "validation", found[1], higher_is_better=True) if found else None


def _metrics(
    lengths: Iterable[str], taken: set[str], directions: Mapping[str, bool]
) -> Iterable[Metric]:
    # fastai scores on the validation data alone, and names no split
    is_fastai = {"train_loss", "valid_loss"} <= set(lengths)
    for key in lengths:
        known = _of_ultralytics(key)
        if known is not None:
            yield known
            continue
        if key in taken or key.endswith(keys.MAXIMUM_SUFFIX):
            continue
        tokens = normalise(key.removeprefix(keys.PREFIX)).split("_")
        split = "validation" if is_fastai and key in _FASTAI else _split(tokens)
        rest = [t for t in tokens if t not in _TRAIN | _VALIDATION | _TEST | _FILLER]
        name = "_".join(rest)
        direction = directions.get(name, directions.get(key, HIGHER_IS_BETTER.get(name)))
        if split is not None and direction is not None:
            yield Metric(key, split, name, direction)


def _split(tokens: list[str]) -> str | None:
    words = set(tokens)
    if words & _VALIDATION:
        return "validation"
    if words & _TEST:
        return None
    return "train"
