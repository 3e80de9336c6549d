"""What a model of the library is for, by its class and its configuration."""

from __future__ import annotations

import re

from torch import nn

_OF_LABELS = re.compile(r"For(\w*Classification)$")
_OF_TOKENS = re.compile(r"(ForCausalLM|LMHeadModel|ForMaskedLM|ForConditionalGeneration)$")


def model_task(model: nn.Module) -> dict[str, str | int]:
    """Return `task` and `num_classes` of a model, as far as its configuration tells them.

    A language model is a classification of tokens. A classifier of one label is a regression, as
    the library has it; one of several labels at a time has a loss of its own, and is left open.

    Args:
        model: The model; only those of `transformers` have a configuration that tells.
    """
    config = getattr(model, "config", None)
    name = type(model).__name__
    if config is None:
        return {}
    if _OF_TOKENS.search(name):
        words = getattr(config, "vocab_size", None)
        return _classification(words)
    problem = getattr(config, "problem_type", None)
    labels = getattr(config, "num_labels", None)
    if not _OF_LABELS.search(name) or problem == "multi_label_classification":
        return {}
    if labels == 1 or problem == "regression":
        return {"task": "regression"}
    return _classification(labels)


def _classification(classes: object) -> dict[str, str | int]:
    if not isinstance(classes, int) or classes < 2:
        return {}
    return {"task": "classification", "num_classes": classes}
