"""The table of frameworks by fault says what was kept of its trainings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.frameworks.outcomes import Outcome, kept
from benchmarks.frameworks.page import PAGE, page
from benchmarks.frameworks.programs import PROGRAMS

SEEN = Outcome(
    framework="loop",
    title="A loop",
    own_logging="its log",
    line="`one line`",
    plant="overfitting",
    seed=0,
    is_attached=True,
    verdict="warning",
    alarms=("overfitting",),
    is_named=True,
    seconds=1.0,
)


def test_the_page_is_that_of_the_outcomes() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(kept())


def test_what_is_named_and_what_is_said_instead() -> None:
    missed = replace(SEEN, seed=1, alarms=("no-learning",), is_named=False)
    alarmed = replace(SEEN, plant="healthy", alarms=("loss-spikes",), is_named=False)
    lines = page([SEEN, missed, alarmed]).splitlines()

    assert "| A loop | its log and our line | 1/2 | - | - | - | - | 1/1 |" in lines
    assert "| A loop | its log and our line | overfitting | no-learning (1) |" in lines
    assert "| A loop | its log and our line | healthy | loss-spikes (1) |" in lines
    assert "- A loop: `one line`" in lines


def test_the_faults_are_in_the_data_and_the_settings() -> None:
    programs = {one.plant: one for one in PROGRAMS}
    images, labels = programs["NaN in the data"].split()[0]
    assert np.isnan(images).sum() == 1
    clean = programs["healthy"].split()[0][1]
    wrong = programs["overfitting"].split()[0][1]
    assert 0.05 < (wrong != clean[: len(wrong)]).mean() < 0.25
    assert len(images) == len(labels) == 1200
