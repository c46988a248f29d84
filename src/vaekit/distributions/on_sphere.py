"""Points of the sphere, each as likely as the other."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Distribution, constraints

from vaekit.distributions.sphere import direction, log_area, sphere_size, unit_sphere

__all__ = ["UniformOnSphere"]


class UniformOnSphere(Distribution):
    """The uniform distribution over vectors of `m` numbers that have length 1, with respect to the sphere's surface.

    `place` (*batch,) gives it its batch shape, dtype and device; what it holds is of no matter. Without one, a single
    sphere in the default dtype. Raises ValueError for m below 2: a line has no sphere but two points.
    """

    arg_constraints = {"place": constraints.real}  # noqa: RUF012
    support = unit_sphere
    has_rsample = True
    settings = ("m",)

    def __init__(self, m: int, place: Float[Tensor, "*batch"] | None = None, validate_args: bool | None = None) -> None:
        self.m, self.place = sphere_size(m), torch.zeros(()) if place is None else place
        super().__init__(self.place.shape, torch.Size((m,)), validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        """Zeros: the middle of the ball, which is no point of the sphere."""
        return torch.zeros_like(self.place)[..., None].expand(*self.batch_shape, self.m)

    @property
    def mode(self) -> Tensor:
        """There is none. Raises ValueError."""
        raise ValueError("no point of a sphere is typical of all: draw from a uniform prior on it at temperature 1")

    @property
    def variance(self) -> Tensor:
        """1 / m for each coordinate."""
        return self.mean + 1 / self.m

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """Directions of normal vectors, (*sample_shape, *batch, m)."""
        shape = self._extended_shape(torch.Size(sample_shape))
        return direction(torch.randn(shape, dtype=self.place.dtype, device=self.place.device))

    def log_prob(self, value: Tensor) -> Tensor:
        """-log of the sphere's surface, nats."""
        if self._validate_args:
            self._validate_sample(value)
        shape = torch.broadcast_shapes(value.shape[:-1], self.batch_shape)
        return (torch.zeros_like(self.place) - log_area(self.m)).expand(shape)

    def entropy(self) -> Tensor:
        """log of the sphere's surface, nats."""
        return torch.zeros_like(self.place) + log_area(self.m)

    def expand(self, batch_shape: Any, _instance: Any = None) -> "UniformOnSphere":
        """The same over a larger batch shape."""
        return UniformOnSphere(self.m, self.place.expand(batch_shape), validate_args=False)
