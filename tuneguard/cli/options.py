"""Options that several commands share, each worded once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])
Option = Callable[[Command], Command]

SEVERITIES = ("info", "warning", "critical")

output: Option[Any] = click.option(
    "--output",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write the result to this file, whole or not at all, in place of standard output.",
)
tracking_uri: Option[Any] = click.option(
    "--tracking-uri", metavar="URI", help="Tracking store; the one MLflow is set to by default."
)
select: Option[Any] = click.option(
    "--select",
    multiple=True,
    metavar="RULES",
    help="Ask only these rules: names, ids or id prefixes such as TG1, separated by commas. "
    "Repeatable.",
)
ignore: Option[Any] = click.option(
    "--ignore", multiple=True, metavar="RULES", help="Leave these rules out. Repeatable."
)
config: Option[Any] = click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with rules, thresholds and roles; the nearest tuneguard.toml, or pyproject.toml "
    "with a table tool.tuneguard, here or above, by default.",
)
evidence_from: Option[Any] = click.option(
    "--evidence-from",
    metavar="EXPERIMENT",
    help="Put prescriptions in the order of their success in the runs of this experiment, as "
    "`tuneguard evidence` counts it, and say how often each helped.",
)


def output_format(choices: Sequence[str], help_text: str) -> Option[Any]:
    """Return `--format`, which is `text` where nothing else is asked for."""
    return click.option(
        "--format",
        "output_format",
        type=click.Choice(choices),
        default="text",
        show_default=True,
        help=help_text,
    )


def fail_on(choices: Sequence[str], default: str, help_text: str) -> Option[Any]:
    """Return `--fail-on`, which can also be `never`."""
    return click.option(
        "--fail-on",
        type=click.Choice([*choices, "never"]),
        default=default,
        show_default=True,
        help=help_text,
    )


def severities_from(fail_on: str) -> tuple[str, ...]:
    """Return the severities at which `--fail-on` fails; none for `never`.

    >>> severities_from("warning"), severities_from("never")
    (('warning', 'critical'), ())
    """
    return SEVERITIES[SEVERITIES.index(fail_on) :] if fail_on in SEVERITIES else ()


def role_keys(roles: str = "train_loss, validation_loss, ...", whose: str = "", /) -> Option[Any]:
    """Return `--map`.

    Args:
        roles: The roles to name in the help.
        whose: The runs that are meant, where that is not plain, such as `of every run`.
    """
    of_whom = f" {whose}" if whose else ""
    return click.option(
        "--map",
        "role_keys",
        multiple=True,
        metavar="ROLE=KEY",
        help=f"Read ROLE ({roles}){of_whom} from the series KEY. Repeatable.",
    )
