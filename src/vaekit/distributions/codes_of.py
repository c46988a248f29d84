"""Codes of whatever has some."""

from jaxtyping import Int
from torch import Tensor
from torch.distributions import Distribution

from vaekit.distributions.point_mass import PointMass
from vaekit.distributions.relaxed_codes import RelaxedCodes

__all__ = ["codes_of"]


def codes_of(q: Distribution | None) -> Int[Tensor, "*shape"] | None:
    """The codes (*batch, Q, *positions) of a posterior, its likeliest where it draws them; None where it has none."""
    return q.code if isinstance(q, PointMass | RelaxedCodes) else None
