"""A logistic density gathered into the levels of a quantised signal."""

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Distribution, constraints
from torch.distributions.utils import broadcast_all

__all__ = ["DiscretisedLogistic", "clipped_mean", "discretised_log_prob", "draw_level"]


class DiscretisedLogistic(Distribution):
    """P(x) = sigmoid((x + h - loc) / scale) - sigmoid((x - h - loc) / scale) on the grid 0, 1/(L-1), ..., 1.

    h = 1 / (2 (L-1)) is half a level; the first and last levels reach to -inf and +inf. Kingma et al. 2016, app. C.
    `loc`, `scale` (*batch,) in units of x, whose range is [0, 1]; a value is priced as its nearest level.
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}  # noqa: RUF012
    support = constraints.unit_interval
    settings = ("levels",)

    def __init__(
        self,
        loc: Float[Tensor, "*batch"],
        scale: Float[Tensor, "*batch"],
        levels: int = 256,
        validate_args: bool | None = None,
    ) -> None:
        self.loc, self.scale = broadcast_all(loc, scale)
        self.levels = at_least_two(levels)
        super().__init__(self.loc.shape, validate_args=validate_args)

    def log_prob(self, value: Tensor) -> Tensor:
        """log P(level of value), (*batch,) nats."""
        return discretised_log_prob(value, self.loc, self.scale, self.levels)

    @property
    def mean(self) -> Tensor:
        """Mean of the logistic clipped to [0, 1]: within half a level of the exact mean, and much nearer for scales
        above a level (see `clipped_mean`)."""
        return clipped_mean(self.loc, self.scale)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Points of the grid, (*sample_shape, *batch)."""
        shape = self._extended_shape(torch.Size(sample_shape))
        return draw_level(self.loc.detach().expand(shape), self.scale.detach(), self.levels)

    def expand(self, batch_shape: Any, _instance: Any = None) -> "DiscretisedLogistic":
        """The same distribution over a larger batch shape."""
        return DiscretisedLogistic(
            self.loc.expand(batch_shape), self.scale.expand(batch_shape), self.levels, validate_args=False
        )


def discretised_log_prob(
    x: Float[Tensor, "*#shape"], loc: Float[Tensor, "*#shape"], scale: Float[Tensor, "*#shape"], levels: int
) -> Float[Tensor, "*shape"]:
    """log(sigmoid(a) - sigmoid(b)) = log sigmoid(a) + log sigmoid(-b) + log(1 - exp(b - a)), nats.

    a, b = (x +- h - loc) / scale; every term is at most 0, so nothing cancels and no mass underflows.
    """
    steps = levels - 1
    level = (x * steps).round()
    above = F.logsigmoid(((level + 0.5) / steps - loc) / scale)  # log P(up to this level)
    below = F.logsigmoid((loc - (level - 0.5) / steps) / scale)  # log P(from this level on)
    width = torch.log(-torch.expm1(-1 / (steps * scale)))
    return torch.where(level <= 0, above, torch.where(level >= steps, below, above + below + width))


def clipped_mean(loc: Float[Tensor, "*shape"], scale: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """E[min(max(y, 0), 1)] = scale (softplus(loc / scale) - softplus((loc - 1) / scale)) for y logistic.

    The mean of the discretised logistic is the midpoint rule of the same integral, so they differ by about
    1 / (96 (L-1)^2 scale) at most, and never by more than half a level.
    """
    wide = scale > 0.1
    broad, narrow = scale.where(wide, 1.0), scale.where(~wide, 0.1)
    of_broad = broad * torch.log1p(torch.sigmoid((loc - 1) / broad) * torch.expm1(1 / broad))
    of_narrow = narrow * (F.softplus(loc / narrow) - F.softplus((loc - 1) / narrow))
    return torch.where(wide, of_broad, of_narrow)


def draw_level(loc: Tensor, scale: Tensor, levels: int) -> Tensor:
    """A logistic draw at `loc`, rounded to its level and clipped to [0, 1]; shaped as `loc`."""
    tiny = torch.finfo(loc.dtype).tiny
    u = torch.rand_like(loc).clamp(min=tiny)
    y = loc + scale * (u.log() - torch.log1p(-u))
    return (y * (levels - 1)).round().clamp(0, levels - 1) / (levels - 1)


def at_least_two(levels: int) -> int:
    """`levels`, a whole number of at least 2."""
    if not isinstance(levels, int) or levels < 2:
        raise ValueError(f"levels must be a whole number of at least 2, got {levels}")
    return levels
