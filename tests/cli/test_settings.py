"""What is typed, over what the project's configuration says."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from tuneguard.cli.program import main
from tuneguard.cli.settings import settle
from tuneguard.exceptions import ConfigurationError
from tuneguard.rules import BUILTIN_RULES


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "tuneguard.toml"
    path.write_text('select = ["TG1"]\nignore = ["underfitting"]\n[map]\ntrain_loss = "mine"\n')
    monkeypatch.chdir(tmp_path)
    return path


def names(*args: object) -> set[str]:
    return {rule.name for rule in settle(*args).rules}  # type: ignore[arg-type]


def test_the_configuration_of_the_folder_is_used(config: Path) -> None:
    ours = {rule.name for rule in BUILTIN_RULES if rule.id.startswith("TG1")}
    assert names((), (), (), None) == ours - {"underfitting"}
    assert settle((), (), (), None).is_selection


def test_what_is_typed_comes_first(config: Path) -> None:
    assert names(("divergence,overfitting",), (), (), None) == {"divergence", "overfitting"}
    assert "overfitting" not in names((), ("overfitting",), (), None)
    assert settle((), (), ("train_loss=other",), None).roles == {"train_loss": "other"}
    assert settle((), (), ("validation_loss=other",), None).roles == {
        "train_loss": "mine",
        "validation_loss": "other",
    }


def test_a_file_can_be_named(config: Path, tmp_path: Path) -> None:
    other = tmp_path / "strict.toml"
    other.write_text('select = ["divergence"]\n')
    assert names((), (), (), other) == {"divergence"}


def test_an_unknown_rule_is_said_with_its_file(config: Path) -> None:
    config.write_text('ignore = ["overfiting"]\n')
    with pytest.raises(ConfigurationError, match=r"tuneguard\.toml: No rule is called"):
        settle((), (), (), None)


def test_diagnose_uses_the_configuration(config: Path, tmp_path: Path) -> None:
    rows = "\n".join(f"{epoch},{2.0 / epoch}" for epoch in range(1, 40))
    (tmp_path / "history.csv").write_text(f"epoch,mine\n{rows}\n")
    config.write_text('select = ["divergence"]\n[map]\ntrain_loss = "mine"\n')
    told = CliRunner().invoke(main, ["diagnose", "history.csv", "--verbose"])
    assert "divergence" in told.output
    assert "overfitting" not in told.output
