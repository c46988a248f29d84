"""Where a location-scale head takes its scale from."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import Distribution, Normal

from vaekit.distributions import OptimalNormal

__all__ = ["Fixed", "Optimal", "PerElement", "Scale", "Shared", "as_scale"]

UNIT = math.log(math.e - 1)  # softplus(UNIT) = 1: a fresh head starts at scale 1


class Scale(nn.Module, ABC):
    """A rule that gives a positive scale; `per_element` says how many features of the network it reads (0 or 1)."""

    per_element: int = 0

    @abstractmethod
    def forward(self, loc: Tensor, raw: Tensor | None) -> Tensor:
        """The scale, broadcastable to `loc`; `raw` has loc's shape where per_element is 1."""

    def normal(self, loc: Tensor, scale: Tensor) -> Distribution:
        """The normal that a Gaussian head builds from its location and this rule's scale."""
        return Normal(loc, scale, validate_args=False)


class PerElement(Scale):
    """softplus of the network's own feature, above `floor`: one scale for every element of every example."""

    per_element = 1

    def __init__(self, floor: float = 1e-4) -> None:
        super().__init__()
        self.floor = positive(floor, "floor")

    def forward(self, loc: Tensor, raw: Tensor | None) -> Tensor:
        """(B, *event) from raw (B, *event)."""
        assert raw is not None
        return F.softplus(raw + UNIT) + self.floor


class Shared(Scale):
    """One learned scale for all examples: exp(log_scale), kept above `floor`.

    One number for all elements; with `shape`, the event's, one for each of them.
    """

    def __init__(self, initial: float = 1.0, floor: float = 1e-4, shape: Sequence[int] = ()) -> None:
        super().__init__()
        self.floor = positive(floor, "floor")
        self.log_scale = nn.Parameter(torch.full(tuple(shape), math.log(positive(initial, "initial"))))

    def forward(self, loc: Tensor, raw: Tensor | None) -> Tensor:
        """Expanded to loc's shape, so that it is a parameter per element like any other."""
        return (self.log_scale.exp() + self.floor).expand(loc.shape)


class Fixed(Scale):
    """A scale that is given and not learned."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.register_buffer("scale", torch.tensor(positive(scale, "scale")))
        self.scale: Tensor

    def forward(self, loc: Tensor, raw: Tensor | None) -> Tensor:
        """Expanded to loc's shape."""
        return self.scale.expand(loc.shape)


class Optimal(Scale):
    """The scale that fits the residuals best, sigma^2 = mean (x - loc)^2: nothing is learned. Rybkin et al. 2021.

    In training mode every batch is priced under its own best scale, and the buffer `mean_square` keeps the running mean
    of sigma^2 (plain for the first `memory` batches, then exponential). In evaluation mode that frozen number is the
    scale, so that a test density never depends on what it prices. Gaussian heads only.
    """

    def __init__(self, memory: int = 100, floor: float = 1e-4) -> None:
        super().__init__()
        self.memory, self.floor = positive(memory, "memory"), positive(floor, "floor")
        self.register_buffer("mean_square", torch.tensor(1.0))
        self.register_buffer("batches", torch.tensor(0.0))
        self.mean_square: Tensor
        self.batches: Tensor

    def forward(self, loc: Tensor, raw: Tensor | None) -> Tensor:
        """The running scale, expanded to loc's shape."""
        return self.mean_square.sqrt().clamp(min=self.floor).expand(loc.shape)

    def normal(self, loc: Tensor, scale: Tensor) -> Distribution:
        """In training mode a normal that finds its scale when it is given values, else the frozen one."""
        if self.training:
            return OptimalNormal(loc, scale, self.observe, self.floor, validate_args=False)
        return super().normal(loc, scale)

    @torch.no_grad()
    def observe(self, scale: Tensor) -> None:
        """Move the running mean of sigma^2 towards this batch's."""
        self.batches += 1
        share = (1 / self.batches).clamp(min=1 / self.memory)
        self.mean_square += share * (scale.square() - self.mean_square)


def as_scale(scale: "Scale | float | None") -> Scale:
    """A number is a fixed scale; None is the default, one scale per element."""
    if scale is None:
        return PerElement()
    return scale if isinstance(scale, Scale) else Fixed(scale)


def loc_and_scale(raw: Tensor, rule: Scale) -> dict[str, Tensor]:
    """`loc`, `scale` (B, *event) from a last layer: (2, B, *event) where the rule reads a feature, else (B, *event)."""
    loc, raw_scale = raw if rule.per_element else (raw, None)
    return {"loc": loc, "scale": rule(loc, raw_scale)}


def positive(value: float, name: str) -> float:
    """`value`, which must be a finite number above 0."""
    if not 0 < value < math.inf:
        raise ValueError(f"{name} must be a finite number above 0, got {value}")
    return float(value)
