"""`tuneguard demo`: a training run with a real fault, diagnosed and reviewed."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tuneguard.cli.terminal import say, terminal_width, wants_color

if TYPE_CHECKING:
    from tuneguard.diagnosis import Diagnosis

FOLDER = Path("tuneguard-demo")


@click.command(
    epilog="""\b
Examples:
  tuneguard demo
  tuneguard demo --fault exploding-gradients --tracking-uri http://localhost:5000
"""
)
@click.option(
    "--fault", metavar="FAULT", help="What goes wrong; a wrong name lists what there is."
)
@click.option(
    "--tracking-uri",
    metavar="URI",
    help=f"Tracking store; by default sqlite:///{FOLDER.as_posix()}/mlflow.db in this folder.",
)
def demo(fault: str | None, tracking_uri: str | None) -> None:
    """Train a model with a real fault, and diagnose it.

    The run is recorded into a local MLflow store and its review is written there. Prints the
    diagnosis, the id of the run, and how to open it in the MLflow UI.
    """
    from tuneguard.demonstration import EXPERIMENT, FAULTS, run_demo
    from tuneguard.diagnosis import diagnose
    from tuneguard.reports.text import render_text
    from tuneguard.reviewing import publish_review
    from tuneguard.storage.health import tracking_uri_in_use
    from tuneguard.storage.reader import load_run

    fault = fault or FAULTS[0]
    if fault not in FAULTS:
        raise click.BadParameter(f"choose one of {', '.join(FAULTS)}", param_hint="--fault")
    uri = tracking_uri or _local_store(EXPERIMENT)
    say(f"Tracking URI: {tracking_uri_in_use(uri)}")
    say(f"Training a model with the fault {fault} ...")
    diagnosis = diagnose(load_run(run_demo(fault, uri), uri))
    click.echo(render_text(diagnosis, color=wants_color(), width=terminal_width()))
    publish_review(diagnosis, tracking_uri=uri)
    click.echo(_next_steps(diagnosis, uri))


def _local_store(experiment: str) -> str:
    """Set up a store that keeps everything in one folder of this one."""
    from tuneguard.storage.experiments import create_experiment

    FOLDER.mkdir(exist_ok=True)
    uri = f"sqlite:///{FOLDER.as_posix()}/mlflow.db"
    create_experiment(uri, experiment, FOLDER / "artifacts")
    return uri


def _next_steps(diagnosis: Diagnosis, uri: str) -> str:
    from tuneguard.storage.run_page import run_address

    run = diagnosis.identity
    place = (uri, run.experiment_id or "", run.run_id or "")
    is_server = uri.startswith(("http://", "https://"))
    start = [] if is_server else ["", "Open the review in MLflow:", f"  {_server_command(uri)}"]
    judge = ["", "Say whether its findings are right:", f"  {run_address(*place, '/traces')}"]
    return "\n".join([f"Run {run.run_id}", *start, f"  {run_address(*place)}", *judge])


def _server_command(uri: str) -> str:
    beside = Path(sys.executable).with_name("mlflow")
    is_on_path = shutil.which("mlflow") == str(beside)
    program = "mlflow" if is_on_path or not beside.exists() else str(beside)
    return f"{shlex.quote(program)} server --backend-store-uri {shlex.quote(uri)} --workers 1"
