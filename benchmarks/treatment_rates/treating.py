"""One patient treated, in a process of its own."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.error_rates.plan import BASE, RunSpec
from benchmarks.error_rates.runner import train
from benchmarks.treatment_rates.patients import Patient, Trainer
from tuneguard.treatment import Budget, Course
from tuneguard.treatment.settings import Settings

RUNS = 4


@dataclass(frozen=True, slots=True)
class Treated:
    """What became of one patient.

    Attributes:
        called: What the fault is called.
        program: The program.
        seed: Of the training.
        was_found: Whether the first diagnosis raised an alarm.
        is_healthy: Whether the last one that was kept raises none.
        trainings: How many were made.
        kept: What was changed in the end, as text.
        score: Of the model that was kept, in points of 100.
    """

    called: str
    program: str
    seed: int
    was_found: bool
    is_healthy: bool
    trainings: int
    kept: str
    score: float


def treated(task: tuple[Patient, int]) -> Treated:
    """Treat one patient."""
    patient, seed = task
    trainer = Trainer(patient, seed)
    params = trainer.params
    course = Course(trainer, params, Settings(params), budget=Budget(RUNS))
    treatment = course.run()
    changed = {name: one for name, one in treatment.params.items() if one != params[name]}
    return Treated(
        patient.called,
        patient.program,
        seed,
        not treatment.attempts[0].is_healthy,
        treatment.is_healthy,
        treatment.trainings,
        ", ".join(f"{name} {one}" for name, one in sorted(changed.items())),
        trainer.scores[treatment.best],
    )


def twin_score(task: tuple[str, int]) -> tuple[str, float]:
    """Train a healthy twin, and return what it scores."""
    program, seed = task
    return program, train(RunSpec(program, None, 0, BASE, seed)).ended.score
