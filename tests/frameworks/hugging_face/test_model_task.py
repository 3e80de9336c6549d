from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from torch import nn

from tuneguard.transformers.model_task import model_task


@pytest.mark.parametrize(
    ("name", "config", "expected"),
    [
        ("GPT2LMHeadModel", {"vocab_size": 50}, {"task": "classification", "num_classes": 50}),
        ("BertForMaskedLM", {"vocab_size": 9}, {"task": "classification", "num_classes": 9}),
        (
            "ViTForImageClassification",
            {"num_labels": 10},
            {"task": "classification", "num_classes": 10},
        ),
        ("BertForSequenceClassification", {"num_labels": 1}, {"task": "regression"}),
        (
            "BertForSequenceClassification",
            {"num_labels": 4, "problem_type": "multi_label_classification"},
            {},
        ),
        ("BertForQuestionAnswering", {"num_labels": 2}, {}),
        ("LlamaForCausalLM", {}, {}),
    ],
)
def test_the_task_follows_from_class_and_configuration(
    name: str, config: dict[str, Any], expected: dict[str, Any]
) -> None:
    model = type(name, (nn.Module,), {})()
    model.config = SimpleNamespace(**config)
    assert model_task(model) == expected


def test_a_model_without_a_configuration_says_nothing() -> None:
    assert model_task(nn.Linear(1, 1)) == {}
