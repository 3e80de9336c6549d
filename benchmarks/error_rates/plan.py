"""Which runs the benchmark consists of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import tomllib

from benchmarks.error_rates.faults import FAULTS
from benchmarks.error_rates.labels import REHEARSAL, Part
from benchmarks.error_rates.programs import PROGRAMS
from benchmarks.error_rates.rehearsal import REHEARSED
from benchmarks.error_rates.setup import Setup
from benchmarks.error_rates.variants import VARIANTS

BASE = "base"
TWINS, VARIANT_SEEDS, REHEARSED_SEEDS = 8, 5, 3
FEWEST_TWINS = 5
EVERY = 13
"""Prime to the strengths and seeds of a fault or variant, so that each of them is met."""
FAULTY_SEEDS = 100
"""Faulty runs have seeds from here on, which no healthy run has."""


@dataclass(frozen=True, order=True)
class RunSpec:
    """One run of the benchmark.

    Attributes:
        program: Name of the base program.
        fault: Kind of the fault; `None`, where the run is healthy.
        strength: 1 weak, 2 medium, 3 strong; 0 for a healthy run.
        variant: The healthy variant; "base" for the twins and for all faults.
        seed: Of everything random.
    """

    program: str
    fault: str | None
    strength: int
    variant: str
    seed: int


def setup_of(spec: RunSpec) -> Setup:
    """Return what is trained in a run."""
    is_rehearsed = spec.program in REHEARSED
    setup = (REHEARSED if is_rehearsed else PROGRAMS)[spec.program]()
    if spec.fault is not None:
        doses = _table("rehearsal/doses.toml" if is_rehearsed else "doses.toml")
        dose = doses[spec.fault][spec.program][spec.strength - 1]
        return FAULTS[spec.fault](setup, dose)
    return setup if spec.variant == BASE else VARIANTS[spec.variant](setup)


def programs_of(part: Part) -> tuple[str, ...]:
    """Return the programs of a half, or of the rehearsal."""
    labels = _table("labels.toml")
    return tuple(labels[REHEARSAL] if part == REHEARSAL else labels["halves"][part])


def full_plan() -> tuple[RunSpec, ...]:
    """Return all runs of both halves: the twins, the healthy variants and the faults."""
    return (*_twins(PROGRAMS, TWINS), *_variants("variants.toml"), *_faults("doses.toml"))


def quick_plan() -> tuple[RunSpec, ...]:
    """Return a tenth of the variants and faults, with as many twins as judging them needs."""
    return (
        *_twins(PROGRAMS, FEWEST_TWINS),
        *_variants("variants.toml")[::EVERY],
        *_faults("doses.toml")[::EVERY],
    )


def rehearsal_plan() -> tuple[RunSpec, ...]:
    """Return all runs of the rehearsal, which no published figure counts."""
    return (
        *_twins(REHEARSED, TWINS),
        *_variants("rehearsal/variants.toml", REHEARSED_SEEDS),
        *_faults("rehearsal/doses.toml"),
    )


def _twins(programs: Iterable[str], seeds: int) -> tuple[RunSpec, ...]:
    return tuple(RunSpec(name, None, 0, BASE, seed) for name in programs for seed in range(seeds))


def _variants(table: str, seeds: int = VARIANT_SEEDS) -> tuple[RunSpec, ...]:
    return tuple(
        RunSpec(program, None, 0, variant, seed)
        for variant, programs in _table(table).items()
        for program in programs
        for seed in range(TWINS, TWINS + seeds)
    )


def _faults(table: str) -> tuple[RunSpec, ...]:
    """Two of the three strengths of each fault in each program, in rotation."""
    return tuple(
        RunSpec(program, kind, strength, BASE, FAULTY_SEEDS + (row + column) % 40)
        for row, (kind, programs) in enumerate(_table(table).items())
        for column, program in enumerate(programs)
        for strength in (1, 2, 3)
        if strength != (row + column) % 3 + 1
    )


@cache
def _table(name: str) -> Mapping[str, Any]:
    return tomllib.loads((Path(__file__).parent / name).read_text(encoding="utf-8"))
