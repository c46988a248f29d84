"""The residual cells of NVAE (Vahdat & Kautz 2020, sec. 3.1, fig. 3), for maps of any size."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vaekit.networks.convolution import Crop
from vaekit.networks.initialisation import initialise
from vaekit.networks.scales import Residual
from vaekit.networks.squeeze_excitation import SqueezeExcitation
from vaekit.networks.weight_norm import weight_normed

__all__ = ["FactorisedReduce", "Meet", "SmoothRise", "convolution_cell", "depthwise_cell"]

SCALE = 0.1  # of every cell's branch


def batch_norm(channels: int) -> nn.BatchNorm2d:
    """Batch normalisation whose running moments take 5 % of every batch's: they keep up with a fast model (sec. 3.2)."""
    return nn.BatchNorm2d(channels, momentum=0.05)


def normed_convolution(before: int, after: int, kernel: int, stride: int = 1, gain: float = 1.0) -> nn.Conv2d:
    """A convolution that keeps the size (or halves it, rounded up), with a learned norm that starts at about `gain`."""
    return weight_normed(initialise(nn.Conv2d(before, after, kernel, stride, kernel // 2), gain))


class Meet(nn.Module):
    """What the data say, e, and the state that comes down, h: a 3x3 convolution of e plus a 1x1 convolution of h.

    It starts at a tenth of the usual size, so that a posterior made of it starts near its prior.
    """

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__()
        self.mix = normed_convolution(channels, channels, 1)
        self.last = normed_convolution(channels, out_channels, 3, gain=0.1)

    def forward(self, e: Float[Tensor, "B C H W"], h: Float[Tensor, "B C H W"]) -> Float[Tensor, "B out H W"]:
        """Two maps of one shape to a map of `out_channels`."""
        return self.last(e + self.mix(h))


class FactorisedReduce(nn.Module):
    """A swish, then half the height and width, rounded up: a quarter of the outputs from each of the four 1x1 phases."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        quarter = out_channels // 4
        parts = (quarter, quarter, quarter, out_channels - 3 * quarter)
        self.phases = nn.ModuleList(normed_convolution(in_channels, part, 1) for part in parts if part)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B out h w"]:
        """A map to one of half the size; a last row or column that stands alone is taken with zeros beside it."""
        even = F.silu(F.pad(x, (0, x.shape[3] % 2, 0, x.shape[2] % 2)))
        starts = ((1, 1), (1, 0), (0, 1), (0, 0))[-len(self.phases) :]
        return torch.cat([p(even[..., i::2, j::2]) for p, (i, j) in zip(self.phases, starts, strict=True)], dim=1)


class SmoothRise(nn.Module):
    """Bilinear interpolation to `size` and a 1x1 convolution: the skip of a cell that raises its map."""

    def __init__(self, in_channels: int, out_channels: int, size: Sequence[int]) -> None:
        super().__init__()
        self.size, self.mix = tuple(size), normed_convolution(in_channels, out_channels, 1)

    def forward(self, x: Float[Tensor, "B C h w"]) -> Float[Tensor, "B out H W"]:
        """A map to one of another size."""
        return self.mix(F.interpolate(x, self.size, mode="bilinear", align_corners=True))


def convolution_cell(before: int, after: int, *, halve: bool = False) -> Residual:
    """Twice batch norm, swish and a 3x3 convolution, then squeeze-excitation: the encoder's cell.

    `halve`: the first convolution and the skip halve height and width, rounded up.
    """
    branch = nn.Sequential(
        batch_norm(before),
        nn.SiLU(),
        normed_convolution(before, after, 3, 2 if halve else 1),
        batch_norm(after),
        nn.SiLU(),
        normed_convolution(after, after, 3),
        SqueezeExcitation(after),
    )
    return Residual(branch, FactorisedReduce(before, after) if halve else None, SCALE)


def depthwise_cell(before: int, after: int, expansion: int, *, size: Sequence[int] | None = None) -> Residual:
    """Batch norm, `expansion` times the channels by 1x1, a depthwise 5x5 and a 1x1 back: the decoder's cell.

    Between them batch norm and swish, at the end batch norm and squeeze-excitation. With `size`, up to twice the map's
    own, the cell raises it: nearest neighbours are doubled right before the depthwise convolution, as all that comes
    before it works pixel by pixel and gives the same on a quarter of the pixels.
    """
    inner = before * expansion
    raised = [] if size is None else [nn.UpsamplingNearest2d(scale_factor=2), Crop(*size)]
    branch = nn.Sequential(
        batch_norm(before),
        initialise(nn.Conv2d(before, inner, 1, bias=False)),
        batch_norm(inner),
        nn.SiLU(),
        *raised,
        initialise(nn.Conv2d(inner, inner, 5, padding=2, groups=inner, bias=False)),
        batch_norm(inner),
        nn.SiLU(),
        initialise(nn.Conv2d(inner, after, 1, bias=False)),
        batch_norm(after),
        SqueezeExcitation(after),
    )
    return Residual(branch, None if size is None else SmoothRise(before, after, size), SCALE)
