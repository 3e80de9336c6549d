from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from tuneguard.recording.row_fingerprints import (
    MOST_COLUMNS,
    NoFingerprintError,
    row_fingerprints,
)

TOKENS = torch.randint(1, 9, (6, 5), generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(6)


def found(batch: Any, most: int = 1000) -> list[int]:
    return row_fingerprints(batch, most).tolist()


@pytest.mark.parametrize("width", [2, 20, MOST_COLUMNS, MOST_COLUMNS + 1, 3 * 64 * 64])
def test_equal_rows_have_equal_fingerprints_and_others_have_not(width: int) -> None:
    rows = torch.randn(300, width)
    shuffled = torch.randperm(300)
    whole, again = found(rows), found(rows[shuffled])
    assert len(set(whole)) == 300
    assert again == [whole[place] for place in shuffled]


def test_a_row_is_told_from_one_that_differs_in_one_number() -> None:
    rows = torch.ones(40, 40)
    rows.fill_diagonal_(2.0)
    assert len(set(found(rows))) == 40


def test_rows_of_small_whole_numbers_do_not_collide() -> None:
    grid = torch.cartesian_prod(*[torch.arange(-16, 16)] * 3)
    assert len(set(found(grid, len(grid)))) == len(grid)
    assert len(set(found(grid.float(), len(grid)))) == len(grid)


def test_the_shape_of_a_batch_and_its_place_in_it_do_not_matter() -> None:
    images = torch.randn(7, 3, 8, 8)
    assert found(images.to(memory_format=torch.channels_last)) == found(images)
    assert found(images[2:5]) == found(images)[2:5]
    assert found(images, most=3) == found(images)[:3]


@pytest.mark.parametrize(
    "batch",
    [
        (TOKENS, LABELS),
        [TOKENS, LABELS],
        [[TOKENS], LABELS],
        {"input_ids": TOKENS, "labels": LABELS, "attention_mask": torch.ones_like(TOKENS)},
        {"input_ids": TOKENS, "label": TOKENS * 7, "idx": LABELS, "name": ["a"] * 6},
        TOKENS.numpy(),
        TOKENS.to(torch.int32),
        TOKENS.to(torch.uint8),
        torch.nn.functional.pad(TOKENS, (0, 3)),
        {
            "input_ids": torch.nn.functional.pad(TOKENS, (0, 3), value=99),
            "attention_mask": torch.nn.functional.pad(torch.ones_like(TOKENS), (0, 3)),
        },
    ],
    ids=str,
)
def test_the_same_inputs_in_other_clothes(batch: Any) -> None:
    assert found(batch) == found(TOKENS)


def test_equal_numbers_are_equal_rows() -> None:
    halves = torch.tensor([[0.0, 0.5], [-0.0, 0.5]])
    first, second = found(halves)
    assert first == second
    assert found(halves.double()) == found(halves.half()) == found(halves)
    assert len(set(found(torch.tensor([[1 + 2j, 3 + 0j], [2 + 1j, 3 + 0j]])))) == 2
    assert len(set(found(torch.tensor([[True, False], [False, True]])))) == 2


def test_columns_of_single_numbers_are_a_row_together() -> None:
    table = {"age": torch.tensor([30, 30, 40]), "income": torch.tensor([1.0, 2.0, 1.0])}
    assert len(set(found(table))) == 3
    assert found(table) == found(dict(reversed(table.items())))


def test_all_of_several_inputs_count() -> None:
    left, right = torch.randn(4, 3), torch.randn(4, 2)
    both = found(((left, right), LABELS))
    assert found(((left, right.roll(1, 0)), LABELS)) != both
    assert found((left, right)) == found(left)


@pytest.mark.parametrize(
    "batch",
    [
        None,
        "text",
        ["a", "b"],
        torch.tensor(1.0),
        torch.arange(8),
        torch.ones(8, 1),
        torch.zeros(0, 4),
        torch.eye(3).to_sparse(),
        np.array([["a", "b"]]),
        {"labels": torch.ones(3, 2)},
        [[torch.ones(3, 2), torch.ones(4, 2)]],
        torch.nn.utils.rnn.pack_sequence([torch.ones(3, 2)]),
        [torch.nn.utils.rnn.pack_sequence([torch.ones(3, 2)])],
    ],
    ids=str,
)
def test_what_has_no_fingerprint_says_so(batch: Any) -> None:
    with pytest.raises(NoFingerprintError, match=r"\w+ \w+"):
        row_fingerprints(batch, 100)


def test_the_random_state_is_left_alone() -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    found(torch.ones(2, 2 * MOST_COLUMNS - 3))
    assert torch.equal(torch.rand(3), expected)


def test_inputs_stay_as_they_are() -> None:
    rows = torch.randn(3, 4, requires_grad=True)
    before = rows.detach().clone()
    whole = torch.arange(12).reshape(3, 4)
    found(rows)
    found(whole)
    assert torch.equal(rows, before)
    assert torch.equal(whole, torch.arange(12).reshape(3, 4))
