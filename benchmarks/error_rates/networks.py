"""The networks of the programs."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

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
    """Layers of 3 x 3 convolutions on small images, then one linear layer.

    Args:
        outputs: Numbers that come out.
        width: Channels of the first layer; the later ones have twice as many.
        depth: Convolutions; the second halves the image.
        activation: Of each channel.
        normed: Whether each convolution is followed by a batch norm.
        dropout: Share of the features that dropout silences before the linear layer.
    """

    def __init__(  # noqa: PLR0913 - a network is its sizes
        self,
        outputs: int,
        *,
        width: int = 8,
        depth: int = 2,
        activation: Activation = nn.ReLU,
        normed: bool = False,
        dropout: float = 0.0,
    ) -> None:
        layers: list[nn.Module] = []
        for index in range(depth):
            layers.append(
                nn.Conv2d(
                    (1, width)[index] if index < 2 else 2 * width,
                    2 * width if index else width,
                    3,
                    stride=2 if index < 2 else 1,
                    padding=1,
                )
            )
            if normed:
                layers.append(nn.BatchNorm2d(2 * width if index else width))
            layers.append(activation())
        layers.append(nn.Flatten())
        if dropout:
            layers.append(nn.Dropout(dropout))
        super().__init__(*layers, nn.Linear(4 * 2 * width, outputs))
