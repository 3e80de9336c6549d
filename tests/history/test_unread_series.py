from __future__ import annotations

from tuneguard.history import RunHistory

Points = list[tuple[int, float]]

FALLING = [(step, 2.0 / (step + 1)) for step in range(20)]
RISING = [(step, 1.0 + 0.1 * step) for step in range(20)]


def notes_of(**series: Points) -> str:
    named = {key.replace("__", "/"): points for key, points in series.items()}
    return " ".join(RunHistory.from_series(named).notes)


def test_a_curve_that_may_be_the_validation_loss_is_asked_about() -> None:
    notes = notes_of(loss=FALLING, **{"held out": RISING})
    assert "No name tells the validation loss, and nothing was made of 'held out'" in notes
    assert "--map validation_loss=KEY" in notes
    assert "training loss" not in notes


def test_what_is_mapped_is_not_asked_about() -> None:
    history = RunHistory.from_series(
        {"mine": FALLING, "held out": RISING},
        roles={"train_loss": "mine", "validation_loss": "held out"},
    )
    assert history.notes == ()


def test_of_many_curves_some_are_named() -> None:
    notes = notes_of(**{f"curve{number}": FALLING for number in range(7)})
    assert "'curve0', 'curve1', 'curve2', 'curve3', 'curve4' and 2 more" in notes


def test_what_can_be_no_loss_is_not_asked_about() -> None:
    constant = [(step, 1.0) for step in range(20)]
    notes = notes_of(
        loss=FALLING,
        epoch=RISING,
        time__total=RISING,
        gpu_memory=FALLING,
        system__cpu=RISING,
        gradient__cosine=FALLING,
        version=constant,
        final=[(1, 0.5)],
    )
    assert notes == ""


def test_nothing_is_asked_where_both_losses_are_known() -> None:
    assert notes_of(loss=FALLING, val_loss=RISING, mine=FALLING[:10]) == ""


def test_nothing_is_asked_of_a_record() -> None:
    history = RunHistory.from_series({"train/loss": FALLING, "mine": RISING}, source="record")
    assert history.notes == ()
