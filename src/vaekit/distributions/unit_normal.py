"""The normal with mean 0 and standard deviation 1, whose formulas are shorter than those of any other."""

import math

import torch
from torch import Tensor
from torch.distributions import Normal, register_kl

__all__ = ["UnitNormal", "kl_to_unit_normal"]

HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)


class UnitNormal(Normal):
    """Normal(0, 1) of the shape, type and device of `loc`, which must hold zeros, and `scale`, which must hold ones."""

    def log_prob(self, value: Tensor) -> Tensor:
        """-(z^2 + log 2 pi) / 2, nats."""
        return -0.5 * value.square() - HALF_LOG_TWO_PI


@register_kl(Normal, UnitNormal)
def kl_to_unit_normal(q: Normal, p: UnitNormal) -> Tensor:
    """(scale^2 + loc^2 - 1) / 2 - log scale, nats; Kingma & Welling 2014, app. B."""
    return torch.addcmul(q.loc.square(), q.scale, q.scale).sub(1.0).mul(0.5).sub(q.scale.log())
