"""What one dimension of a code tells of one factor, in nats, from counts in bins."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vaekit.evaluation.disentanglement.points import Points

__all__: list[str] = []

BINS = 20


def mutual_information(points: Points, bins: int = BINS) -> Float[Tensor, "D F"]:
    """I(z_j; v_k) = sum p(b, v) log p(b, v) / (p(b) p(v)) over the bins b of every dimension j and every factor k, nats.

    From the counts of N points, so above the truth: of a z_j that knows nothing of a factor of v values, it is
    (bins - 1)(v - 1) / 2N on average where all bins are filled (Wilks 1938).
    """
    cells, n = in_bins(points.codes, bins), len(points)
    column = torch.arange(points.dimensions) * bins
    found = []
    for values, size in points.columns():
        joint = (
            ((cells + column) * size + values[:, None]).flatten().bincount(minlength=points.dimensions * bins * size)
        )
        shares = joint.view(points.dimensions, bins, size).double() / n
        alone = shares.sum(2, keepdim=True) * shares.sum(1, keepdim=True)
        found.append(torch.where(shares > 0, shares * (shares / alone).log(), 0).sum((1, 2)))
    moving = cells.amax(0, keepdim=True).T > 0  # what has no range knows nothing, and nothing by rounding
    return torch.stack(found, 1).clamp(min=0) * moving


def entropies(points: Points) -> Float[Tensor, " F"]:
    """H(v_k) of every factor, nats."""
    shares = [values.bincount(minlength=size).double() / len(points) for values, size in points.columns()]
    return torch.stack([entropy(share) for share in shares])


def entropy(shares: Float[Tensor, "*batch n"]) -> Float[Tensor, "*batch"]:
    """-sum p log p over the last axis, with 0 log 0 = 0."""
    return torch.special.entr(shares).sum(-1)


def in_bins(codes: Float[Tensor, "N D"], bins: int) -> Int[Tensor, "N D"]:
    """Which of `bins` equal parts of its dimension's range each number lies in; all in the first, where there is no range."""
    low, high = codes.aminmax(dim=0)
    width = torch.where(high > low, high - low, 1.0)
    return ((codes - low) * bins / width).long().clamp(max=bins - 1)
