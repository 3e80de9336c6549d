"""`tuneguard treat`: train, apply what is prescribed, and keep what helps."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tuneguard.cli import options
from tuneguard.cli.exit_codes import ExitCode
from tuneguard.cli.output import write_result
from tuneguard.cli.selection import split_names
from tuneguard.cli.terminal import say, terminal_width
from tuneguard.exceptions import TuneGuardError

if TYPE_CHECKING:
    from tuneguard.treatment import Treatment


@click.command(
    epilog="""\b
Examples:
  tuneguard treat train:main --param lr=0.5 --param weight_decay=0
  tuneguard treat train:main --params settings.json --seeds 1,2,3 --max-trainings 12
  tuneguard treat train:main --param model.lr=0.5 --name learning_rate=model.lr
"""
)
@click.argument("function", metavar="MODULE:FUNCTION")
@click.option(
    "--param",
    "pairs",
    multiple=True,
    metavar="NAME=VALUE",
    help="A parameter of the first training; the value as JSON has it, or text. Repeatable.",
)
@click.option(
    "--params",
    "params_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A JSON file with the parameters; --param overrides it.",
)
@click.option("--seeds", metavar="LIST", help="Train each attempt with all of these seeds.")
@click.option("--seed-name", default="seed", show_default=True, help="Parameter of the seed.")
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="SETTING=PARAMETER",
    help="Which parameter holds a setting, where its name does not tell. Repeatable.",
)
@click.option(
    "--max-trainings",
    type=click.IntRange(min=1),
    default=8,
    show_default=True,
    help="How often to train in all; each seed counts.",
)
@click.option(
    "--max-minutes",
    type=click.FloatRange(min=0, min_open=True),
    help="No training begins after so long.",
)
@click.option("--experiment", metavar="NAME", help="Experiment for the runs.")
@options.evidence_from
@click.option("--fresh", is_flag=True, help="Begin anew where a treatment could be resumed.")
@options.output_format(["text", "json"], "How to print the treatment.")
@options.output
@options.tracking_uri
@click.pass_context
def treat(ctx: click.Context, /, function: str, **options: Any) -> None:
    """Train, diagnose, apply what is prescribed, train again, and keep what helps.

    FUNCTION takes a dictionary of parameters, trains, and records into the MLflow run that is
    open while it runs, with TuneGuardCallback or otherwise. One prescription at a time is applied
    to the parameters; what is better is kept, all else is reverted. Each training is a child run
    with its diagnosis. Your code is never edited. After Ctrl-C or a kill, the same command goes
    on where it stopped.

    Exit codes: 0 a healthy run was reached, 1 it was not, 2 it could not be tried.
    """
    from tuneguard.reports.treatment.document import to_json
    from tuneguard.reports.treatment.text import render_text
    from tuneguard.treating import treat as treat_function

    minutes = options["max_minutes"]
    treatment = treat_function(
        _function(function),
        _params(options["params_file"], options["pairs"]),
        seeds=_seeds(options["seeds"]),
        seed_name=options["seed_name"],
        names=dict(_pair(one, "--name") for one in options["names"]),
        max_trainings=options["max_trainings"],
        max_seconds=None if minutes is None else 60.0 * minutes,
        experiment=options["experiment"],
        tracking_uri=options["tracking_uri"],
        fresh=options["fresh"],
        evidence=options["evidence_from"],
        on_attempt=_say_last,
    )
    as_json = options["output_format"] == "json"
    page = f"{to_json(treatment)}\n" if as_json else render_text(treatment, width=terminal_width())
    write_result([page], options["output"])
    ctx.exit(ExitCode.NOTHING_FOUND if treatment.is_healthy else ExitCode.FOUND)


def _function(text: str) -> Callable[[dict[str, Any]], object]:
    module, _, name = text.partition(":")
    if not module or not name:
        raise click.BadParameter(
            f"{text!r} is not MODULE:FUNCTION, such as train:main", param_hint="FUNCTION"
        )
    # as `python -m` does: modules of the folder that one stands in can be imported
    sys.path.insert(0, str(Path.cwd()))
    try:
        found: Any = importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise TuneGuardError(
            f"{module} cannot be imported ({error}): run this where it can, or set PYTHONPATH."
        ) from error
    for part in name.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise TuneGuardError(f"{module} has no function {name!r}.")
    function: Callable[[dict[str, Any]], object] = found
    return function


def _params(path: Path | None, pairs: tuple[str, ...]) -> dict[str, Any]:
    params: dict[str, Any] = {}
    if path is not None:
        try:
            params = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise TuneGuardError(f"{path} is not JSON: {error}.") from error
        if not isinstance(params, dict):
            raise TuneGuardError(f"{path} holds no mapping of parameters to values.")
    for one in pairs:
        name, value = _pair(one, "--param")
        params[name] = _value(value)
    if not params:
        raise click.UsageError("Give the parameters to start from, with --param or --params.")
    return params


def _seeds(text: str | None) -> list[Any] | None:
    return None if text is None else [_value(one) for one in split_names([text])]


def _pair(text: str, option: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise click.BadParameter(f"{text!r} has no NAME=VALUE", param_hint=option)
    return name, value


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _say_last(treatment: Treatment) -> None:
    from tuneguard.reports.treatment.rows import rows
    from tuneguard.reports.treatment.text import attempt_lines

    for line in attempt_lines(rows(treatment)[-1], terminal_width()):
        say(line)
