"""What holds for every command: help, and how a command may end."""

import subprocess
import sys

import click
import pytest

from tuneguard.cli import main
from tuneguard.exceptions import TuneGuardError
from tuneguard.version import __version__

HEAVY = {"jinja2", "matplotlib", "mlflow", "numpy", "pyarrow", "scipy", "torch"}


@pytest.fixture
def raising(runner, monkeypatch):
    """Return a function that makes `tuneguard fail` raise."""

    def prepare(error):
        def fail():
            raise error

        monkeypatch.setitem(main.commands, "fail", click.Command("fail", callback=fail))
        return runner.invoke(main, ["fail"])

    return prepare


@pytest.mark.parametrize("name", sorted(main.commands))
def test_every_command_has_help_with_examples(invoke, name):
    result = invoke(name, "--help")

    assert result.exit_code == 0
    assert f"tuneguard {name}" in result.stdout.split("Examples:")[1]


@pytest.mark.parametrize("name", sorted(main.commands))
def test_every_option_has_help(name):
    options = [one for one in main.commands[name].params if isinstance(one, click.Option)]

    assert all(option.help for option in options)


def test_help_is_quick_and_imports_nothing_heavy():
    code = (
        "import sys, time; from tuneguard.cli import main\n"
        "try: main(['--help'])\n"
        "finally: print(time.process_time(), *sys.modules, file=sys.stderr)"
    )
    command = [sys.executable, "-c", code]
    results = [
        subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(3)
    ]

    seconds = min(float(one.stderr.split()[0]) for one in results)
    modules = {name.partition(".")[0] for name in results[0].stderr.split()}
    assert "diagnose" in results[0].stdout
    assert HEAVY.isdisjoint(modules)
    # time of the processor: the clock on the wall also counts what others do
    assert seconds < 0.3


def test_the_version_is_printed(invoke):
    assert invoke("--version").stdout == f"tuneguard, version {__version__}\n"


def test_the_module_runs_as_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "tuneguard", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert __version__ in done.stdout


def test_an_error_of_the_user_is_one_line_and_2(raising):
    result = raising(TuneGuardError("There is no run 'x\x1b[2J'."))

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "Error: There is no run 'x[2J'.\n"


def test_an_interrupt_is_quiet_and_130(raising):
    result = raising(KeyboardInterrupt())

    assert (result.exit_code, result.output.strip()) == (130, "")


def test_a_bug_is_2_and_not_taken_for_a_finding(raising):
    result = raising(ZeroDivisionError("oops"))

    assert (result.exit_code, result.stdout) == (2, "")
    assert "ZeroDivisionError: oops" in result.stderr
    assert "bug in tuneguard" in result.stderr


def test_an_unknown_command_is_2(invoke):
    assert invoke("diagnoze").exit_code == 2
