"""The saved view of an experiment: installed, replaced, removed."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

import pytest
from mlflow import MlflowClient

from tuneguard import keys
from tuneguard.exceptions import ExperimentNotFoundError
from tuneguard.storage.saved_view import NAME, install_view, remove_view


@pytest.fixture
def experiment(client: MlflowClient) -> str:
    return str(client.create_experiment("training"))


def views(client: MlflowClient, experiment: str) -> dict[str, Any]:
    tags = client.get_experiment(experiment).tags
    return {key: json.loads(tags[key]) for key in tags if key.startswith("mlflow.sharedViewState")}


def test_mlflow_s_own_search_understands_the_view(client: MlflowClient, experiment: str) -> None:
    verdicts = {"a": "warning", "b": "critical", "c": "info", "d": "healthy"}
    for name, verdict in verdicts.items():
        findings = "none" if verdict == "healthy" else "divergence"
        client.create_run(
            experiment,
            run_name=name,
            tags={keys.TAG_VERDICT: verdict, keys.TAG_FINDINGS: findings},
        )
    client.create_run(experiment)
    url = install_view("training", client.tracking_uri).url
    ((key, view),) = views(client, experiment).items()
    state = json.loads(zlib.decompress(base64.b64decode(view["state"].removeprefix("deflate;"))))
    order = f"{state['orderByKey']} {'ASC' if state['orderByAsc'] else 'DESC'}"
    found = client.search_runs([experiment], state["searchFilter"], order_by=[order])
    assert [run.info.run_name for run in found] == ["b", "a"]
    assert view["name"] == NAME
    assert f"viewStateShareKey={key.rpartition('.')[2]}&workflowType=machine_learning" in url


def test_installing_again_replaces_it(client: MlflowClient, experiment: str) -> None:
    assert not install_view("training", client.tracking_uri).was_there
    (first,) = views(client, experiment).values()
    assert install_view(experiment, client.tracking_uri).was_there
    (second,) = views(client, experiment).values()
    assert second["createdAt"] == first["createdAt"]
    assert second["updatedAt"] >= first["updatedAt"]


def test_views_of_others_stay(client: MlflowClient, experiment: str) -> None:
    client.set_experiment_tag(experiment, "mlflow.sharedViewState.mine", "{}")
    install_view("training", client.tracking_uri)
    assert remove_view("training", client.tracking_uri)
    assert list(views(client, experiment)) == ["mlflow.sharedViewState.mine"]
    assert not remove_view("training", client.tracking_uri)


@pytest.mark.parametrize("present", ["no json", "[]", '{"createdAt": "yesterday"}'])
def test_an_odd_view_of_that_name_is_replaced(
    client: MlflowClient, experiment: str, present: str
) -> None:
    client.set_experiment_tag(experiment, "mlflow.sharedViewState.tuneguard-alarms", present)
    install_view("training", client.tracking_uri)
    (view,) = views(client, experiment).values()
    assert view["createdAt"] == view["updatedAt"]


def test_an_experiment_that_is_not_there_is_said(client: MlflowClient) -> None:
    with pytest.raises(ExperimentNotFoundError, match="no experiment 'missing'"):
        install_view("missing", client.tracking_uri)
