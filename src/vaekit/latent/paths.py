"""Values of a latent in a row: between two of them, along one dimension, over the plane."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["halfway", "quantile_grid", "spherical", "straight", "traversal"]

PARALLEL = 1e-4  # radians, below which the arc and the chord are the same line in float32


def straight(a: Float[Tensor, "*latent"], b: Float[Tensor, "*latent"], steps: int) -> Float[Tensor, "S *latent"]:
    """a + t (b - a) at `steps` even t from 0 to 1, both ends included."""
    t = shares(a, b, steps)
    return a + t * (b - a)


def spherical(a: Float[Tensor, "*latent"], b: Float[Tensor, "*latent"], steps: int) -> Float[Tensor, "S *latent"]:
    """Along the great circle from a to b, the norm going evenly from |a| to |b|; Shoemake 1985, White 2016.

    Draws of a normal in D dimensions have norms near sqrt(D), and so have all values on this path; those in the middle
    of a straight line are shorter. Parallel or opposite a and b, and a or b of no length, are joined by a straight line.
    """
    t = shares(a, b, steps)
    lengths = a.norm(), b.norm()
    if min(map(float, lengths)) == 0:
        return straight(a, b, steps)
    ends = a / lengths[0], b / lengths[1]
    angle = torch.atan2((ends[0] - ends[1]).norm(), (ends[0] + ends[1]).norm()) * 2
    if not PARALLEL < float(angle) < math.pi - PARALLEL:
        return straight(a, b, steps)
    direction = (torch.sin((1 - t) * angle) * ends[0] + torch.sin(t * angle) * ends[1]) / torch.sin(angle)
    return direction * (lengths[0] + t * (lengths[1] - lengths[0]))


def halfway(a: Tensor, b: Tensor, steps: int) -> Tensor:
    """a for the first half of the steps, then b: for what cannot lie between. (*latent) each to (S, *latent)."""
    early = (steps + 1) // 2
    return torch.cat([a.expand(early, *a.shape), b.expand(steps - early, *b.shape)])


def traversal(
    z: Float[Tensor, "*latent"], dimension: int, values: Sequence[float] | Tensor, timed: bool = False
) -> Float[Tensor, "S *latent"]:
    """z with element `dimension` (of its flat order) set to each of `values`, the others left alone.

    `timed`: the first axis of z is time, and the element is set at every step.
    """
    steps = z.flatten(1) if timed else z.reshape(1, -1)
    if not 0 <= dimension < steps.shape[1]:
        raise ValueError(f"dimension must lie between 0 and {steps.shape[1] - 1}, got {dimension}")
    given = torch.as_tensor(values, dtype=z.dtype, device=z.device)
    rows = steps.repeat(len(given), 1, 1)
    rows[:, :, dimension] = given[:, None]
    return rows.reshape(len(given), *z.shape)


def quantile_grid(n: int) -> Float[Tensor, "N 2"]:
    """n x n points of the plane, row by row from the top left, at even quantiles of a standard normal in both axes.

    The midpoints (i + 1/2) / n of n equal shares, so that every point stands for as much of the prior as any other;
    Kingma & Welling 2014, fig. 4.
    """
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}")
    z = torch.distributions.Normal(0.0, 1.0).icdf((torch.arange(n) + 0.5) / n)
    down, across = torch.meshgrid(z.flip(0), z, indexing="ij")
    return torch.stack([across, down], -1).reshape(-1, 2)


def shares(a: Tensor, b: Tensor, steps: int) -> Tensor:
    """`steps` numbers from 0 to 1 with an axis for each of a's; a and b are checked."""
    if a.shape != b.shape:
        raise ValueError(f"a and b must have one shape, got {tuple(a.shape)} and {tuple(b.shape)}")
    if steps < 2:
        raise ValueError(f"steps must be at least 2, the ends included, got {steps}")
    return torch.linspace(0, 1, steps, dtype=a.dtype, device=a.device).reshape(-1, *(1,) * a.ndim)
