"""The angle between a von Mises-Fisher variable and its mean direction: draws, and how they move with concentration."""

import math
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from vaekit.distributions.bessel import bessel_ratio

__all__: list[str] = []

PROPOSALS = 32  # each is taken with a probability of 0.657 or more, so that all are refused once in 7e14 draws
REACH = 9.0  # in units of (concentration + m - 2)^(-1/2): further away there is no density left in float64
NODES, WEIGHTS = (torch.from_numpy(found) for found in np.polynomial.legendre.leggauss(24))


def polar_angle(m: int, concentration: Float[Tensor, "*batch"], shape: tuple[int, ...]) -> Float[Tensor, "*shape"]:
    """Draws of the angle a from 0 to pi, whose density is proportional to sin(a)^(m - 2) exp(concentration cos(a)).

    `shape` ends in the batch shape. The gradient is that of the inverse of the distribution function at fixed noise,
    which does not ask how the draw was made (implicit reparametrisation; Figurnov et al. 2018, eq. 6): unlike the
    correction for acceptance of Davidson et al. 2018 it adds no noise. Every draw takes `PROPOSALS` triples of uniforms,
    so that its noise depends neither on the parameters nor on the other draws, and a compiler can trace it.
    """
    spread = concentration.expand(shape)
    return AtFixedNoise.apply(spread, drawn(m, spread.detach()), m)


@torch.no_grad()
def drawn(m: int, concentration: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Draws of the angle by rejection; Ulrich 1984, Wood 1994, algorithm VM*.

    Their proposal for cos(a), (1 - (1 + b) e) / (1 - (1 - b) e) with e ~ Beta((m - 1) / 2, (m - 1) / 2), says that
    t = tan(a / 2)^2 = b e / (1 - e), and (1 + y) / 2 is such an e for a coordinate y of a uniform point on the sphere. It
    is accepted with the probability exp(k (cos(a) - x)) ((1 - x cos(a)) / (1 - x^2))^(m - 1), x = (1 - b) / (1 + b), here
    in t. The first that is accepted is taken; where none is (PROPOSALS says how rarely), the first of all.
    """
    uniform = torch.rand(3, PROPOSALS, *concentration.shape, dtype=concentration.dtype, device=concentration.device)
    k, n = concentration, m - 1
    b = n / (2 * k + (4 * k * k + n * n).sqrt())
    y = coordinate(m, uniform[0], uniform[1])
    t = b * (1 + y) / (1 - y)
    tilt = 2 * k * (b - t) / ((1 + t) * (1 + b)) + n * ((b + t) * (1 + b) / (2 * b * (1 + t))).log()
    first = (tilt >= uniform[2].log()).int().argmax(0, keepdim=True)
    return 2 * t.gather(0, first)[0].sqrt().atan()


def coordinate(m: int, u: Tensor, v: Tensor) -> Tensor:
    """One coordinate of a uniform point on the sphere in m dimensions, from two uniforms on [0, 1).

    Of two coordinates together the direction is uniform, and the squared length is 1 - v^(2 / (m - 2)); Ulrich 1984.
    """
    across = (2 * math.pi * u).cos()
    return across if m == 2 else across * (1 - v ** (2 / (m - 2))).sqrt()


class AtFixedNoise(Function):
    """The angle as a function of the concentration alone."""

    @staticmethod
    def forward(ctx: Any, concentration: Tensor, angle: Tensor, m: int) -> Tensor:
        """The angle as it was drawn."""
        ctx.m = m
        ctx.save_for_backward(concentration, angle)
        return angle.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        """By the distribution function."""
        concentration, angle = ctx.saved_tensors
        return gradient * angle_slope(ctx.m, concentration, angle), None, None


def angle_slope(
    m: int, concentration: Float[Tensor, "*shape"], angle: Float[Tensor, "*shape"]
) -> Float[Tensor, "*shape"]:
    """d angle / d concentration at a fixed value of the distribution function F, which is -(dF / dconcentration) / f.

    With the density f and A = E[cos], dF / dconcentration is the integral of (cos(s) - A) f(s) over s up to the angle,
    and minus that beyond it. The side is taken on which cos(s) - A keeps its sign, so that nothing cancels, with the
    nodes of Gauss and Legendre: wrong by 1e-10 of itself at most.
    """
    k, a = concentration, angle.clamp(min=torch.finfo(angle.dtype).tiny)
    middle = bessel_ratio(m / 2 - 1, k)
    reach = REACH / (k + m - 2).sqrt()
    end = torch.where(a.cos() > middle, (a - reach).clamp(min=0), (a + reach).clamp(max=math.pi))
    s = a[..., None] + (end - a)[..., None] * (1 + NODES.to(a)) / 2
    density = k[..., None] * (s.cos() - a.cos()[..., None]) + (m - 2) * (s.sin() / a.sin()[..., None]).log()
    terms = (s.cos() - middle[..., None]).abs() * density.exp() * WEIGHTS.to(a)
    return -terms.sum(-1) * (end - a).abs() / 2
