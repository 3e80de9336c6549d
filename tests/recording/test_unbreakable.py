from __future__ import annotations

import logging
import os
from types import SimpleNamespace

import pytest
import torch

from tuneguard.recording.unbreakable import unbreakable


class Counter:
    def __init__(self) -> None:
        self.process = os.getpid()
        self.failed: set[str] = set()
        self.calls = 0

    @unbreakable
    def count(self, by: int) -> None:
        self.calls += by
        if by > 1:
            raise ValueError("too many")


def test_a_call_beside_a_compiling_thread_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    counter = Counter()
    # only for this module: what Dynamo knows of the real one has to stay
    compiler = SimpleNamespace(is_compiling=lambda: True, disable=torch.compiler.disable)
    monkeypatch.setattr(
        "tuneguard.recording.unbreakable.torch", SimpleNamespace(compiler=compiler)
    )
    counter.count(1)
    assert counter.calls == 1


def test_a_failure_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    counter = Counter()
    with caplog.at_level(logging.WARNING, "tuneguard.recording"):
        counter.count(2)
        counter.count(2)
    assert counter.calls == 4
    assert [record.getMessage() for record in caplog.records] == [
        "count failed; training goes on, but the record has gaps: ValueError('too many')"
    ]


def test_a_forked_child_does_nothing() -> None:
    counter = Counter()
    counter.process = -1
    counter.count(1)
    assert not counter.calls
