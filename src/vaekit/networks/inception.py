"""Inception-v3 up to its pooled features, as FID is defined on it: with the quirks of the published TensorFlow graph."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, max_pool2d

__all__ = ["InceptionV3"]

SIDE = 299
Pool = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Layer:
    """A convolution by its name in the published weights; without `padding`, what keeps the size (none at stride 2)."""

    name: str
    channels: int
    kernel: tuple[int, int] = (1, 1)
    stride: int = 1
    padding: tuple[int, int] | None = None

    def built(self, in_channels: int) -> "NormedConv":
        """The module on so many channels."""
        same = (self.kernel[0] // 2, self.kernel[1] // 2) if self.stride == 1 else (0, 0)
        padding = same if self.padding is None else self.padding
        return NormedConv(nn.Conv2d(in_channels, self.channels, self.kernel, self.stride, padding, bias=False))


@dataclass(frozen=True)
class Branch:
    """`pool`, then the layers of `chain` one after another, then those of `fork` side by side."""

    chain: tuple[Layer, ...] = ()
    fork: tuple[Layer, ...] = ()
    pool: Pool | None = None


class NormedConv(nn.Module):
    """Convolution, batch normalisation with an epsilon of 0.001, ReLU."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.conv, self.bn = conv, nn.BatchNorm2d(conv.out_channels, eps=0.001)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B channels h w"]:
        """A map to a map."""
        return self.bn(self.conv(x)).relu()


class Mixed(nn.Module):
    """Branches side by side on one map, joined along channels; Szegedy et al. 2016, fig. 5, 6, 7 and 10."""

    def __init__(self, in_channels: int, branches: Sequence[Branch]) -> None:
        super().__init__()
        self.branches, self.out_channels = tuple(branches), 0
        for branch in self.branches:
            channels = in_channels
            for layer in branch.chain:
                self.add_module(layer.name, layer.built(channels))
                channels = layer.channels
            for layer in branch.fork:
                self.add_module(layer.name, layer.built(channels))
            self.out_channels += sum(layer.channels for layer in branch.fork) or channels

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B out_channels h w"]:
        """A map to a map."""
        return torch.cat([part for branch in self.branches for part in self._walked(branch, x)], dim=1)

    def _walked(self, branch: Branch, x: Tensor) -> list[Tensor]:
        h = x if branch.pool is None else branch.pool(x)
        for layer in branch.chain:
            h = self.get_submodule(layer.name)(h)
        return [self.get_submodule(layer.name)(h) for layer in branch.fork] or [h]


class InceptionV3(nn.Module):
    """Pictures in [0, 1] to the 2048 averages of the last map ("pool3"); Szegedy et al. 2016, Heusel et al. 2017.

    The graph of 2015-12-05 that FID is computed with: averages in the mixed blocks do not count the padding, and the
    very last block takes a maximum where the others average. Pictures of any size, grey or RGB, are resized to 299x299
    (bilinear, not antialiased, corners not aligned) and spread to [-1, 1]. `fc`, its head of 1008 classes, is there for
    the names of the published weights and not used.

    Weights are torch's initial ones until a state is loaded: `vaekit.evaluation.Inception` does both.
    """

    def __init__(self) -> None:
        super().__init__()
        self.out_shape = (2048,)
        channels = 3
        for block in STEM:
            self.add_module(block.name, block.built(channels))
            channels = block.channels
        for name, branches in MIXED.items():
            mixed = Mixed(channels, branches)
            self.add_module(name, mixed)
            channels = mixed.out_channels
        self.fc = nn.Linear(channels, 1008)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B 2048"]:
        """Pictures (B, 1 or 3, H, W) in [0, 1] to features (B, 2048). Raises ValueError for other shapes."""
        if x.ndim != 4 or x.shape[1] not in (1, 3):
            raise ValueError(f"x must be grey or RGB pictures (B, 1 or 3, height, width), got {tuple(x.shape)}")
        h = 2 * interpolate(x.expand(-1, 3, -1, -1), (SIDE, SIDE), mode="bilinear", align_corners=False) - 1
        for layer in STEM:
            h = self.get_submodule(layer.name)(h)
            h = max_pool2d(h, 3, stride=2) if layer.name in BEFORE_POOLING else h
        for name in MIXED:
            h = self.get_submodule(name)(h)
        return h.mean((-2, -1))


def average(x: Tensor) -> Tensor:
    """The mean of the 3x3 neighbours that lie inside the map."""
    return avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)


def maximum(x: Tensor) -> Tensor:
    """The greatest of the 3x3 neighbours."""
    return max_pool2d(x, 3, stride=1, padding=1)


def halved(x: Tensor) -> Tensor:
    """The greatest of every other 3x3 window."""
    return max_pool2d(x, 3, stride=2)


def fine(pooled: int) -> list[Branch]:
    """Maps of 35x35; fig. 5, with one 5x5 kept."""
    return [
        Branch((Layer("branch1x1", 64),)),
        Branch((Layer("branch5x5_1", 48), Layer("branch5x5_2", 64, (5, 5)))),
        Branch((
            Layer("branch3x3dbl_1", 64),
            Layer("branch3x3dbl_2", 96, (3, 3)),
            Layer("branch3x3dbl_3", 96, (3, 3)),
        )),
        Branch((Layer("branch_pool", pooled),), pool=average),
    ]  # fmt: skip


def to_middle() -> list[Branch]:
    """From 35x35 to 17x17; fig. 10."""
    return [
        Branch((Layer("branch3x3", 384, (3, 3), stride=2),)),
        Branch((
            Layer("branch3x3dbl_1", 64),
            Layer("branch3x3dbl_2", 96, (3, 3)),
            Layer("branch3x3dbl_3", 96, (3, 3), stride=2),
        )),
        Branch(pool=halved),
    ]  # fmt: skip


def middle(narrow: int) -> list[Branch]:
    """Maps of 17x17, with 7x7 kernels as a row and a column; fig. 6."""
    return [
        Branch((Layer("branch1x1", 192),)),
        Branch((
            Layer("branch7x7_1", narrow),
            Layer("branch7x7_2", narrow, (1, 7)),
            Layer("branch7x7_3", 192, (7, 1)),
        )),
        Branch((
            Layer("branch7x7dbl_1", narrow),
            Layer("branch7x7dbl_2", narrow, (7, 1)),
            Layer("branch7x7dbl_3", narrow, (1, 7)),
            Layer("branch7x7dbl_4", narrow, (7, 1)),
            Layer("branch7x7dbl_5", 192, (1, 7)),
        )),
        Branch((Layer("branch_pool", 192),), pool=average),
    ]  # fmt: skip


def to_coarse() -> list[Branch]:
    """From 17x17 to 8x8; fig. 10."""
    return [
        Branch((Layer("branch3x3_1", 192), Layer("branch3x3_2", 320, (3, 3), stride=2))),
        Branch((
            Layer("branch7x7x3_1", 192),
            Layer("branch7x7x3_2", 192, (1, 7)),
            Layer("branch7x7x3_3", 192, (7, 1)),
            Layer("branch7x7x3_4", 192, (3, 3), stride=2),
        )),
        Branch(pool=halved),
    ]  # fmt: skip


def coarse(pool: Pool) -> list[Branch]:
    """Maps of 8x8, whose branches fork at their ends; fig. 7."""
    return [
        Branch((Layer("branch1x1", 320),)),
        Branch(
            (Layer("branch3x3_1", 384),),
            (Layer("branch3x3_2a", 384, (1, 3)), Layer("branch3x3_2b", 384, (3, 1))),
        ),
        Branch(
            (Layer("branch3x3dbl_1", 448), Layer("branch3x3dbl_2", 384, (3, 3))),
            (Layer("branch3x3dbl_3a", 384, (1, 3)), Layer("branch3x3dbl_3b", 384, (3, 1))),
        ),
        Branch((Layer("branch_pool", 192),), pool=pool),
    ]


STEM = (
    Layer("Conv2d_1a_3x3", 32, (3, 3), stride=2),
    Layer("Conv2d_2a_3x3", 32, (3, 3), padding=(0, 0)),
    Layer("Conv2d_2b_3x3", 64, (3, 3)),
    Layer("Conv2d_3b_1x1", 80),
    Layer("Conv2d_4a_3x3", 192, (3, 3), padding=(0, 0)),
)
BEFORE_POOLING = ("Conv2d_2b_3x3", "Conv2d_4a_3x3")
MIXED = {
    "Mixed_5b": fine(32),
    "Mixed_5c": fine(64),
    "Mixed_5d": fine(64),
    "Mixed_6a": to_middle(),
    "Mixed_6b": middle(128),
    "Mixed_6c": middle(160),
    "Mixed_6d": middle(160),
    "Mixed_6e": middle(192),
    "Mixed_7a": to_coarse(),
    "Mixed_7b": coarse(average),
    "Mixed_7c": coarse(maximum),
}
