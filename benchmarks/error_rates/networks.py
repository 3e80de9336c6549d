"""The networks of vectors and of images."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn.functional import relu

Activation = Callable[[], nn.Module]


class Perceptron(nn.Sequential):
    """Fully connected layers, each with its norm, its activation and its dropout.

    Args:
        inputs: Numbers in a sample.
        outputs: Numbers that come out.
        width: Units in a hidden layer.
        depth: Hidden layers.
        activation: Of each hidden unit.
        norm: From the width to what normalises the hidden units, where anything does.
        dropout: Share of the hidden units that dropout silences.
    """

    def __init__(  # noqa: PLR0913 - a network is its sizes
        self,
        inputs: int,
        outputs: int,
        *,
        width: int = 48,
        depth: int = 2,
        activation: Activation = nn.ReLU,
        norm: Callable[[int], nn.Module] | None = None,
        dropout: float = 0.0,
    ) -> None:
        layers: list[nn.Module] = []
        for index in range(depth):
            layers.append(nn.Linear(width if index else inputs, width))
            if norm is not None:
                layers.append(norm(width))
            layers.append(activation())
            if dropout:
                layers.append(nn.Dropout(dropout))
        super().__init__(*layers, nn.Linear(width, outputs))


class Convolutions(nn.Sequential):
    """Two or more 3 x 3 convolutions on small images, then one linear layer.

    Args:
        outputs: Numbers that come out.
        width: Channels of the first convolution; the others have twice as many.
        depth: Convolutions; the first two halve the image.
        activation: Of each channel.
        norm: From the channels to what normalises them, where anything does.
        dropout: Share of the features that dropout silences before the linear layer.
    """

    def __init__(  # noqa: PLR0913 - a network is its sizes
        self,
        outputs: int,
        *,
        width: int = 8,
        depth: int = 2,
        activation: Activation = nn.ReLU,
        norm: Callable[[int], nn.Module] | None = None,
        dropout: float = 0.0,
    ) -> None:
        layers: list[nn.Module] = []
        for index in range(depth):
            taken = (1, width)[index] if index < 2 else 2 * width
            given, stride = (2 if index else 1) * width, 2 if index < 2 else 1
            layers.append(nn.Conv2d(taken, given, 3, stride, padding=1))
            if norm is not None:
                layers.append(norm(given))
            layers.append(activation())
        layers.append(nn.Flatten())
        if dropout:
            layers.append(nn.Dropout(dropout))
        super().__init__(*layers, nn.Linear(4 * 2 * width, outputs))


class FunctionalConvolutions(nn.Module):
    """Two convolutions and two linear layers, with activations that are no modules.

    Args:
        outputs: Numbers that come out.
        width: Channels of the first convolution; the second has twice as many.
        dropout: Share of the hidden units that dropout silences before the last layer.
    """

    def __init__(self, outputs: int, *, width: int = 8, dropout: float = 0.0) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, width, 3, stride=2, padding=1)
        self.second = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)
        self.hidden = nn.Linear(8 * width, 4 * width)
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
        self.head = nn.Linear(4 * width, outputs)

    def forward(self, images: Tensor) -> Tensor:
        """Return the outputs of a batch of images."""
        features = relu(self.second(relu(self.first(images)))).flatten(1)
        outputs: Tensor = self.head(self.dropout(relu(self.hidden(features))))
        return outputs


class Block(nn.Module):
    """Two normalised layers and the path around them.

    Args:
        width: Units that go in and come out.
        dropout: Share of the hidden units that dropout silences.
    """

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Dropout(dropout) if dropout else nn.Identity(),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
        )
        self.activation = nn.ReLU()

    def forward(self, features: Tensor) -> Tensor:
        """Return the features of a batch after the block."""
        outputs: Tensor = self.activation(features + self.inner(features))
        return outputs


class Residual(nn.Sequential):
    """A convolution, residual blocks, the mean over the image and one linear layer.

    Args:
        outputs: Numbers that come out.
        width: Channels.
        depth: Blocks.
        dropout: Share of the hidden units in a block that dropout silences.
    """

    def __init__(
        self, outputs: int, *, width: int = 12, depth: int = 2, dropout: float = 0.0
    ) -> None:
        super().__init__(
            nn.Conv2d(1, width, 3, stride=2, padding=1),
            *[Block(width, dropout) for _ in range(depth)],
            nn.Flatten(),
            nn.Linear(16 * width, outputs),
        )


class Autoencoder(nn.Sequential):
    """A narrow waist between two hidden layers.

    Args:
        pixels: Numbers in a sample, and in what comes out.
        width: Units of the waist.
        hidden: Units of each hidden layer.
        activation: Of the hidden units.
        dropout: Share of the hidden units that dropout silences.
    """

    def __init__(
        self,
        pixels: int = 64,
        *,
        width: int = 16,
        hidden: int = 64,
        activation: Activation = nn.ReLU,
        dropout: float = 0.0,
    ) -> None:
        silenced = [nn.Dropout(dropout)] if dropout else []
        super().__init__(
            nn.Linear(pixels, hidden),
            activation(),
            *silenced,
            nn.Linear(hidden, width),
            nn.Linear(width, hidden),
            activation(),
            nn.Linear(hidden, pixels),
        )
