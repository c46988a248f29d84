"""The block that very deep VAEs are made of (Child 2021, fig. 3)."""

from functools import cache

from jaxtyping import Float
from torch import Tensor, nn

from vaekit.networks.initialisation import gain_of, initialise
from vaekit.networks.shapes import as_shape

__all__ = ["Bottleneck"]


class Bottleneck(nn.Module):
    """1x1, two 3x3 and 1x1 convolutions, each behind a GELU; the inner ones have `middle` channels.

    `kernel` 1 instead of 3 is for maps of one or two pixels, where a 3x3 kernel would read mostly padding. `gain` scales
    the last convolution's first weights: 1 / sqrt(N) in a sum of N blocks keeps the sum as large as one of them, and 0
    starts the block at zero.
    """

    def __init__(self, in_channels: int, middle: int, out_channels: int, *, kernel: int = 3, gain: float = 1.0) -> None:
        super().__init__()
        widths = as_shape((in_channels, middle, middle, middle), "channels")
        unit = gelu_gain()
        layers: list[nn.Module] = []
        for before, after, size in zip(widths, (*widths[1:], out_channels), (1, kernel, kernel, 1), strict=True):
            conv = nn.Conv2d(before, after, size, padding=size // 2)
            layers += [nn.GELU(), initialise(conv, unit if len(layers) < 6 else unit * gain)]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B out H W"]:
        """A map to a map of `out_channels`."""
        return self.layers(x)


@cache
def gelu_gain() -> float:
    """What undoes a GELU, found once for all of a deep model's blocks."""
    return gain_of(nn.GELU)
