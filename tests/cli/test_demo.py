"""`tuneguard demo`: train, diagnose, review, and say how to look at it."""

import mlflow
import pytest
from mlflow import MlflowClient

from tuneguard.demonstration import FAULTS


@pytest.fixture
def one_thread():
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.slow
def test_a_demo_ends_with_0_and_a_review(invoke, tracking_uri, one_thread):
    result = invoke("demo", "--fault", "overfitting", "--tracking-uri", tracking_uri)

    (experiment,) = MlflowClient(tracking_uri).search_experiments(
        filter_string="name = 'tuneguard demo'"
    )
    (run,) = MlflowClient(tracking_uri).search_runs([experiment.experiment_id])
    assert result.exit_code == 0
    assert mlflow.active_run() is None
    assert "overfitting" in run.data.tags["tuneguard.findings"]
    assert "Overfitting (TG101)" in result.stdout
    assert f"Run {run.info.run_id}" in result.stdout
    assert f"server --backend-store-uri {tracking_uri} --workers 1" in result.stdout
    assert f"runs/{run.info.run_id}?workflowType=machine_learning" in result.stdout


def test_a_fault_that_is_none_is_answered_with_those_there_are(invoke):
    result = invoke("demo", "--fault", "nonsense")

    assert result.exit_code == 2
    assert all(fault in result.stderr for fault in FAULTS)
