"""Modified Bessel functions of the first kind, I_v(x), of any order and any positive argument, with their gradients.

One formula for all of them. At an order that is `SHIFT` higher the uniform expansion of Debye is exact to rounding for
every x, and from there recurrences whose terms are all positive lead down to the order that is asked for. What is
computed is not I_v, which leaves the range of floats, but its growth against the first term of its series,
S_v(x) = Gamma(v + 1) (2 / x)^v I_v(x), and the ratio of neighbours. NIST Digital Library of Mathematical Functions,
10.29.1 (recurrence), 10.41.3 and 10.41.9 (Debye).
"""

import math
from fractions import Fraction
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

__all__ = ["bessel_growth_and_ratio", "bessel_ratio", "log_bessel_growth", "log_scaled_bessel"]

SHIFT, TERMS = 16, 12  # the expansion of order 15 and above is then wrong by 2e-14 at most


def log_scaled_bessel(order: float, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """log(I_v(x) exp(-x)) for an order v above -1 and x above 0.

    Wrong by 1e-12 of itself at most, or 1e-15 where it is nearly 0, up to order 1000 and x = 1e5; in float32 by its
    rounding, as all of it is done in float64.
    """
    exact = wide(x)
    first = order * (exact / 2).log() - math.lgamma(checked(order) + 1)
    return (log_bessel_growth(order, exact) + first).to(x.dtype)


def log_bessel_growth(order: float, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """log(S_v(x)) - x with S_v(x) = Gamma(v + 1) (2 / x)^v I_v(x), for an order v above -1 and x at least 0.

    S_v(x) is the mean of exp(x w) over the sphere in 2 v + 2 dimensions, where w is one coordinate.
    """
    return bessel_growth_and_ratio(order, x)[0]


def bessel_ratio(order: float, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """I_{v+1}(x) / I_v(x), from 0 at x = 0 towards 1, for an order v above -1 and x at least 0."""
    return bessel_growth_and_ratio(order, x)[1]


def bessel_growth_and_ratio(order: float, x: Float[Tensor, "*shape"]) -> tuple[Tensor, Tensor]:
    """`log_bessel_growth` and `bessel_ratio`, for the price of one."""
    exact = wide(x)
    growth, slope = GrowthAndSlope.apply(exact, checked(order))
    return growth.to(x.dtype), (exact * slope).to(x.dtype)


def wide(x: Tensor) -> Tensor:
    """In float64, where the device has it."""
    return x if x.device.type == "mps" else x.double()


class GrowthAndSlope(Function):
    """log(S_v(x)) - x and q_v(x) = I_{v+1}(x) / (x I_v(x)), each of the shape and type of x.

    Their derivatives are x q_v - 1 and x q_v (q_{v+1} - q_v). The latter is that of the ratio A = x q_v, which is
    1 - A^2 - (2 v + 1) A / x, without a division by x.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, order: float) -> tuple[Tensor, Tensor]:
        """One step of the recurrences after the other."""
        log_s, slopes = descended(order, x)
        ctx.save_for_backward(x, *slopes[-2:])
        return log_s, slopes[-1]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_growth: Tensor, of_slope: Tensor) -> tuple[Tensor, None]:
        """The two derivatives."""
        x, above, own = ctx.saved_tensors
        return of_growth * (x * own - 1) + of_slope * x * own * (above - own), None


def descended(order: float, x: Tensor) -> tuple[Tensor, list[Tensor]]:
    """log(S_v(x)) - x, and q of the orders v + SHIFT, ..., v + 1, v, from Debye's expansion of the first of these.

    q_v = 1 / (2 v + 2 + x^2 q_{v+1}) and S_v = S_{v+1} (1 + x^2 q_{v+1} / (2 v + 2)).
    """
    log_s, first = expanded(order + SHIFT, x)
    twice = [2 * (order + step) for step in range(SHIFT, 0, -1)]
    square, slopes = x * x, [first]
    for number in twice:
        slopes.append((square * slopes[-1] + number).reciprocal())
    above = torch.stack(slopes[:-1], -1) / torch.tensor(twice, dtype=x.dtype, device=x.device)
    return log_s + torch.log1p(square[..., None] * above).sum(-1), slopes


def expanded(order: float, x: Tensor) -> tuple[Tensor, Tensor]:
    """log(S_v(x)) - x and q_v(x) by Debye's expansion for a large order v, uniformly in x.

    I_v(x) = exp(v e) / sqrt(2 pi r) P(t) with r = sqrt(v^2 + x^2), t = v / r, e = r / v + log(x / (v + r)) and
    P(t) = 1 + sum_k u_k(t) / v^k. By Stirling's series S_v divides it by its own value at x = 0, so that nothing large
    is left to cancel; q_v is the derivative of log(S_v), over x.
    """
    root = (x * x + order * order).sqrt()
    excess = x * x / (root + order)  # root - order
    of_order = torch.tensor([order**-k for k in range(1, TERMS + 1)], dtype=x.dtype, device=x.device)
    coefficients = (of_order[:, None] * DEBYE.to(x)).sum(0)
    powers = torch.arange(1, 3 * TERMS + 1, dtype=x.dtype, device=x.device)
    terms = (order / root)[..., None].expand(*x.shape, 3 * TERMS).cumprod(-1) * coefficients
    beyond, moved = terms.sum(-1), (terms * powers).sum(-1)  # P(t) - 1 and t P'(t)
    scaled = -order * x * (root + order + x) / ((root + order) * (root + x))  # root - order - x
    log_s = scaled - order * torch.log1p(excess / (2 * order)) - torch.log1p(x * x / order**2) / 4
    log_s = log_s + torch.log1p(beyond) - torch.log1p(coefficients.sum())
    return log_s, 1 / (root + order) - (0.5 + moved / (1 + beyond)) / root**2


def debye_polynomials(terms: int) -> Tensor:
    """Coefficients of u_1, ..., u_terms, a row each, of the powers of t from the first on: (terms, 3 terms).

    u_0 = 1, u_{k+1}(t) = t^2 (1 - t^2) u_k'(t) / 2 + the integral from 0 to t of (1 - 5 s^2) u_k(s) ds / 8.
    """
    rows = [[Fraction(1)] + [Fraction(0)] * (3 * terms)]
    for k in range(terms):
        following = [Fraction(0)] * (3 * terms + 1)
        for n, c in enumerate(rows[-1][: 3 * k + 1]):
            following[n + 1] += c * (Fraction(n, 2) + Fraction(1, 8 * (n + 1)))
            following[n + 3] -= c * (Fraction(n, 2) + Fraction(5, 8 * (n + 3)))
        rows.append(following)
    return torch.tensor([[float(c) for c in row[1:]] for row in rows[1:]], dtype=torch.float64)


DEBYE = debye_polynomials(TERMS)


def checked(order: float) -> float:
    """The order, which must be above -1."""
    if not -1 < order < math.inf:
        raise ValueError(f"order must be a finite number above -1, got {order}")
    return float(order)
