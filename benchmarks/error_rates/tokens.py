"""Sequences of tokens, drawn from a seed, and their classes."""

from __future__ import annotations

import torch

from benchmarks.error_rates.generated import TESTED, VALIDATED, mislabelled, split
from benchmarks.error_rates.setup import Data

VOCABULARY = 40


def topics(
    seed: int, *, train: int = 8000, length: int = 16, classes: int = 6, wrong: float = 0.0
) -> Data:
    """Draw sequences whose tokens come a little more often from the words of their topic.

    Args:
        seed: Of the sequences; the words of the topics are always the same.
        train: Sequences to train on.
        length: Tokens in a sequence.
        classes: Number of topics.
        wrong: Share of the labels that are drawn at random, in training and validation.
    """
    draw = torch.Generator().manual_seed(seed)
    count = train + VALIDATED + TESTED
    targets = torch.randint(classes, (count,), generator=draw)
    own = torch.randint(VOCABULARY // classes, (count, length), generator=draw)
    own = own * classes + targets[:, None]
    other = torch.randint(VOCABULARY, (count, length), generator=draw)
    tokens = torch.where(torch.rand(count, length, generator=draw) < 0.35, own, other)
    return split(tokens, mislabelled(targets, train + VALIDATED, wrong, classes, draw), train)


def last_keyword(  # noqa: PLR0913 - what is drawn has many sides
    seed: int,
    *,
    train: int = 8000,
    length: int = 8,
    classes: int = 4,
    wrong: float = 0.0,
    unclear: float = 0.06,
) -> Data:
    """Draw sequences whose class is the keyword that came last, with other tokens around it.

    Args:
        seed: Of the sequences.
        train: Sequences to train on.
        length: Tokens in a sequence.
        classes: Number of keywords.
        wrong: Share of the labels that are drawn at random, in training and validation.
        unclear: Share of all labels, those tested on too, that no token tells.
    """
    draw = torch.Generator().manual_seed(seed)
    count = train + VALIDATED + TESTED
    tokens = torch.randint(classes, VOCABULARY, (count, length), generator=draw)
    keywords = torch.randint(classes, (count, length), generator=draw)
    tokens = torch.where(torch.rand(count, length, generator=draw) < 0.35, keywords, tokens)
    tokens[:, 0] = keywords[:, 0]
    place = torch.arange(length).expand(count, length)
    last = torch.where(tokens < classes, place, -1).amax(-1, keepdim=True)
    targets = tokens.gather(1, last)[:, 0]
    targets = mislabelled(targets, count, unclear, classes, draw)
    return split(tokens, mislabelled(targets, train + VALIDATED, wrong, classes, draw), train)


def keyword_count(  # noqa: PLR0913 - what is drawn has many sides
    seed: int,
    *,
    train: int = 8000,
    length: int = 8,
    classes: int = 5,
    wrong: float = 0.0,
    unclear: float = 0.06,
) -> Data:
    """Draw sequences whose class is how many times any of four keywords occurs.

    Args:
        seed: Of the sequences.
        train: Sequences to train on.
        length: Tokens in a sequence.
        classes: One more than the highest count that is told apart.
        wrong: Share of the labels that are drawn at random, in training and validation.
        unclear: Share of all labels, those tested on too, that no token tells.
    """
    draw = torch.Generator().manual_seed(seed)
    count = train + VALIDATED + TESTED
    tokens = torch.randint(4, VOCABULARY, (count, length), generator=draw)
    keywords = torch.randint(4, (count, length), generator=draw)
    tokens = torch.where(torch.rand(count, length, generator=draw) < 0.25, keywords, tokens)
    targets = (tokens < 4).sum(-1).clamp(max=classes - 1)
    targets = mislabelled(targets, count, unclear, classes, draw)
    return split(tokens, mislabelled(targets, train + VALIDATED, wrong, classes, draw), train)
