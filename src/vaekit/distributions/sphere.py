"""The sphere: vectors of length 1 as the values of a distribution, and the way back to them."""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Distribution, constraints

__all__ = ["UnitSphere", "direction", "is_curved", "log_area", "nearest_value", "unit_sphere"]


class UnitSphere(constraints.Constraint):
    """Vectors of length 1, to the square root of their type's precision."""

    event_dim = 1

    def check(self, value: Tensor) -> Tensor:
        """Whether each vector (..., m) is one: (...)."""
        return (value.norm(dim=-1) - 1).abs() <= torch.finfo(value.dtype).eps ** 0.5


unit_sphere = UnitSphere()


def direction(vector: Float[Tensor, "*shape m"]) -> Float[Tensor, "*shape m"]:
    """vector / |vector|; the first axis for a vector of no length, and no gradient there."""
    length, least = vector.norm(dim=-1, keepdim=True), torch.finfo(vector.dtype).tiny
    first_axis = (torch.arange(vector.shape[-1], device=vector.device) == 0).to(vector.dtype)
    return torch.where(length > least, vector / length.clamp(min=least), first_axis)


def log_area(m: int) -> float:
    """log(2 pi^(m/2) / Gamma(m/2)): nats of the surface of the sphere in m dimensions."""
    return math.log(2) + m / 2 * math.log(math.pi) - math.lgamma(m / 2)


def sphere_size(m: int) -> int:
    """The number of dimensions that a sphere lies in, which must be at least 2."""
    if isinstance(m, bool) or not isinstance(m, int) or m < 2:
        raise ValueError(f"a sphere needs a whole number of at least 2 dimensions, got {m!r}")
    return m


def is_curved(d: Distribution) -> bool:
    """Whether d's values lie on a sphere, so that their mean, and what lies between two of them, is no value of d."""
    return isinstance(space_of(d), UnitSphere)


def nearest_value(d: Distribution, value: Tensor) -> Tensor:
    """Of the values that d can have the one that is nearest: its direction on a sphere, elsewhere the value itself."""
    return direction(value) if is_curved(d) else value


def space_of(d: Distribution) -> constraints.Constraint | None:
    """The support of d, without independence; None where d does not say."""
    try:
        support: constraints.Constraint | None = d.support
    except NotImplementedError:
        return None
    while isinstance(support, constraints.independent):
        support = support.base_constraint
    return support
