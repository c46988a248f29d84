"""A normal whose scale is the best one for the values it is asked to price."""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Distribution, constraints
from torch.distributions.utils import broadcast_all

__all__ = ["OptimalNormal"]


class OptimalNormal(Distribution):
    """log N(x; loc, s^2) with s^2 = mean over everything of (x - loc)^2. Rybkin et al. 2021, sec. 4.

    `loc`, `scale` (*batch,); draws use `scale`, prices use s, never below `floor`. s is detached: at the optimum that
    is the gradient of the optimal likelihood. Each s is told to `observe`. A density of the batch as a whole, for
    training only: it has seen the values it prices.
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}  # noqa: RUF012
    support = constraints.real
    has_rsample = True
    settings = ("observe", "floor")

    def __init__(
        self,
        loc: Float[Tensor, "*batch"],
        scale: Float[Tensor, "*batch"],
        observe: Callable[[Tensor], None],
        floor: float = 1e-4,
        validate_args: bool | None = None,
    ) -> None:
        self.loc, self.scale = broadcast_all(loc, scale)
        self.observe, self.floor = observe, floor
        super().__init__(self.loc.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        """`loc`."""
        return self.loc

    @property
    def mode(self) -> Tensor:
        """`loc`."""
        return self.loc

    @property
    def variance(self) -> Tensor:
        """`scale` squared."""
        return self.scale**2

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-density under the scale that fits `value` best, (*batch,) nats; tells that scale to `observe`."""
        scale = optimal_scale(value - self.loc, self.floor)
        self.observe(scale)
        return torch.distributions.Normal(self.loc, scale, validate_args=False).log_prob(value)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """loc + scale * noise."""
        shape = self._extended_shape(torch.Size(sample_shape))
        return self.loc + self.scale * torch.randn(shape, dtype=self.loc.dtype, device=self.loc.device)

    def expand(self, batch_shape: Any, _instance: Any = None) -> "OptimalNormal":
        """The same distribution over a larger batch shape."""
        loc, scale = self.loc.expand(batch_shape), self.scale.expand(batch_shape)
        return OptimalNormal(loc, scale, self.observe, self.floor, validate_args=False)


def optimal_scale(residual: Float[Tensor, "*shape"], floor: float) -> Float[Tensor, ""]:
    """sqrt(mean(residual^2)): the standard deviation under which the residuals are likeliest; detached."""
    return residual.detach().square().mean().sqrt().clamp(min=floor)
