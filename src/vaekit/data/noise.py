"""From stored values to what a model sees: plain readings, and the two that take noise."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

__all__: list[str] = []

Reading = Callable[[Tensor], Tensor]
Visit = Callable[[Tensor, Tensor], Tensor]


def as_floats(stored: Tensor) -> Tensor:
    """The values themselves in float32."""
    return stored.float()


def as_codes(stored: Tensor) -> Tensor:
    """Categories in int64: their order means nothing, embeddings index by them."""
    return stored.long()


def as_unit(level: Tensor, levels: int) -> Tensor:
    """level / (levels - 1), in [0, 1]."""
    return level.to(torch.float32, copy=True).div_(levels - 1)


def binarise(grey: Tensor, u: Tensor) -> Tensor:
    """One draw of Bernoulli(grey) from uniform u in [0, 1), which it overwrites. 0 stays 0 and 1 stays 1."""
    return u.lt_(grey)


def dequantise(level: Tensor, u: Tensor, levels: int) -> Tensor:
    """(level + u) / levels, with u uniform on the midpoints of the steps that float32 resolves above any level.

    So x stays strictly inside (0, 1) and floor(x * levels) gives the level back; plain floats round up into the next
    level about once in 200,000 elements. Theis et al. 2016, sec. 3.1. Overwrites u.
    """
    steps = 2 ** (23 - math.ceil(math.log2(levels)))
    return u.mul_(steps).floor_().add_(0.5).div_(steps).add_(level).div_(levels)


def uniform(shape: tuple[int, ...], device: torch.device, generator: torch.Generator | None) -> Tensor:
    """Uniform noise on `device`, drawn where the generator lives."""
    drawn_on = device if generator is None else generator.device
    return torch.rand(shape, generator=generator, device=drawn_on).to(device)
