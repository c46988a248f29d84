"""Plain convolutional networks: from an image of any size to a map of features, and from a vector to such a map."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn

from vaekit.networks.initialisation import gain_of, initialise
from vaekit.networks.inputs import as_context, image_with_context, joined
from vaekit.networks.shapes import as_shape, halved_sizes

__all__ = ["Conv", "ConvTranspose"]


class Conv(nn.Module):
    """A strided convolution, `norm` and `activation` for each of `channels`; each halves height and width, rounded up.

    Images have `in_shape` (channels, height, width), of any size; features are a map (channels[-1], h, w), which a
    head flattens where its event is flat. `context` is how many features further inputs hold in all: `conv(x, c)`
    gives the first layer each of them as a constant channel.

    `kernel` is odd. `activation` and `norm` are called to make a module, the second with the number of channels:
    `norm=nn.BatchNorm2d` or `norm=group_norm`.

    Weights start from N(0, gain² / fan_in) with the activation's own gain (He et al. 2015, sec. 2.2; 1 for the first
    layer) and biases from 0, so that the signal keeps its second moment at any depth.
    """

    def __init__(
        self,
        in_shape: Sequence[int],
        *channels: int,
        kernel: int = 3,
        activation: Callable[[], nn.Module] = nn.ReLU,
        norm: Callable[[int], nn.Module] | None = None,
        context: int = 0,
    ) -> None:
        super().__init__()
        self.in_shape = as_shape(in_shape, "in_shape", "channels height width")
        channels = as_shape(channels, "channels")
        size = halved_sizes(self.in_shape[1:], len(channels), "in_shape")[-1]
        if kernel < 1 or kernel % 2 == 0:
            raise ValueError(f"kernel must be odd and at least 1, got {kernel}")
        self.context = as_context(context)
        gains = [1.0] + [gain_of(activation)] * (len(channels) - 1)
        layers: list[nn.Module] = []
        for (before, after), gain in zip(pairwise((self.in_shape[0] + context, *channels)), gains, strict=True):
            layers.append(initialise(nn.Conv2d(before, after, kernel, stride=2, padding=kernel // 2), gain))
            layers += [norm(after)] if norm else []
            layers.append(activation())
        self.layers = nn.Sequential(*layers)
        self.out_shape = (channels[-1], *size)

    def forward(self, x: Float[Tensor, "B C H W"], *context: Float[Tensor, "B *_"]) -> Float[Tensor, "B channels h w"]:
        """An image (B, *in_shape), and the context's inputs, to a map of features (B, *out_shape)."""
        return self.layers(image_with_context(x, context, self.in_shape, self.context))


class ConvTranspose(nn.Module):
    """A linear map to (channels[0], h, w), then as many transposed convolutions as `channels`, up to `out_size`.

    Heights and widths are those that `Conv` with as many channels passes through, in reverse: each layer doubles them
    and cuts the last row or column where the size wanted is odd. Each layer goes on to the next of `channels`, and the
    last one keeps the last. So `ConvTranspose(8, (28, 20), 64, 32)` has 64 channels at 7x5, 32 at 14x10 and gives
    (32, 28, 20), of which a head's 1x1 convolution makes the event.

    `in_features` is a number or a shape; `context` adds the features of further inputs, put beside the first. Kernels
    are 4x4 with stride 2, so every output sums as many terms and no checkerboard is built in (Odena et al. 2016).

    Weights start from N(0, gain² / fan_in) with the activation's own gain (He et al. 2015, sec. 2.2; 1 for the linear
    map) and biases from 0, where fan_in counts the terms that an output really sums: a quarter of the kernel.
    """

    def __init__(
        self,
        in_features: int | Sequence[int],
        out_size: Sequence[int],
        *channels: int,
        activation: Callable[[], nn.Module] = nn.ReLU,
        norm: Callable[[int], nn.Module] | None = None,
        context: int = 0,
    ) -> None:
        super().__init__()
        self.in_features = math.prod(as_shape(in_features, "in_features")) + as_context(context)
        channels = as_shape(channels, "channels")
        sizes = halved_sizes(as_shape(out_size, "out_size", "height width"), len(channels), "out_size")[::-1]
        gain = gain_of(activation)
        layers: list[nn.Module] = [ToMap(self.in_features, (channels[0], *sizes[0]))]
        layers += [*([norm(channels[0])] if norm else []), activation()]
        for (before, after), size in zip(pairwise((*channels, channels[-1])), sizes[1:], strict=True):
            layers.append(initialise(nn.ConvTranspose2d(before, after, 4, stride=2, padding=1), gain))
            layers.append(Crop(*size))
            layers += [*([norm(after)] if norm else []), activation()]
        self.layers = nn.Sequential(*layers)
        self.out_shape = (channels[-1], *sizes[-1])

    def forward(self, *inputs: Float[Tensor, "B *_"]) -> Float[Tensor, "B channels H W"]:
        """Inputs (B, ...) of `in_features` and `context` features to a map of features (B, *out_shape)."""
        return self.layers(joined(inputs, self.in_features, "the inputs"))


class ToMap(nn.Module):
    """A linear map from a vector to a map of features (channels, h, w)."""

    def __init__(self, in_features: int, out_shape: tuple[int, ...]) -> None:
        super().__init__()
        self.linear = initialise(nn.Linear(in_features, math.prod(out_shape)))
        self.out_shape = out_shape

    def forward(self, x: Float[Tensor, "B features"]) -> Float[Tensor, "B channels h w"]:
        """Features (B, in_features) to a map (B, *out_shape)."""
        return self.linear(x).unflatten(1, self.out_shape)


class Crop(nn.Module):
    """The first rows and columns of a map, up to a size."""

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.height, self.width = height, width

    def forward(self, x: Float[Tensor, "B C h w"]) -> Float[Tensor, "B C H W"]:
        """(B, C, at least height, at least width) -> (B, C, height, width)."""
        return x[..., : self.height, : self.width]
