"""Hamiltonian Monte Carlo: moves that leave a density as it is (Duane et al. 1987; Neal 2011)."""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["hamiltonian_move", "leapfrog"]

LogDensity = Callable[[Tensor], Tensor]
AIM = 0.65  # the share of moves to accept; Neal 2011, sec. 4.4
JITTER = 0.2  # of every step, so that no trajectory keeps time with a period of the density; Neal 2011, sec. 3


def hamiltonian_move(
    log_density: LogDensity,
    z: Float[Tensor, "R D"],
    step: Float[Tensor, " R"],
    leapfrogs: int = 10,
    generator: torch.Generator | None = None,
) -> tuple[Float[Tensor, "R D"], Float[Tensor, " R"]]:
    """One transition of every row, which leaves its density f as it is, and the probability with which it was accepted.

    `log_density` maps (R, D) to log f (R,), up to a constant, row by row. A fresh momentum p ~ N(0, I), `leapfrogs`
    steps, and Metropolis' choice by the energy log f(z) - |p|^2 / 2; Neal 2011, sec. 3.2. A trajectory that ends where
    there is no number is refused.
    """
    length = step * (
        1 + JITTER * (2 * torch.rand(z.shape[:1], generator=generator, device=z.device, dtype=z.dtype) - 1)
    )
    before = torch.randn(z.shape, generator=generator, device=z.device, dtype=z.dtype)
    end, after, gain = leapfrog(log_density, z, before, length, leapfrogs)
    change = gain + (before.square() - after.square()).sum(1) / 2
    chance = change.clamp(max=0).exp().nan_to_num(0)
    accepted = torch.rand(chance.shape, generator=generator, device=z.device, dtype=z.dtype) < chance
    return torch.where(accepted.unsqueeze(1), end, z), chance


def leapfrog(
    log_density: LogDensity,
    z: Float[Tensor, "R D"],
    momentum: Float[Tensor, "R D"],
    step: Float[Tensor, " R"],
    count: int,
) -> tuple[Float[Tensor, "R D"], Float[Tensor, "R D"], Float[Tensor, " R"]]:
    """`count` leapfrog steps of dz/dt = p, dp/dt = grad log f(z): where they lead, the momentum there, and what log f
    gained; Neal 2011, sec. 2.3. Reversible, and of unit volume.
    """
    by = step.unsqueeze(1)
    start, force = with_gradient(log_density, z)
    now = start
    for _ in range(count):
        momentum = momentum + by / 2 * force
        z = z + by * momentum
        now, force = with_gradient(log_density, z)
        momentum = momentum + by / 2 * force
    return z, momentum, now - start


def with_gradient(log_density: LogDensity, z: Float[Tensor, "R D"]) -> tuple[Float[Tensor, " R"], Float[Tensor, "R D"]]:
    """log f of every row, and its gradient."""
    with torch.enable_grad():
        at = z.detach().requires_grad_()
        values = log_density(at)
        (gradient,) = torch.autograd.grad(values.sum(), at)
    return values.detach(), gradient


def tuned(
    step: Float[Tensor, "*rows"], acceptance: Float[Tensor, "*rows"], rate: float = 0.5
) -> Float[Tensor, "*rows"]:
    """A step that is longer where more than 0.65 of the moves were accepted, and shorter where fewer were.

    log step + rate (acceptance - 0.65): stochastic approximation at a constant rate; Andrieu & Thoms 2008.
    """
    return step * (rate * (acceptance - AIM)).exp()


def first_step(dimensions: int) -> float:
    """A step for a standard normal in so many dimensions; Neal 2011, sec. 4.4: of the order D^(-1/4)."""
    return math.pow(dimensions, -0.25)
