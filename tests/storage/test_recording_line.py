from __future__ import annotations

import pytest

from tuneguard.storage.recording_line import recording_line


@pytest.mark.parametrize(
    ("params", "tags", "words"),
    [
        (["per_device_train_batch_size"], {}, "tuneguard[transformers]"),
        (["lr"], {"mlflow.autologging": "pytorch"}, "tuneguard[lightning]"),
        (["epochs"], {"mlflow.autologging": "keras"}, "tuneguard[keras]"),
    ],
)
def test_the_line_is_that_of_the_framework_that_logged(
    params: list[str], tags: dict[str, str], words: str
) -> None:
    line = recording_line(["loss"], params, tags)
    assert line is not None
    assert words in line
    assert "callbacks=[TuneGuardCallback()]" in line


@pytest.mark.parametrize(
    ("metrics", "params", "tags"),
    [
        (["loss", "tuneguard/stride"], ["per_device_train_batch_size"], {}),
        (["loss"], ["lr"], {}),
        (["loss"], ["lr"], {"mlflow.autologging": "sklearn"}),
    ],
)
def test_a_run_that_was_recorded_or_whose_framework_is_not_seen_gets_none(
    metrics: list[str], params: list[str], tags: dict[str, str]
) -> None:
    assert recording_line(metrics, params, tags) is None
