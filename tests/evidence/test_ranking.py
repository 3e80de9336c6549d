"""Counts of past runs re-rank prescriptions, once there are enough of them."""

from __future__ import annotations

import pytest

from tuneguard.diagnosis import Diagnosis
from tuneguard.evidence import PastEvidence, RemedyRecord, ranked
from tuneguard.evidence.ranking import FIRST_SHARE, OTHER_SHARE, lower_bound
from tuneguard.findings import Change, Evidence, Finding, Prescription, Severity

MEASURED = (Evidence("loss", "last", 2.0, 1.0, (0, 9)),)


def prescription(parameter: str, *changes: Change) -> Prescription:
    return Prescription(parameter, None, "x", f"Change {parameter}.", "", "", "", "", changes)


SLOWER = prescription("learning_rate", Change("learning_rate", 0.1, "multiply"))
CLIPPED = prescription("clip_norm", Change("clip_norm", 1.0))
LOOK = prescription("data")


def diagnosis(*prescriptions: Prescription) -> Diagnosis:
    inner = Finding("inner", "TG2", Severity.INFO, "", "", MEASURED, 0.5, prescriptions)
    outer = Finding("outer", "TG1", Severity.INFO, "", "", MEASURED, 0.5, prescriptions, (inner,))
    return Diagnosis("info", (outer,), (), ())


def evidence(**counts: tuple[int, int]) -> PastEvidence:
    names = {"slower": "lower learning_rate", "clipped": "set clip_norm"}
    records = [
        RemedyRecord("outer", names[name], helped, tried - helped, 0)
        for name, (helped, tried) in counts.items()
    ]
    return PastEvidence("vision", tuple(records))


def order(found: Diagnosis) -> list[str]:
    return [one.parameter for one in found.findings[0].prescriptions]


def test_without_trials_the_order_is_that_of_the_rule() -> None:
    before = diagnosis(SLOWER, CLIPPED, LOOK)
    assert ranked(before, PastEvidence("vision")) == before


def test_what_helped_again_and_again_comes_first() -> None:
    found = ranked(diagnosis(SLOWER, CLIPPED, LOOK), evidence(clipped=(7, 9)))
    assert order(found) == ["clip_norm", "learning_rate", "data"]
    assert found.findings[0].prescriptions[0].track_record == "helped in 7 of 9 runs of vision"


@pytest.mark.parametrize("count", [(1, 1), (2, 2), (2, 4)])
def test_a_few_runs_do_not_overrule_the_rule(count: tuple[int, int]) -> None:
    found = ranked(diagnosis(SLOWER, CLIPPED), evidence(clipped=count))
    assert order(found) == ["learning_rate", "clip_norm"]


def test_what_failed_again_and_again_goes_behind() -> None:
    found = ranked(diagnosis(SLOWER, CLIPPED), evidence(slower=(0, 10)))
    assert order(found) == ["clip_norm", "learning_rate"]


def test_one_that_helped_goes_before_one_that_did_not_nearly_as_often() -> None:
    counts = evidence(slower=(5, 10), clipped=(9, 10))
    assert order(ranked(diagnosis(SLOWER, CLIPPED), counts)) == ["clip_norm", "learning_rate"]


def test_a_finding_is_not_ranked_by_what_another_one_showed() -> None:
    found = ranked(diagnosis(SLOWER, CLIPPED), evidence(clipped=(9, 9)))
    assert found.findings[0].symptoms[0].prescriptions == (SLOWER, CLIPPED)


def test_harm_and_results_that_are_open_are_said() -> None:
    records = (
        RemedyRecord("outer", "lower learning_rate", 2, 0, 1),
        RemedyRecord("outer", "set clip_norm", 0, 0, 0, cannot_tell=2),
    )
    found = ranked(diagnosis(SLOWER, CLIPPED), PastEvidence("vision", records))
    said = [one.track_record for one in found.findings[0].prescriptions]
    assert said == [
        "helped in 2 of 3 runs of vision, made 1 worse",
        "tried in vision, without a result",
    ]


def test_the_bound_is_that_of_the_wilson_interval() -> None:
    from tuneguard.statistics.proportions import wilson_interval

    assert lower_bound(6, 6, OTHER_SHARE) == pytest.approx(wilson_interval(8, 10)[0])
    assert lower_bound(0, 0, FIRST_SHARE) == pytest.approx(wilson_interval(3, 4)[0])
