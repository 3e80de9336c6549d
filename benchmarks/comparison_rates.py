"""Count how often a comparison of runs says what is not so, and how often it sees what is.

    python -m benchmarks.comparison_rates

On simulated curves, whose difference is known, and on small trainings with many seeds. Writes
the tables of docs/explanation/comparison.md between their markers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from torch import nn

from benchmarks.noise_rates import autoregressive, placed
from tuneguard import RunHistory
from tuneguard.comparison import Comparison, compare

PAGE = Path(__file__).resolve().parent.parent / "docs/explanation/comparison.md"
REPEATS = 300
GAIN = 2.0
POINT_NOISE = 0.01  # of the gain
VALIDATIONS = 40
SEEDS = 24
DRAWS = 100


def simulated(
    generator: np.random.Generator, level: float, carried: float, seed_noise: float
) -> RunHistory:
    """Draw a run whose validation loss falls to a level of its own, under noise that remembers.

    Args:
        generator: Source of the noise.
        level: Where the loss ends, in shares of what training gains.
        carried: Share of the noise that each point carries over from the one before.
        seed_noise: Standard deviation of the run's own level, in shares of the gain.
    """
    at = np.arange(VALIDATIONS, dtype=np.float64)
    own = level + seed_noise * generator.normal()
    scale = POINT_NOISE * np.sqrt(1.0 - carried**2)
    noise = scale * autoregressive(generator, VALIDATIONS, carried)
    loss = GAIN * (0.2 + own + np.exp(-at / 6.0) + noise)
    points = list(zip((20 * at + 19).tolist(), loss.tolist(), strict=True))
    return RunHistory.from_series({"validation/loss": points}, axis="step", status="finished")


def shares(comparisons: Iterator[Comparison]) -> dict[str, float]:
    """Return how often each verdict was given."""
    counted = Counter(one.verdict for one in comparisons)
    return {verdict: count / counted.total() for verdict, count in counted.items()}


def decided(found: dict[str, float]) -> float:
    """Return how often a difference was claimed."""
    return found.get("better", 0.0) + found.get("worse", 0.0)


def drawn(runs: int, carried: float, seed_noise: float, effect: float) -> dict[str, float]:
    """Compare `runs` runs with as many whose loss ends lower by `effect`, many times."""
    generator = np.random.default_rng(round(1000 * (carried + seed_noise)) + runs)

    def side(level: float) -> list[RunHistory]:
        return [simulated(generator, level, carried, seed_noise) for _ in range(runs)]

    return shares(compare(side(0.0), side(-effect)) for _ in range(REPEATS))


def false_rows() -> list[str]:
    """Compare a process with itself: every difference that is claimed is a false alarm."""
    rows = ["| runs on each side | seed noise | φ = 0 | φ = 0.5 | φ = 0.9 |"]
    rows.append("| ---: | ---: | ---: | ---: | ---: |")
    for runs, seed_noise in ((1, 0.0), (1, 0.01), (1, 0.02), (1, 0.04), (3, 0.02), (5, 0.02)):
        cells = [f"{decided(drawn(runs, phi, seed_noise, 0.0)):.1%}" for phi in (0.0, 0.5, 0.9)]
        rows.append(f"| {runs} | {seed_noise:.0%} | {' | '.join(cells)} |")
    return rows


def power_rows() -> list[str]:
    """Compare a process with one that ends lower by so many standard deviations of the seeds."""
    rows = [
        "| runs on each side | by 1 | by 2 | by 3 | by 5 |",
        "| ---: | ---: | ---: | ---: | ---: |",
    ]
    for runs in (1, 3, 5):
        found = [drawn(runs, 0.5, 0.02, times * 0.02) for times in (1, 2, 3, 5)]
        cells = [f"{one.get('better', 0.0):.0%}" for one in found]
        rows.append(f"| {runs} | {' | '.join(cells)} |")
    return rows


@dataclass(frozen=True)
class Settings:
    """One way to train the same small network on the same data."""

    name: str
    lr: float = 0.1
    hidden: int = 64
    samples: int = 1000
    epochs: int = 30


BASE = Settings("as it is")
TWINS = (
    Settings("learning rate 10 % higher", lr=0.11),
    Settings("learning rate 50 times lower", lr=0.002),
    Settings("learning rate 30 times higher", lr=3.0),
    Settings("a fifth of the training data", samples=200),
    Settings("8 hidden units in place of 64", hidden=8),
)


def digits() -> tuple[torch.Tensor, torch.Tensor]:
    """Return all samples, shuffled once for good."""
    images, labels = (torch.tensor(part) for part in load_digits(return_X_y=True))
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    return images[order].float() / 16 - 0.3, labels[order]


def trained(settings: Settings, seed: int) -> RunHistory:
    """Train once; the seed decides the initial weights and the order of the data."""
    torch.manual_seed(seed)
    images, labels = digits()
    inputs, targets = images[: settings.samples], labels[: settings.samples]
    held_out, answers = images[1000:], labels[1000:]
    model = nn.Sequential(
        nn.Linear(64, settings.hidden), nn.ReLU(), nn.Linear(settings.hidden, 10)
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=settings.lr)
    series: dict[str, list[tuple[int, float]]] = {
        "train/loss": [],
        "validation/loss": [],
        "validation/accuracy": [],
    }
    steps = settings.epochs * BASE.samples // 50
    for step in range(steps):
        batch = torch.randint(0, settings.samples, (50,))
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(inputs[batch]), targets[batch])
        loss.backward()
        optimizer.step()
        series["train/loss"].append((step, loss.item()))
        if step % 20 == 19:
            with torch.no_grad():
                outputs = model(held_out)
            validation = nn.functional.cross_entropy(outputs, answers).item()
            accuracy = (outputs.argmax(1) == answers).float().mean().item()
            series["validation/loss"].append((step, validation))
            series["validation/accuracy"].append((step, accuracy))
    return RunHistory.from_series(
        series, {"lr": settings.lr, "seed": seed}, axis="step", status="finished"
    )


def real_rows() -> list[str]:
    """Compare trainings: seeds of one program with each other, and with changed ones."""
    rows = [
        "| after the change | runs on each side | better | worse | no difference | cannot tell |"
    ]
    rows.append("| --- | ---: | ---: | ---: | ---: | ---: |")
    base = [trained(BASE, seed) for seed in range(SEEDS)]
    single = shares(compare(one, other) for one, other in combinations(base, 2))
    rows.append(_row("only the seed differs", 1, single))
    generator = np.random.default_rng(0)
    rows.append(_row("only the seeds differ", 3, shares(_splits(base, generator))))
    for settings in TWINS:
        twins = [trained(settings, seed) for seed in range(SEEDS, 2 * SEEDS)]
        pairs = zip(base, twins, strict=True)
        rows.append(_row(settings.name, 1, shares(compare(*pair) for pair in pairs)))
        threes = (
            compare(base[start : start + 3], twins[start : start + 3])
            for start in range(0, SEEDS, 3)
        )
        rows.append(_row(settings.name, 3, shares(threes)))
    return rows


def _splits(runs: list[RunHistory], generator: np.random.Generator) -> Iterator[Comparison]:
    for _ in range(DRAWS):
        chosen: NDArray[np.int64] = generator.permutation(len(runs))[:6]
        yield compare([runs[i] for i in chosen[:3]], [runs[i] for i in chosen[3:]])


def _row(name: str, runs: int, found: dict[str, float]) -> str:
    verdicts = ("better", "worse", "no difference", "cannot tell")
    cells = " | ".join(f"{found.get(verdict, 0.0):.0%}" for verdict in verdicts)
    return f"| {name} | {runs} | {cells} |"


def main() -> None:
    """Measure, and write the tables."""
    torch.set_num_threads(1)
    page = PAGE.read_text(encoding="utf-8")
    for name, rows in (
        ("false alarms", false_rows()),
        ("power", power_rows()),
        ("trainings", real_rows()),
    ):
        print("\n".join(rows), flush=True)
        page = placed(page, name, rows)
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
