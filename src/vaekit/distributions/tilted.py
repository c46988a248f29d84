"""A standard normal tilted by a function: an energy-based density of a vector."""

import math
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Distribution, constraints

from vaekit.distributions.flowing import normal_points
from vaekit.distributions.particles import tilted_particles

__all__ = ["Tilted"]

POINTS, LEAST = 4096, 512


class Tilted(Distribution):
    """p(z) = exp(f(z)) N(z; 0, I) / Z over vectors of `size`, with f = `tilt`, (N, D) to (N,); Pang et al. 2020, eq. 2.

    `log_normaliser` (*batch,) is log Z, which the caller knows or has estimated. Draws are those of
    `tilted_particles`, at least 512 at a time, and carry no gradient; mean and variance are weighted averages over 4,096
    fixed points of the normal.
    """

    arg_constraints: ClassVar = {"log_normaliser": constraints.real}
    support = constraints.real_vector
    has_rsample = False
    settings = ("tilt", "size")

    def __init__(
        self,
        log_normaliser: Float[Tensor, "*batch"],
        tilt: Callable[[Tensor], Tensor],
        size: int,
        validate_args: bool | None = None,
    ) -> None:
        self.log_normaliser, self.tilt, self.size = log_normaliser, tilt, size
        super().__init__(log_normaliser.shape, torch.Size((size,)), validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> "Tilted":
        """The same, over a larger batch."""
        return Tilted(self.log_normaliser.expand(batch_shape), self.tilt, self.size, validate_args=False)

    @torch.no_grad()
    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Draws (*sample_shape, *batch, D)."""
        shape = (*sample_shape, *self.batch_shape)
        wanted = math.prod(shape)
        noise = self.log_normaliser.new_empty(max(wanted, LEAST), self.size).normal_()
        drawn, _ = tilted_particles(self.tilt, noise)
        chosen = torch.randperm(len(drawn), device=drawn.device)[:wanted]
        return drawn[chosen].reshape(*shape, self.size)

    def log_prob(self, value: Tensor) -> Tensor:
        """nats, (*batch,)."""
        tilt = self.tilt(value.reshape(-1, self.size)).reshape(value.shape[:-1])
        return tilt - value.square().sum(-1) / 2 - self.size / 2 * math.log(2 * math.pi) - self.log_normaliser

    @property
    def mean(self) -> Tensor:
        """(*batch, D), from fixed points."""
        return self._moments()[0]

    @property
    def variance(self) -> Tensor:
        """(*batch, D), from fixed points."""
        return self._moments()[1]

    @torch.no_grad()
    def _moments(self) -> tuple[Tensor, Tensor]:
        points = normal_points(POINTS, self.size).to(self.log_normaliser)
        weights = self.tilt(points).softmax(0).unsqueeze(1)
        mean = (weights * points).sum(0)
        variance = (weights * (points - mean).square()).sum(0)
        return mean.expand(*self.batch_shape, self.size), variance.expand(*self.batch_shape, self.size)
