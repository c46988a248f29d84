"""Maps at several sizes: modules in a row whose results are kept by name, and the ways from one size to another."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vaekit.networks.convolution import Crop
from vaekit.networks.initialisation import initialise

__all__ = ["Beside", "Chain", "Residual", "Rise", "Stages"]


class Chain(nn.Module):
    """Modules in a row that say what they give for one example, `out_shape`, so that they can stand under a head."""

    def __init__(self, out_shape: Sequence[int], *modules: nn.Module) -> None:
        super().__init__()
        self.layers, self.out_shape = nn.Sequential(*modules), tuple(out_shape)

    def forward(self, x: Tensor) -> Tensor:
        """(B, ...) to (B, *out_shape)."""
        return self.layers(x)


class Stages(nn.Module):
    """Modules in a row; what each of them gives is kept under its name: a bottom-up network of several scales."""

    def __init__(self, stages: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.stages = nn.ModuleDict(stages)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """x (B, ...) to one tensor (B, ...) for each stage."""
        found = {}
        for name, stage in self.stages.items():
            x = found[name] = stage(x)
        return found


class Residual(nn.Module):
    """skip(x) + scale * branch(x); the skip is the identity where none is given."""

    def __init__(self, branch: nn.Module, skip: nn.Module | None = None, scale: float = 1.0) -> None:
        super().__init__()
        self.branch, self.scale = branch, scale
        self.skip = nn.Identity() if skip is None else skip

    def forward(self, x: Tensor) -> Tensor:
        """(B, ...) to what the skip makes of it, and more."""
        return torch.add(self.skip(x), self.branch(x), alpha=self.scale)


class Beside(nn.Module):
    """A network of several maps of one size, put beside each other as channels."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, *maps: Float[Tensor, "B _ H W"]) -> Tensor:
        """Maps (B, C_i, H, W) to what the network makes of (B, sum C_i, H, W)."""
        return self.network(torch.cat(maps, dim=1))


class Rise(nn.Module):
    """Nearest neighbours repeated `rate` times, cut to `size`, plus a learned map, from zeros (Child 2021).

    What comes out has its channels last in memory, which a map of one pixel cannot say of itself.
    """

    def __init__(self, channels: int, rate: int, size: Sequence[int]) -> None:
        super().__init__()
        self.raised = nn.Sequential(nn.UpsamplingNearest2d(scale_factor=rate), Crop(*size))
        self.bias = nn.Parameter(torch.zeros(channels, *size))

    def forward(self, x: Float[Tensor, "B C h w"]) -> Float[Tensor, "B C H W"]:
        """A map to one that is `rate` times as high and wide, or what of it the size takes."""
        return self.raised(x).contiguous(memory_format=torch.channels_last) + self.bias


def patches_in(channels: int, width: int, patch: int) -> nn.Conv2d:
    """One pixel of `width` channels for every `patch` by `patch` of them, rounded up; a 3x3 convolution where it is 1."""
    kernel = max(3, 2 * patch - 1)
    return initialise(nn.Conv2d(channels, width, kernel, patch, kernel // 2))


def patches_out(width: int, channels: int, patch: int, size: Sequence[int]) -> list[nn.Module]:
    """The way back to maps of `size` from one pixel for every patch, each output from 2x2 of them (3x3 if odd)."""
    kernel = patch + 2 * (patch // 2)
    return [initialise(nn.ConvTranspose2d(width, channels, kernel, patch, patch // 2)), Crop(*size)]


def pool(rate: int) -> nn.Module:
    """The mean over squares of `rate` by `rate` pixels; those at the edges may be smaller, so sizes are rounded up."""
    return nn.AvgPool2d(rate, ceil_mode=True)
