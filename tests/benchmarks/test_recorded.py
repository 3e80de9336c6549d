import time

import mlflow
import pytest

from benchmarks.cost.loops import make_loop
from benchmarks.cost.recorded import Recorded, layer_samples, record_of


@pytest.fixture
def recorded(tracking_uri):
    with mlflow.start_run():
        loop = make_loop("small-mlp")
        yield Recorded(loop), loop


def test_a_pause_is_no_time_of_the_loop(recorded):
    watch, loop = recorded
    clock = watch.guard._recorder.clock
    for _ in range(3):
        loop.step(watch)
    before = clock.total
    watch.pause()
    time.sleep(0.5)
    watch.resume()
    loop.step(watch)
    after = clock.total
    watch.close()

    assert 0.0 < before < after < before + 0.4


def test_what_a_block_leaves_is_not_written_in_a_pause(recorded):
    watch, loop = recorded
    loop.step(watch)
    watch.sink.on_idle()
    held = len(watch.guard._recorder._rows)
    watch.close()

    assert held > 0


def test_layer_samples_are_those_of_the_dense_start(recorded):
    watch, loop = recorded
    for _ in range(20):
        loop.step(watch)
    assert watch.next_step == 20
    watch.close()

    assert layer_samples(record_of(watch.guard.run_id), 5, 15) == 1000.0
