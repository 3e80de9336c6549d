"""The networks that read sequences of tokens."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, arange, nn

from benchmarks.error_rates.tokens import VOCABULARY


class Recurrent(nn.Module):
    """An embedding, a recurrent layer, and a linear layer on its last state.

    Args:
        outputs: Numbers that come out.
        kind: Which recurrent layer.
        width: Units of the recurrent layer.
        dropout: Share of the last state that dropout silences.
    """

    def __init__(
        self,
        outputs: int,
        kind: Literal["gru", "lstm"],
        *,
        width: int = 24,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 12)
        layer = nn.GRU if kind == "gru" else nn.LSTM
        self.recurrent = layer(12, width, batch_first=True)
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
        self.head = nn.Linear(width, outputs)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the outputs of a batch of sequences."""
        states, _ = self.recurrent(self.embedding(tokens))
        outputs: Tensor = self.head(self.dropout(states[:, -1]))
        return outputs


class Bag(nn.Sequential):
    """The mean of the embeddings, and one hidden layer.

    Args:
        outputs: Numbers that come out.
        width: Numbers in an embedding, and units of the hidden layer.
        dropout: Share of the hidden units that dropout silences.
    """

    def __init__(self, outputs: int, *, width: int = 32, dropout: float = 0.0) -> None:
        super().__init__(
            nn.EmbeddingBag(VOCABULARY, width),
            nn.Linear(width, width),
            nn.ReLU(),
            *([nn.Dropout(dropout)] if dropout else []),
            nn.Linear(width, outputs),
        )


class Attentive(nn.Module):
    """An embedding with places, a layer of attention, and a linear layer on the mean.

    Args:
        outputs: Numbers that come out.
        length: Tokens in a sequence, at most.
        width: Numbers in an embedding.
        dropout: Share that dropout silences in the layer.
    """

    def __init__(
        self,
        outputs: int,
        length: int = 12,
        *,
        width: int = 24,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, width)
        self.places = nn.Embedding(length, width)
        self.layer = nn.TransformerEncoderLayer(
            width, 2 - width % 2, 2 * width, dropout, batch_first=True, norm_first=True
        )
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, outputs)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the outputs of a batch of sequences."""
        embedded = self.embedding(tokens) + self.places(arange(tokens.shape[1]))
        outputs: Tensor = self.head(self.norm(self.layer(embedded).mean(1)))
        return outputs
