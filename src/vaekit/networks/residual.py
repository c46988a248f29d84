"""Residual convolutional networks with pre-activation: from an image of any size to a map of features, and back."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn

from vaekit.networks.convolution import Crop, ToMap
from vaekit.networks.initialisation import gain_of, initialise
from vaekit.networks.inputs import as_context, image_with_context, joined
from vaekit.networks.shapes import as_probability, as_shape, halved_sizes

__all__ = ["ResNetDecoder", "ResNetEncoder", "ResidualBlock", "group_norm"]


def group_norm(channels: int) -> nn.GroupNorm:
    """Group normalisation (Wu & He 2018) in at most 32 groups that divide the channels, each of 4 or more where it can.

    Groups of one channel would leave nothing of a 1x1 map.
    """
    most = min(32, max(1, channels // 4))
    groups = max(g for g in range(1, most + 1) if channels % g == 0)
    return nn.GroupNorm(groups, channels)


class ResidualBlock(nn.Module):
    """x + f(x), f being twice group norm, activation, 3x3 convolution; He et al. 2016, "Identity mappings", fig. 4e.

    `branch` scales the last convolution's first weights: 1 / sqrt(blocks in the network) keeps the sum of all branches
    as large as one of them (Child 2021, "Very deep VAEs"). The other weights start from He et al. 2015.
    """

    def __init__(
        self,
        channels: int,
        *,
        activation: Callable[[], nn.Module] = nn.SiLU,
        dropout: float = 0.0,
        branch: float = 1.0,
    ) -> None:
        super().__init__()
        (channels,) = as_shape(channels, "channels", "channels")
        dropout = as_probability(dropout, "dropout", below_one=True)
        gain = gain_of(activation)
        self.first = initialise(nn.Conv2d(channels, channels, 3, padding=1), gain)
        self.last = initialise(nn.Conv2d(channels, channels, 3, padding=1), gain * branch)
        self.before_first = nn.Sequential(group_norm(channels), activation())
        self.before_last = nn.Sequential(group_norm(channels), activation(), nn.Dropout(dropout))

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        """A map to a map of the same shape."""
        h = self.first(self.before_first(x))
        return x + self.last(self.before_last(h))


class ResNetEncoder(nn.Module):
    """For each of `channels` a strided 3x3 convolution that halves the map, rounded up, and `blocks` residual blocks.

    Images have `in_shape` (channels, height, width), of any size; features are a map (channels[-1], h, w) after a last
    norm and activation, which a head flattens where its event is flat. `context` is how many features further inputs
    hold in all: `encoder(x, c)` gives the first layer each of them as a constant channel. `dropout` is in the blocks.

    Weights keep the second moment of the signal (He et al. 2015), with each residual branch scaled by
    1 / sqrt(number of blocks), so that depth does not enlarge the sum.
    """

    def __init__(
        self,
        in_shape: Sequence[int],
        *channels: int,
        blocks: int = 2,
        activation: Callable[[], nn.Module] = nn.SiLU,
        dropout: float = 0.0,
        context: int = 0,
    ) -> None:
        super().__init__()
        self.in_shape = as_shape(in_shape, "in_shape", "channels height width")
        channels = as_shape(channels, "channels")
        size = halved_sizes(self.in_shape[1:], len(channels), "in_shape")[-1]
        self.context = as_context(context)
        layers: list[nn.Module] = []
        for before, after in pairwise((self.in_shape[0] + context, *channels)):
            layers.append(initialise(nn.Conv2d(before, after, 3, stride=2, padding=1)))
            layers += residual_blocks(after, blocks, len(channels), activation, dropout)
        self.layers = nn.Sequential(*layers, group_norm(channels[-1]), activation())
        self.out_shape = (channels[-1], *size)

    def forward(self, x: Float[Tensor, "B C H W"], *context: Float[Tensor, "B *_"]) -> Float[Tensor, "B channels h w"]:
        """An image (B, *in_shape), and the context's inputs, to a map of features (B, *out_shape)."""
        return self.layers(image_with_context(x, context, self.in_shape, self.context))


class ResNetDecoder(nn.Module):
    """A linear map to (channels[0], h, w); for each of `channels` a doubling, a 3x3 convolution and `blocks` blocks.

    Heights and widths are those that `ResNetEncoder` with as many channels passes through, in reverse, up to
    `out_size`: nearest neighbours are doubled and the last row or column cut where the size wanted is odd. The map
    (channels[-1], *out_size) that comes out, after a last norm and activation, is for a head's 1x1 convolution.

    `in_features` is a number or a shape; `context` adds the features of further inputs, put beside the first.

    Weights keep the second moment of the signal (He et al. 2015), with each residual branch scaled by
    1 / sqrt(number of blocks), so that depth does not enlarge the sum.
    """

    def __init__(
        self,
        in_features: int | Sequence[int],
        out_size: Sequence[int],
        *channels: int,
        blocks: int = 2,
        activation: Callable[[], nn.Module] = nn.SiLU,
        dropout: float = 0.0,
        context: int = 0,
    ) -> None:
        super().__init__()
        self.in_features = math.prod(as_shape(in_features, "in_features")) + as_context(context)
        channels = as_shape(channels, "channels")
        sizes = halved_sizes(as_shape(out_size, "out_size", "height width"), len(channels), "out_size")[::-1]
        layers: list[nn.Module] = [ToMap(self.in_features, (channels[0], *sizes[0]))]
        layers += doublings(channels, sizes[1:], blocks, len(channels), activation, dropout)
        self.layers = nn.Sequential(*layers, group_norm(channels[-1]), activation())
        self.out_shape = (channels[-1], *sizes[-1])

    def forward(self, *inputs: Float[Tensor, "B *_"]) -> Float[Tensor, "B channels H W"]:
        """Inputs (B, ...) of `in_features` and `context` features to a map of features (B, *out_shape)."""
        return self.layers(joined(inputs, self.in_features, "the inputs"))


def doublings(
    channels: Sequence[int],
    sizes: Sequence[tuple[int, ...]],
    blocks: int,
    stages: int,
    activation: Callable[[], nn.Module],
    dropout: float,
) -> list[nn.Module]:
    """From a map of channels[0] up through `sizes`: nearest neighbours, cut to size, a convolution and the blocks."""
    layers: list[nn.Module] = []
    for (before, after), size in zip(pairwise((channels[0], *channels)), sizes, strict=True):
        layers += [nn.UpsamplingNearest2d(scale_factor=2), Crop(*size)]
        layers.append(initialise(nn.Conv2d(before, after, 3, padding=1)))
        layers += residual_blocks(after, blocks, stages, activation, dropout)
    return layers


def residual_blocks(
    channels: int, blocks: int, stages: int, activation: Callable[[], nn.Module], dropout: float
) -> list[ResidualBlock]:
    """The blocks of one stage out of `stages`."""
    if blocks < 1:
        raise ValueError(f"blocks must be at least 1, got {blocks}")
    branch = 1 / math.sqrt(blocks * stages)
    return [ResidualBlock(channels, activation=activation, dropout=dropout, branch=branch) for _ in range(blocks)]
