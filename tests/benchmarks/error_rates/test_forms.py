import numpy as np
import pytest

pytest.importorskip("tomllib")

from benchmarks.error_rates import cache, views
from benchmarks.error_rates.cache import Cache, Kept
from benchmarks.error_rates.plan import BASE, RunSpec
from benchmarks.error_rates.training import Ended
from tuneguard import keys
from tuneguard.history import Role
from tuneguard.spool.columns import Columns

SPEC = RunSpec("mlp_relu", None, 0, BASE, 0)
STEPS = 2000
EVERY = 100


@pytest.fixture(scope="module")
def kept() -> Kept:
    """Return a training whose loss falls by 1 each step, and is NaN at one of them."""
    rows = []
    for step in range(STEPS):
        loss = float("nan") if step == 1500 else float(STEPS - step)
        rows += [(keys.TRAIN_LOSS, step, 0, loss), (f"{keys.LEARNING_RATE}/0", step, 0, 0.1)]
        if (step + 1) % EVERY == 0:
            rows += [(keys.VALIDATION_LOSS, step, 0, 2.0), ("validation/accuracy", step, 0, 0.5)]
    ended = Ended(90.0, 91.0, (1.0, 0.5), 0.0, 0.0, 0.0)
    params = {"learning_rate": "0.1", "batch_size": "64", "optimizer": "SGD", "eps": "1e-8"}
    timed = cache.evenly_timed(Columns.from_rows(rows))
    return Kept(SPEC, timed, ("0", "2"), params, {"spam": True}, STEPS, ended)


def test_the_record_has_everything(kept):
    history = views.recorded(kept)

    assert len(history.series[keys.TRAIN_LOSS]) == STEPS
    assert history.layers == ("0", "2")
    assert history.planned_steps == STEPS
    assert history.source == "record"


def test_metrics_have_what_is_charted(kept):
    history = views.metrics(kept)
    loss = history.get(Role.TRAIN_LOSS)

    assert loss is not None
    assert len(loss) < STEPS / 2
    assert loss.is_finite.all()
    assert loss.sampling.value == "thinned"
    assert len(history.series[keys.VALIDATION_LOSS]) == STEPS / EVERY
    assert history.layers == ()
    assert history.hyperparameters.learning_rate == 0.1


def test_an_epoch_is_a_row_with_its_mean_training_loss(kept):
    history = views.epochs(kept)
    loss = history.get(Role.TRAIN_LOSS)

    assert loss is not None
    assert loss.axis.value == "epoch"
    assert loss.values[0] == np.mean(STEPS - np.arange(EVERY))
    assert np.flatnonzero(~loss.is_finite).tolist() == [15]
    assert set(history.series) == {"train_loss", "learning_rate", "val_loss", "val_accuracy"}
    assert history.params == {
        "lr": "0.1",
        "batch_size": "64",
        "optimizer": "SGD",
        "epochs": "20",
    }


def test_a_training_comes_back_as_it_was_kept(kept, tmp_path):
    found = cache.read(Cache(tmp_path).save(kept))

    assert (found.spec, found.ended, found.layers) == (kept.spec, kept.ended, kept.layers)
    assert found.params == kept.params
    assert found.columns.keys == kept.columns.keys
    for name in ("codes", "steps", "timestamps", "values"):
        expected = getattr(kept.columns, name)
        np.testing.assert_array_equal(getattr(found.columns, name), expected)


def test_a_file_that_is_torn_does_not_count(kept, tmp_path):
    folder = Cache(tmp_path)
    path = folder.save(kept)
    assert folder.missing([SPEC]) == []

    path.write_bytes(path.read_bytes()[:-100])

    assert folder.missing([SPEC]) == [SPEC]


def test_a_record_of_another_recorder_does_where_it_is_asked_for(kept, tmp_path):
    path = Cache(tmp_path).save(kept)
    stem = path.name.rsplit(".", 2)[0]
    other = path.rename(path.with_name(f"{stem}.other.parquet"))

    assert Cache(tmp_path).find(SPEC) is None
    forgiving = Cache(tmp_path, any_recorder=True)
    assert forgiving.find(SPEC) == other
    assert forgiving.of_another_recorder([SPEC]) == 1
