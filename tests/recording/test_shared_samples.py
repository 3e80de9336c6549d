from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch

from benchmarks.cost.synchronisations import counted_reads
from tuneguard import keys
from tuneguard.recording import shared_samples
from tuneguard.recording.outlet import Packet
from tuneguard.recording.pace import Pace
from tuneguard.recording.schedule import Look, Schedule
from tuneguard.recording.shared_samples import MOST_OF_A_BATCH, SharedSamples
from tuneguard.recording.timed_batches import TimedBatches, ValidationBatches


@dataclass
class Watched:
    """Both kinds of loaders around a comparison whose counts are kept."""

    packets: list[Packet] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.pace = Pace(Schedule(), None, 0)
        self.shared = SharedSamples(self.pace, self)

    def put(self, packet: Packet) -> None:
        self.packets.append(packet)

    def train(self, rows: Any, size: int = 20) -> None:
        passed = list(TimedBatches(torch.split(rows, size), lambda *_: None, self.shared))
        assert torch.equal(torch.cat(passed), rows)

    def validate(self, rows: Any, size: int = 50) -> None:
        passed = list(ValidationBatches(torch.split(rows, size), self.shared))
        assert torch.equal(torch.cat(passed), rows)
        self.shared.hand_over(7)

    def counts(self) -> list[dict[str, float]]:
        self.shared.hand_over(8, is_last=True)
        found = [packet.columns() for packet in self.packets]
        assert not self.shared.failed
        return [{key: own.values[0] for key, own in one.by_key()} for one in found]


@pytest.fixture
def watched() -> Watched:
    return Watched()


def rows_of(count: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, 6, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("leaked", [200, 20, 2, 0])
def test_leaked_samples_are_counted(watched: Watched, leaked: int) -> None:
    validation = rows_of(200)
    watched.train(torch.cat([rows_of(1000, 1), validation[:leaked], validation[:leaked]]))
    watched.validate(validation)
    (counts,) = watched.counts()
    assert counts == {
        keys.VALIDATION_SAMPLES: 200.0,
        keys.REPEATED_VALIDATION_SAMPLES: 0.0,
        keys.EXAMINED_SAMPLES: 1000.0 + 2 * leaked,
        keys.DISTINCT_EXAMINED_SAMPLES: 1000.0 + leaked,
        keys.REPEATED_EXAMINED_SAMPLES: 2.0 * leaked,
        keys.SHARED_EXAMINED_SAMPLES: 2.0 * leaked,
        keys.SHARED_VALIDATION_SAMPLES: leaked,
    }


def test_discrete_data_repeat_themselves_in_validation_as_well(watched: Watched) -> None:
    draw = torch.Generator().manual_seed(3)
    watched.train(torch.randint(0, 12, (2000, 2), generator=draw))
    watched.validate(torch.randint(0, 12, (500, 2), generator=draw))
    (counts,) = watched.counts()
    in_training = counts[keys.SHARED_EXAMINED_SAMPLES] / 2000
    in_validation = counts[keys.REPEATED_VALIDATION_SAMPLES] / 500
    assert in_training > 0.8
    assert abs(in_training - in_validation) < 0.05


def test_augmented_samples_are_others(watched: Watched) -> None:
    validation = rows_of(200)
    watched.train(validation + 0.1 * rows_of(200, 5))
    watched.validate(validation)
    assert watched.counts()[0][keys.SHARED_EXAMINED_SAMPLES] == 0


def test_only_the_first_pass_over_validation_counts(watched: Watched) -> None:
    watched.train(rows_of(100, 1))
    for _ in range(3):
        watched.validate(rows_of(200))
    watched.validate(rows_of(300, 2))
    (counts,) = watched.counts()
    assert counts[keys.VALIDATION_SAMPLES] == 200
    assert counts[keys.REPEATED_VALIDATION_SAMPLES] == 0


def test_a_pass_that_is_broken_off_is_the_first_one_all_the_same(watched: Watched) -> None:
    def first_two() -> Iterator[None]:
        for place, _ in enumerate(
            ValidationBatches(torch.split(rows_of(200), 50), watched.shared)
        ):
            yield
            if place == 1:
                return

    list(first_two())
    watched.train(rows_of(100, 1))
    watched.validate(rows_of(200))
    assert watched.counts()[0][keys.VALIDATION_SAMPLES] == 100


def test_validation_may_come_before_training(watched: Watched) -> None:
    watched.validate(rows_of(200))
    assert not watched.packets
    watched.train(rows_of(200))
    watched.validate(rows_of(200))
    assert watched.counts()[-1][keys.SHARED_VALIDATION_SAMPLES] == 200


def test_counts_go_on_while_more_is_trained_on(watched: Watched) -> None:
    watched.train(rows_of(100, 1))
    watched.validate(rows_of(200))
    watched.train(rows_of(200)[:100])
    watched.validate(rows_of(200))
    watched.train(rows_of(1, 2))
    watched.validate(rows_of(200))
    assert len(watched.packets) == 2, "one more sample is no news"
    counts = watched.counts()
    assert [one[keys.EXAMINED_SAMPLES] for one in counts] == [100, 200, 201]
    assert [one[keys.SHARED_VALIDATION_SAMPLES] for one in counts] == [0, 100, 100]


def test_what_is_kept_is_bounded(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_samples, "MOST_EXAMINED", 300)
    watched.train(rows_of(1000, 1), size=100)
    watched.shared._room = 120
    watched.validate(rows_of(200))
    (counts,) = watched.counts()
    assert counts[keys.VALIDATION_SAMPLES] == 120
    assert counts[keys.EXAMINED_SAMPLES] == 5 * MOST_OF_A_BATCH


def test_only_sampled_steps_are_looked_at(watched: Watched) -> None:
    watched.pace.look = Look.NOT
    watched.train(rows_of(100))
    watched.pace.look = Look.SAMPLE
    watched.train(rows_of(40, 1))
    watched.validate(rows_of(100))
    assert watched.counts()[0][keys.EXAMINED_SAMPLES] == 40


def test_a_loop_that_shows_no_validation_costs_nothing_more(watched: Watched) -> None:
    watched.train(rows_of(100))
    assert watched.shared.is_due
    watched.shared.hand_over(5)
    assert not watched.shared.is_due
    assert not watched.counts()


def test_another_rank_leaves_it_to_the_first() -> None:
    watched = Watched()
    watched.shared = SharedSamples(watched.pace, watched, is_idle=True)
    watched.train(rows_of(100))
    watched.validate(rows_of(100))
    assert not watched.counts()


class Broken:
    """A batch that raises whatever is asked of it."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError("not to be looked at")


def test_odd_batches_are_passed_over(watched: Watched, caplog: pytest.LogCaptureFixture) -> None:
    ragged = [[torch.ones(3, 2), torch.ones(4, 2)], torch.ones(3)]
    odd: list[Any] = [None, ragged, "text", Broken(), torch.arange(5)]
    passed = list(TimedBatches(odd, lambda *_: None, watched.shared))
    passed += ValidationBatches(odd, watched.shared)
    assert all(one is other for one, other in zip(passed, [*odd, *odd], strict=True))
    assert watched.shared.passed_over == "inputs are of NoneType"
    watched.shared.hand_over(1)
    assert not watched.counts()
    assert not caplog.records


def test_nobody_waits_for_a_device(watched: Watched) -> None:
    rows = torch.ones(100, 600, device="meta")
    with counted_reads() as reads:
        list(TimedBatches([(rows, None)], lambda *_: None, watched.shared))
        list(ValidationBatches([{"x": rows}], watched.shared))
        watched.shared.hand_over(3)
    assert reads.waits == 0
    assert len(watched.packets) == 1
    assert not watched.shared.failed


def test_validation_batches_have_the_loaders_length_and_exceptions(watched: Watched) -> None:
    def broken() -> Iterator[torch.Tensor]:
        yield torch.ones(2, 2)
        raise OSError("disk on fire")

    assert len(ValidationBatches([1, 2, 3], watched.shared)) == 3
    with pytest.raises(OSError, match="fire"):
        list(ValidationBatches(broken(), watched.shared))
