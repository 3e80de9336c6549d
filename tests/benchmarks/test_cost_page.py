import json
from pathlib import Path

from benchmarks.cost import page, results, tables
from benchmarks.cost.criteria import criteria

ONCE = {"constructor": 0.01, "first_steps": 1.1, "first_delivery": 0.5, "close": 0.2}


def recorder_row(recorded_seconds: float, **changes: object) -> results.Row:
    return {
        "loop": "mlp",
        "title": "MLP",
        "threads": 1,
        "parameters": 10,
        "first": [[100, 1.0, 1.0, True], [100, 1.0, 1.0, True]],
        "recorded": [[100, recorded_seconds, 1.0, True]] * 2,
        "second": [[100, 1.0, 1.0, True], [100, 1.0, 1.0, True]],
        "start_up": ONCE,
        "memory": 10.0,
        "layer_samples": 150.0,
        "bytes_per_step": 40.0,
        "overhead": 0.01,
        "stride": 10.0,
        "dropped": 0,
        "waits": 0.0,
        "load": [1.0, 1.5],
        **changes,
    }


def neighbour_row(watched_seconds: float) -> results.Row:
    return {
        "loop": "mlp",
        "title": "MLP",
        "neighbour": "naive",
        "is_default": False,
        "bare": [[100, 1.0, 1.0, True]],
        "watched": [[100, watched_seconds, 1.0, True]],
        "memory": 1.0,
        "layer_samples": 150.0,
        "waits": 0.6,
        "load": [1.0, 1.0],
    }


def part(*rows: results.Row) -> dict[str, object]:
    return {**results.conditions(), "rows": list(rows)}


def kept(*rows: results.Row, neighbours: tuple[results.Row, ...] = ()) -> dict[str, bool]:
    found = criteria({"recorder": part(*rows), "neighbours": part(*neighbours)})
    return {one.promise: one.is_kept for one in found}


def test_the_page_is_written_from_the_figures_that_are_kept():
    assert page.PATH.read_text(encoding="utf-8") == page.render(page.kept_parts())


def test_what_was_not_measured_is_said():
    text = page.render({})

    assert "Not measured on a GPU." in text
    assert text.count("Not measured yet.") == 5


def test_a_promise_holds_up_to_its_bound():
    promise = "MLP: ratio of total times at most 1.02"

    assert kept(recorder_row(1.019))[promise]
    assert not kept(recorder_row(1.021))[promise]


def test_short_steps_may_cost_more():
    row = recorder_row(1.04, loop="small-mlp")

    assert kept(row)["MLP: ratio of total times at most 1.05"]


def test_a_neighbour_that_is_cheaper_is_told():
    promise = "MLP: cheaper than `.norm().item()`, not stored at this density"

    assert kept(recorder_row(1.01), neighbours=(neighbour_row(1.02),))[promise]
    assert not kept(recorder_row(1.03), neighbours=(neighbour_row(1.02),))[promise]


def test_a_neighbour_that_failed_is_shown_and_not_judged():
    failed = {"loop": "mlp", "title": "MLP", "neighbour": "wandb", "is_default": True}
    rows = part({**failed, "failure": "No module named 'wandb'"})
    parts = {"recorder": part(recorder_row(1.01)), "neighbours": rows}

    assert "No module named 'wandb'" in page.render(parts)
    assert not any("wandb" in one.promise for one in criteria(parts))


def test_figures_come_back_as_they_were_kept(tmp_path: Path):
    results.save("recorder", [recorder_row(1.01)], tmp_path)

    found = results.load("recorder", tmp_path)
    assert found is not None
    assert found["rows"] == json.loads(json.dumps([recorder_row(1.01)]))
    assert results.load("soak", tmp_path) is None


def test_slices_and_what_is_done_beside_them_add_up():
    row = {
        "title": "MLP",
        "recorded": [[10, 1.01], [10, 2.02]],
        "bare": [[10, 1.0], [10, 2.0]],
        "background": 0.004,
        "layer_samples": 120.0,
    }
    line = tables.slices_table([row]).splitlines()[-1]
    assert line == "| MLP | 1.010 (1.010 to 1.010) | 0.4 % | 1.014 | 120 |"
