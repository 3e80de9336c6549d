"""The networks of the rehearsal, beside fully connected ones."""

from __future__ import annotations

from torch import Tensor, nn, stack, zeros_like

from benchmarks.error_rates.networks import Activation, Perceptron
from benchmarks.error_rates.tokens import VOCABULARY


class Binary(nn.Module):
    """One output, the logit of class 1; that of class 0 is always 0.

    Args:
        inputs: Numbers in a sample.
        width: Units in a hidden layer.
        depth: Hidden layers.
        activation: Of each hidden unit.
        norm: Whether batches are normalised behind each hidden layer.
        dropout: Share of the hidden units that dropout silences.
    """

    def __init__(  # noqa: PLR0913 - a network is its sizes
        self,
        inputs: int,
        *,
        width: int = 32,
        depth: int = 3,
        activation: Activation = nn.LeakyReLU,
        norm: Activation | None = nn.BatchNorm1d,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.inner = Perceptron(
            inputs, 1, width=width, depth=depth, activation=activation, norm=norm, dropout=dropout
        )

    def forward(self, samples: Tensor) -> Tensor:
        """Return the two logits of each sample of a batch."""
        logit = self.inner(samples)[:, 0]
        return stack([zeros_like(logit), logit], dim=-1)


class Convolutions1d(nn.Sequential):
    """Two convolutions of a series, the mean over its length and one linear layer.

    Args:
        outputs: Numbers that come out.
        width: Channels of the first convolution; the second has twice as many.
        dropout: Share of the features that dropout silences before the linear layer.
    """

    def __init__(self, outputs: int, *, width: int = 10, dropout: float = 0.0) -> None:
        super().__init__(
            nn.Conv1d(1, width, 7, stride=2, padding=3),
            nn.ReLU(),
            nn.Conv1d(width, 2 * width, 5, padding=2),
            nn.ReLU(),
            nn.AdaptiveAvgPool1d(1),
            nn.Flatten(),
            *([nn.Dropout(dropout)] if dropout else []),
            nn.Linear(2 * width, outputs),
        )


class Elman(nn.Module):
    """A plain recurrent layer of tanh, and a linear layer on its last state.

    Args:
        inputs: Numbers at a point of a series.
        outputs: Numbers that come out.
        width: Units of the recurrent layer.
        dropout: Share of the last state that dropout silences.
    """

    def __init__(
        self, inputs: int, outputs: int, *, width: int = 24, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.recurrent = nn.RNN(inputs, width, batch_first=True)
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
        self.head = nn.Linear(width, outputs)

    def forward(self, series: Tensor) -> Tensor:
        """Return the outputs of a batch of series."""
        states, _ = self.recurrent(series)
        outputs: Tensor = self.head(self.dropout(states[:, -1]))
        return outputs


class AttentionPooling(nn.Module):
    """Embeddings, weighed by how much each seems to matter, and one hidden layer.

    Args:
        outputs: Numbers that come out.
        width: Numbers in an embedding, and units of the hidden layer.
        dropout: Share of the hidden units that dropout silences.
    """

    def __init__(self, outputs: int, *, width: int = 24, dropout: float = 0.0) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, width)
        self.weight = nn.Linear(width, 1)
        self.hidden = nn.Linear(width, width)
        self.activation = nn.SiLU()
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
        self.head = nn.Linear(width, outputs)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the outputs of a batch of sequences."""
        embedded = self.embedding(tokens)
        pooled = (self.weight(embedded).softmax(1) * embedded).sum(1)
        outputs: Tensor = self.head(self.dropout(self.activation(self.hidden(pooled))))
        return outputs


class Denoiser(nn.Sequential):
    """Convolutions, a narrow waist, and a linear layer with a sigmoid for each pixel.

    Args:
        width: Units of the waist.
        channels: Of the first convolution; the second has twice as many.
        dropout: Share of the hidden units that dropout silences.
    """

    def __init__(self, *, width: int = 24, channels: int = 8, dropout: float = 0.0) -> None:
        super().__init__(
            nn.Conv2d(1, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            *([nn.Dropout(dropout)] if dropout else []),
            nn.Linear(32 * channels, width),
            nn.Linear(width, 96),
            nn.ReLU(),
            nn.Linear(96, 64),
            nn.Sigmoid(),
        )


class Headed(nn.Module):
    """Convolutions with group norms that are meant to be known already, and two linear layers.

    Args:
        outputs: Numbers that come out.
        width: Units between the linear layers.
        dropout: Share of them that dropout silences.
    """

    def __init__(self, outputs: int, *, width: int = 32, dropout: float = 0.0) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Conv2d(1, 12, 3, stride=2, padding=1),
            nn.GroupNorm(3, 12),
            nn.ReLU(),
            nn.Conv2d(12, 24, 3, stride=2, padding=1),
            nn.GroupNorm(4, 24),
            nn.ReLU(),
            nn.Flatten(),
        )
        self.head = nn.Sequential(
            nn.Linear(96, width),
            nn.ReLU(),
            *([nn.Dropout(dropout)] if dropout else []),
            nn.Linear(width, outputs),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return the outputs of a batch of images."""
        outputs: Tensor = self.head(self.trunk(images))
        return outputs
