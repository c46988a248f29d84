"""Fully connected networks."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import cast

from jaxtyping import Float
from torch import Tensor, nn

from vaekit.networks.initialisation import gain_of, initialise
from vaekit.networks.inputs import joined
from vaekit.networks.shapes import as_probability, as_shape

__all__ = ["MLP"]


class MLP(nn.Module):
    """Layers of linear map, `norm`, `activation` and dropout, one for each size in `hidden`.

    Every input is flattened beyond the batch axis, and several are put side by side: `MLP(64 + 10, 256)` is called as
    `mlp(x, c)`. Without hidden layers it only flattens, so that a head on `MLP(8)` is linear.

    `in_features` is a number, the shape of one example, or a sequence with one of these for each input, at least one
    of them a shape: `MLP(((1, 8, 8), 10), 256)`. `activation` and `norm` are called to make a module, the second with
    the number of features: `activation=nn.SiLU, norm=nn.LayerNorm`.

    Weights start from N(0, gain² / fan_in) with the activation's own gain (He et al. 2015, sec. 2.2; 1 for the first
    layer, whose inputs no activation has shrunk) and biases from 0: pre-activations have the inputs' second moment at
    any depth, so deep networks start neither constant nor saturated.
    """

    def __init__(
        self,
        in_features: int | Sequence[int | Sequence[int]],
        *hidden: int,
        activation: Callable[[], nn.Module] = nn.ReLU,
        norm: Callable[[int], nn.Module] | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.in_features = count_features(in_features)
        widths = (self.in_features, *(as_shape(hidden, "hidden") if hidden else ()))
        dropout = as_probability(dropout, "dropout", below_one=True)
        gains = [1.0] + [gain_of(activation)] * len(hidden)
        layers: list[nn.Module] = []
        for (before, after), gain in zip(pairwise(widths), gains, strict=False):
            layers.append(initialise(nn.Linear(before, after), gain))
            layers += [norm(after)] if norm else []
            layers.append(activation())
            layers += [nn.Dropout(dropout)] if dropout else []
        self.layers = nn.Sequential(*layers)
        self.out_shape = (widths[-1],)

    def forward(self, *inputs: Float[Tensor, "B *_"]) -> Float[Tensor, "B features"]:
        """Inputs (B, ...) to features (B, *out_shape)."""
        return self.layers(joined(inputs, self.in_features, "the inputs"))


def count_features(in_features: int | Sequence[int | Sequence[int]]) -> int:
    """The product of a shape, or the sum of such products over several inputs."""
    several = isinstance(in_features, Sequence) and any(isinstance(size, Sequence) for size in in_features)
    inputs = cast(Sequence[int | Sequence[int]], in_features if several else [in_features])
    return sum(math.prod(as_shape(shape, "in_features")) for shape in inputs)
