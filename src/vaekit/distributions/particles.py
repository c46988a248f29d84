"""Draws of a tilted normal, and its normaliser, by particles that the tilt is brought to bear on little by little."""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from vaekit.distributions.hamiltonian import first_step, hamiltonian_move, tuned

__all__ = ["tilted_particles"]

Tilt = Callable[[Tensor], Tensor]
KEPT = 0.7  # the share of particles that count after a step, at least
MOVES, LEAPFROGS, STAGES = 3, 4, 200
HALVINGS = 30


@torch.no_grad()
def tilted_particles(
    tilt: Tilt, noise: Float[Tensor, "N D"], generator: torch.Generator | None = None
) -> tuple[Float[Tensor, "N D"], Float[Tensor, ""]]:
    """Draws of p(z) = exp(f(z)) N(z; 0, I) / Z, and log Z, nats, from draws of the normal.

    f = `tilt` maps (N, D) to (N,). Sequential Monte Carlo: the exponent b of exp(b f) rises from 0 to 1 in steps after
    which 70 % of the particles still count; they are resampled by their weights and moved by Hamiltonian moves; Del Moral
    et al. 2006, sec. 2.3.1, with steps as in Jasra et al. 2011. The estimate of Z has next to no bias, so log Z is a
    little low on average. NaN where the tilt has no number, or is so steep that 200 steps do not reach it.
    """
    z, at = noise, 0.0
    log_z = torch.zeros((), dtype=torch.float64, device=noise.device)
    length = noise.new_tensor(first_step(noise.shape[1]) / 2)
    for _ in range(STAGES):
        gains = tilt(z).double()
        if not bool(gains.isfinite().all()):
            return z, log_z + math.nan
        by = next_share(gains, at) - at
        log_z = log_z + (by * gains).logsumexp(0) - math.log(len(z))
        z, at = z[resampled((by * gains).softmax(0), generator)], at + by
        for _ in range(MOVES):
            z, chance = hamiltonian_move(
                lambda v, at=at: at * tilt(v) - v.square().sum(1) / 2,  # type: ignore[misc]
                z,
                length.expand(len(z)),
                LEAPFROGS,
                generator,
            )
            length = tuned(length, chance.mean())
        if at >= 1:
            return z, log_z
    return z, log_z + math.nan


def next_share(gains: Float[Tensor, " N"], at: float) -> float:
    """The largest exponent up to 1 at which (sum w)^2 / sum w^2 of the weights exp((b - at) f) is 70 % of N."""

    def counting(b: float) -> float:
        weights = ((b - at) * gains).softmax(0)
        return float(1 / weights.square().sum()) / len(gains)

    if counting(1.0) >= KEPT:
        return 1.0
    low, high = at, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if counting(middle) >= KEPT else (low, middle)
    return high


def resampled(weights: Float[Tensor, " N"], generator: torch.Generator | None) -> Tensor:
    """Rows (N,), each as often as its weight says, by one uniform number; Kitagawa 1996 (systematic resampling)."""
    n = len(weights)
    start = torch.rand((), generator=generator, device=weights.device, dtype=weights.dtype)
    points = (torch.arange(n, device=weights.device, dtype=weights.dtype) + start) / n
    return torch.searchsorted(weights.cumsum(0), points).clamp_max(n - 1)
