"""(g) A linear-Gaussian chain of four latents, inferred from the top down by a ladder and from below by a stack; exact.

z1 ~ N(0, 1), z_l ~ N(a_l z_(l-1), q_l), x ~ N(w z4, r), each over D independent columns with their own numbers.
"""

import math

import torch
from torch import Tensor, nn
from torch.distributions import Independent, Normal

from contracts.case import Case
from vaekit.conditionals import Gaussian
from vaekit.models import Hierarchy, Model, Rung, Stack
from vaekit.networks import MLP
from vaekit.objectives import Distortion, ImportanceWeighted, Rate
from vaekit.priors import StandardNormal

D, LEVELS = 3, 4
A = torch.tensor([[0.5, -1.2, 2.0], [1.5, 0.4, -0.7], [-0.8, 0.9, 1.1]]).double()  # of z2, z3, z4
Q = torch.tensor([[0.3, 1.0, 0.8], [0.6, 0.2, 1.4], [0.9, 0.5, 0.1]]).double()
W = torch.tensor([1.0, 0.7, -0.4]).double()
R = torch.tensor([0.5, 0.2, 1.5]).double()


def normal(loc: Tensor, variance: Tensor) -> Independent:
    return Independent(Normal(loc, variance.sqrt().expand_as(loc), validate_args=False), 1, validate_args=False)


def marginals() -> list[Tensor]:
    """Variances of z1 to z4."""
    found = [torch.ones(D).double()]
    for a, q in zip(A, Q, strict=True):
        found.append(a**2 * found[-1] + q)
    return found


def towards_x(level: int) -> tuple[Tensor, Tensor]:
    """Gain c and variance v of x ~ N(c z, v) given the latent of that level, from 0 at the top."""
    c, v = W, R
    for i in range(LEVELS - 2, level - 1, -1):
        v = c**2 * Q[i] + v
        c = c * A[i]
    return c, v


def linear(gain: Tensor, variance: Tensor) -> Gaussian:
    """A head that gives N(gain input, variance), column by column."""
    head = Gaussian(MLP(D), D)
    with torch.no_grad():
        head.last.layer.weight.zero_()
        head.last.layer.weight[:D] = torch.diag(gain)
        head.last.layer.bias[:D] = 0
        raw = torch.log(torch.expm1(variance.sqrt() - head.scale.floor))
        head.last.layer.bias[D:] = raw - math.log(math.e - 1)
    return head


class Everything(nn.Module):
    """x itself as the evidence of all levels."""

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"x": x}


def ladder() -> Hierarchy:
    """Each estimate is p(x|z_l) as a normal in z_l, so that the product with p(z_l|z_(l-1)) is p(z_l|z_(l-1), x)."""
    seen = [(1 / c, v / c**2) for c, v in map(towards_x, range(LEVELS))]
    priors = [StandardNormal(D), *(linear(a, q) for a, q in zip(A, Q, strict=True))]
    return Hierarchy(
        Everything(), None, [Rung("x", p, linear(*s)) for p, s in zip(priors, seen, strict=True)], linear(W, R)
    )


def stack() -> Stack:
    """Each posterior is the reversed step: q(z_l|z_(l+1)) by Bayes' rule from the marginal variance of z_l."""
    steps = [*zip(A, Q, strict=True), (W, R)]
    posteriors = [linear(*reversed_step(v, gain, noise)) for v, (gain, noise) in zip(marginals(), steps, strict=True)]
    return Stack(StandardNormal(D), [linear(a, q) for a, q in zip(A, Q, strict=True)], posteriors, linear(W, R))


def reversed_step(variance: Tensor, gain: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Gain and variance of z given y, where z ~ N(0, variance) and y ~ N(gain z, noise)."""
    precision = 1 / variance + gain**2 / noise
    return gain / noise / precision, 1 / precision


def data() -> Tensor:
    return torch.linspace(-2, 2, 6 * D, dtype=torch.float64).reshape(6, D)


def evidence(x: Tensor) -> Tensor:
    return normal(torch.zeros_like(x), W**2 * marginals()[-1] + R).log_prob(x)


def kl(m: Tensor, v: Tensor, n: Tensor, w: Tensor) -> Tensor:
    """KL(N(m, v) || N(n, w)) summed over columns."""
    return 0.5 * (v / w + (m - n) ** 2 / w - 1 + torch.log(w / v)).sum(-1)


def surprise(x: Tensor, m: Tensor, v: Tensor) -> Tensor:
    """-log N(x; m, v) summed over columns."""
    return 0.5 * ((x - m) ** 2 / v + torch.log(2 * torch.pi * v)).sum(-1)


def draw(m: Tensor, v: Tensor) -> Tensor:
    return m + v.sqrt() * torch.randn_like(m)


def ladder_by_draw(x: Tensor) -> Tensor:
    """-log p(x|z) and the KLs by the formula of two normals, at the draws that seed 7 gives; no vaekit in it."""
    torch.manual_seed(7)
    total, mean, variance = torch.zeros(len(x)).double(), torch.zeros_like(x), torch.ones(D).double()
    for level in range(LEVELS):
        c, v = towards_x(level)
        precision = 1 / variance + c**2 / v
        m = (mean / variance + c / v * x) / precision
        z = draw(m, 1 / precision)
        total = total + kl(m, 1 / precision, mean, variance)
        if level < LEVELS - 1:
            mean, variance = A[level] * z, Q[level]
    return total + surprise(x, W * z, R)


def stack_by_draw(x: Tensor) -> Tensor:
    """As above from below: log q - log p at every draw that a posterior reads, and the KL of the top one."""
    torch.manual_seed(7)
    steps, total, under = [*zip(A, Q, strict=True), (W, R)], torch.zeros(len(x)).double(), x
    for level in range(LEVELS - 1, -1, -1):
        gain, variance = reversed_step(marginals()[level], *steps[level])
        m = gain * under
        z = draw(m, variance)
        total = total + surprise(under, steps[level][0] * z, steps[level][1])
        total = total - surprise(z, m, variance) if level else total + kl(m, variance, torch.zeros(D), torch.ones(D))
        under = z
    return total


def cases() -> list[Case]:
    x = data()
    models: dict[str, Model] = {"ladder": ladder().double(), "stack": stack().double()}
    by_draw = {"ladder": ladder_by_draw(x), "stack": stack_by_draw(x)}
    weighed = [
        Case(f"{name}: every weight is the evidence", model, ImportanceWeighted(3), {"x": x}, -evidence(x))
        for name, model in models.items()
    ]
    bounds = [
        Case(f"{name}: distortion and rates at the draws", model, Distortion() + Rate(), {"x": x}, by_draw[name])
        for name, model in models.items()
    ]
    return weighed + bounds
