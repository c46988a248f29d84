"""The von Mises-Fisher distribution: what a normal is to space, on the sphere."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Distribution, constraints, register_kl

from vaekit.distributions.bessel import bessel_growth_and_ratio, bessel_ratio, log_bessel_growth, wide
from vaekit.distributions.on_sphere import UniformOnSphere
from vaekit.distributions.polar_angle import polar_angle
from vaekit.distributions.sphere import log_area, sphere_size, unit_sphere

__all__ = ["VonMisesFisher", "kl_to_uniform"]


class VonMisesFisher(Distribution):
    """p(x) = C exp(concentration <loc, x>) over vectors x of m numbers that have length 1. Davidson et al. 2018, sec. 2.

    1 / C is the surface of the sphere times the mean of exp(concentration w) over it, w being a coordinate. `loc`
    (*batch, m) has length 1, `concentration` (*batch,) is at least 0; the two broadcast. At 0 it is uniform. Raises
    ValueError for m below 2: a line has no sphere but two points.
    """

    arg_constraints = {"loc": unit_sphere, "concentration": constraints.nonnegative}  # noqa: RUF012
    support = unit_sphere
    has_rsample = True

    def __init__(
        self, loc: Float[Tensor, "*batch m"], concentration: Float[Tensor, "*batch"], validate_args: bool | None = None
    ) -> None:
        self.m = sphere_size(loc.shape[-1] if loc.ndim else 0)
        batch_shape = torch.broadcast_shapes(loc.shape[:-1], concentration.shape)
        self.loc, self.concentration = loc.expand(*batch_shape, self.m), concentration.expand(batch_shape)
        super().__init__(batch_shape, loc.shape[-1:], validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        """A loc, with A = I_{m/2}(concentration) / I_{m/2-1}(concentration): inside of the sphere, not on it."""
        return bessel_ratio(self.m / 2 - 1, self.concentration)[..., None] * self.loc

    @property
    def mode(self) -> Tensor:
        """`loc`, the mean direction."""
        return self.loc

    @property
    def variance(self) -> Tensor:
        """Of each coordinate: s (1 - loc^2) + (1 - A^2 - (m - 1) s) loc^2, where s = A / concentration.

        Across loc the variance is s, along it that of w.
        """
        exact = wide(self.concentration).clamp(min=torch.finfo(self.loc.dtype).tiny)
        ratio = bessel_ratio(self.m / 2 - 1, exact)
        across, along = (ratio / exact)[..., None], wide(self.loc).square()
        found = across + (1 - ratio.square()[..., None] - self.m * across) * along
        return found.to(self.loc.dtype)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """cos(a) loc + sin(a) t, with the angle a of `polar_angle` and t uniform among the directions across loc.

        As loc moves, t turns with it in the plane of the move. So the gradient has no singular point, as that of the
        reflection that brings a fixed pole to loc (Davidson et al. 2018, alg. 1) has where loc is the pole.
        """
        shape = self._extended_shape(torch.Size(sample_shape))
        loc = wide(self.loc)
        angle = polar_angle(self.m, wide(self.concentration), shape[:-1])[..., None]
        across = tangent(loc.detach(), torch.randn(shape, dtype=loc.dtype, device=loc.device))
        turned = across - (across * loc).sum(-1, keepdim=True) * loc
        return (angle.cos() * loc + angle.sin() * turned).to(self.loc.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        """log C + concentration <loc, value>, nats with respect to the sphere's surface.

        As 1 - <loc, x> is |loc - x|^2 / 2, nothing large is left to cancel.
        """
        if self._validate_args:
            self._validate_sample(value)
        below_the_most = self.concentration * (self.loc - value).square().sum(-1) / 2
        return -below_the_most - log_bessel_growth(self.m / 2 - 1, self.concentration) - log_area(self.m)

    def entropy(self) -> Tensor:
        """log of the sphere's surface less the divergence from the uniform, nats."""
        return log_area(self.m) - kl_to_uniform(self.m, self.concentration)

    def expand(self, batch_shape: Any, _instance: Any = None) -> "VonMisesFisher":
        """The same over a larger batch shape."""
        loc = self.loc.expand(*batch_shape, self.m)
        return VonMisesFisher(loc, self.concentration.expand(batch_shape), validate_args=False)


def tangent(loc: Float[Tensor, "*batch m"], noise: Float[Tensor, "*shape m"]) -> Float[Tensor, "*shape m"]:
    """The direction of what noise has across loc: uniform among such directions for normal noise."""
    across = noise - (noise * loc).sum(-1, keepdim=True) * loc
    return across / across.norm(dim=-1, keepdim=True)


def kl_to_uniform(m: int, concentration: Float[Tensor, "*batch"]) -> Float[Tensor, "*batch"]:
    """concentration A - log(mean of exp(concentration w)), nats, with the mean over the sphere in m dimensions.

    A is the length of the mean of the von Mises-Fisher distribution. Davidson et al. 2018, sec. 3.2, without the large
    terms that cancel there.
    """
    exact = wide(concentration)
    growth, ratio = bessel_growth_and_ratio(m / 2 - 1, exact)
    return (exact * (ratio - 1) - growth).to(concentration.dtype)


@register_kl(VonMisesFisher, UniformOnSphere)
def _kl(q: VonMisesFisher, p: UniformOnSphere) -> Float[Tensor, "*batch"]:
    """That to the uniform distribution on the same sphere, over the batch shape of both."""
    if q.m != p.m:
        raise ValueError(f"both must be on one sphere, got one in {q.m} dimensions and one in {p.m}")
    return kl_to_uniform(q.m, q.concentration).expand(torch.broadcast_shapes(q.batch_shape, p.batch_shape))
