"""The project's own settings: where they are found, what they do, and what is wrong with them."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from tuneguard.configuration import Configuration, find_configuration, read_configuration
from tuneguard.exceptions import ConfigurationError
from tuneguard.rules.overfitting import Overfitting
from tuneguard.rules.underfitting import Underfitting

THRESHOLD = next(one.name for one in fields(Overfitting) if isinstance(one.default, float))


def written(folder: Path, text: str, name: str = "tuneguard.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_every_setting_is_read(tmp_path: Path) -> None:
    text = f"""
        select = ["TG1", "divergence"]
        ignore = ["TG105"]
        [map]
        train_loss = "my/objective"
        [thresholds.overfitting]
        {THRESHOLD} = 3
    """
    found = read_configuration(written(tmp_path, text))
    assert (found.select, found.ignore) == (("TG1", "divergence"), ("TG105",))
    assert found.roles == {"train_loss": "my/objective"}
    overfitting, underfitting = found.applied_to([Overfitting, Underfitting])
    assert getattr(overfitting, THRESHOLD) == 3
    assert underfitting == Underfitting()
    assert overfitting.setting != Overfitting().setting


def test_a_rule_is_known_by_its_id_too(tmp_path: Path) -> None:
    found = read_configuration(written(tmp_path, f"[thresholds.TG101]\n{THRESHOLD} = 7.5"))
    found.check([Overfitting])
    assert getattr(found.applied_to([Overfitting])[0], THRESHOLD) == 7.5


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("selct = []", "unknown setting 'selct'. Did you mean 'select'?"),
        ("select = 'TG1'", "select must be a list of names"),
        ("ignore = [1]", "ignore must be a list of names"),
        ("[map]\ntrain_los = 'x'", "no role is called 'train_los'. Did you mean 'train_loss'?"),
        ("[map]\ntrain_loss = 1", "map must be a table"),
        ("[thresholds]\noverfitting = 1", "[thresholds.overfitting]"),
        ("select = [", "not valid TOML"),
    ],
)
def test_what_cannot_be_meant_is_said_with_its_place(tmp_path: Path, text: str, says: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigurationError) as caught:
        read_configuration(path)
    assert says in str(caught.value)
    assert str(path) in str(caught.value)


def checked_and_applied(found: Configuration) -> None:
    found.check([Overfitting])
    found.applied_to([Overfitting])


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (f"[thresholds.overfiting]\n{THRESHOLD} = 1", "Did you mean 'overfitting'?"),
        (f"[thresholds.overfitting]\n{THRESHOLD}x = 1", f"Did you mean '{THRESHOLD}'?"),
        (f"[thresholds.overfitting]\n{THRESHOLD} = 'much'", "'much': give a"),
        (f"[thresholds.overfitting]\n{THRESHOLD} = true", "True: give a"),
    ],
)
def test_a_threshold_that_no_rule_has_is_refused(tmp_path: Path, table: str, says: str) -> None:
    found = read_configuration(written(tmp_path, table))
    with pytest.raises(ConfigurationError) as caught:
        checked_and_applied(found)
    assert says in str(caught.value)


def test_the_nearest_file_counts(tmp_path: Path) -> None:
    inner = tmp_path / "project" / "experiments"
    inner.mkdir(parents=True)
    assert (
        find_configuration(inner).source is None
        or tmp_path not in (find_configuration(inner).source or Path()).parents
    )
    written(tmp_path, "ignore = ['TG1']")
    written(tmp_path / "project", "[tool.other]\na = 1", "pyproject.toml")
    assert find_configuration(inner).ignore == ("TG1",)
    written(tmp_path / "project", "[tool.tuneguard]\nignore = ['TG2']", "pyproject.toml")
    assert find_configuration(inner).ignore == ("TG2",)
    written(tmp_path / "project", "ignore = ['TG3']")
    assert find_configuration(inner).ignore == ("TG3",)


def test_a_broken_project_file_of_others_is_left_to_them(tmp_path: Path) -> None:
    written(tmp_path, "[tool", "pyproject.toml")
    assert find_configuration(tmp_path) == Configuration()
