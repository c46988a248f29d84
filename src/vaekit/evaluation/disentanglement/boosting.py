"""Gradient boosting of small trees for classes (Friedman 2001, sec. 4.6), on codes in bins: several trees at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["boosted"]

STAGES, RATE, DEPTH = 100, 0.1, 3
BINS = 256
TOGETHER = 4  # trees, whose points fit a processor's cache
ALIKE = 1e-9  # of a gain: less is rounding
NEVER = 1e-150  # a sum of p (1 - p), below which a leaf's residuals are taken for zero

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Trees:
    """K of them: of every level, by class and node, which dimension is asked, and the last bin that goes left.

    `leaves` (K, 2^depth) is what is added to the log-odds of the class.
    """

    asked: list[tuple[Ints, Ints]]
    leaves: Floats


def boosted(z: Floats, values: Ints, new: Floats) -> tuple[Floats, NDArray]:
    """How much each dimension of z (N, D) helps to predict `values` (N,), (D,) in sum 1, and predictions at `new` (M,).

    100 stages of trees of depth 3, one for each class, on the residuals y - p of the multinomial likelihood, at a rate of
    0.1: the model of scikit-learn's GradientBoostingClassifier with its defaults, and its importances (how much splits
    lower the squared error of the residuals), but splits are looked for between 256 bins of each dimension.
    """
    classes, y = np.unique(values, return_inverse=True)
    edges = [edges_of(column) for column in z.T]
    bins, new_bins = in_bins(z, edges), in_bins(new, edges)
    members = np.eye(len(classes))[:, y.reshape(-1)]  # (K, N)
    prior = np.log(members.mean(1, keepdims=True))
    log_odds, predicted = prior.repeat(len(z), 1), prior.repeat(len(new), 1)
    importance = np.zeros(z.shape[1])
    for _ in range(STAGES):
        residuals = members - softmax(log_odds)
        for start in range(0, len(classes), TOGETHER):
            some = slice(start, start + TOGETHER)
            trees, nodes, gains = grown(bins, residuals[some], (len(classes) - 1) / len(classes))
            importance += gains
            log_odds[some] += RATE * np.take_along_axis(trees.leaves, nodes, 1)
            predicted[some] += RATE * np.take_along_axis(trees.leaves, reached(trees, new_bins), 1)
    return importance / max(importance.sum(), NEVER), classes[predicted.argmax(0)]


def edges_of(column: Floats) -> Floats:
    """Where bins part: halfway between neighbouring values, of all where they are few, else of quantiles."""
    there = np.unique(column)
    if len(there) > BINS:
        there = np.unique(np.quantile(column, np.linspace(0, 1, BINS), method="nearest"))
    return (there[1:] + there[:-1]) / 2


def in_bins(z: Floats, edges: list[Floats]) -> Ints:
    """The bin of every number, (D, N)."""
    return np.stack([np.searchsorted(e, column) for e, column in zip(edges, z.T, strict=True)])


def softmax(log_odds: Floats) -> Floats:
    """Probabilities over the first axis."""
    up = np.exp(log_odds - log_odds.max(0))
    return up / up.sum(0)


def grown(bins: Ints, residuals: Floats, share: float) -> tuple[Trees, Ints, Floats]:
    """A tree for the residuals (K, N) of every class, the leaf that each point falls in, and each dimension's gain.

    Leaves hold `share` of a Newton step.
    """
    classes, n = residuals.shape
    nodes, gains, asked = np.zeros((classes, n), np.int64), np.zeros(len(bins)), []
    for level in range(DEPTH):
        dimension, last, gain = best_splits(*histograms(bins, residuals, nodes, 1 << level))
        gains += gain.sum((0, 1))
        asked.append((dimension, last))
        nodes = children(nodes, dimension, last, bins)
    return Trees(asked, share * newton_steps(residuals, nodes)), nodes, gains / n


def histograms(bins: Ints, residuals: Floats, nodes: Ints, width: int) -> tuple[Floats, Floats]:
    """Sums of residuals, and numbers of points, by class, node, dimension and bin: (K, width, D, BINS)."""
    classes = len(residuals)
    cells, weights, size = numbered(nodes, width) * BINS, residuals.ravel(), classes * width * BINS
    sums, counts = (np.empty((classes, width, len(bins), BINS)) for _ in range(2))
    for d, own in enumerate(bins):
        index = (cells + own).ravel()
        sums[:, :, d] = np.bincount(index, weights, size).reshape(classes, width, BINS)
        counts[:, :, d] = np.bincount(index, minlength=size).reshape(classes, width, BINS)
    return sums, counts


def numbered(nodes: Ints, width: int) -> Ints:
    """Nodes (K, N) of trees of `width` nodes, numbered through all classes."""
    return np.arange(len(nodes))[:, None] * width + nodes


def best_splits(sums: Floats, counts: Floats) -> tuple[Ints, Ints, Floats]:
    """By class and node, the dimension and the last bin to the left that lower the squared error most, and by how much.

    n_l n_r / n (mean_l - mean_r)^2 = (n_r s_l - n_l s_r)^2 / (n_l n_r n). Nodes that cannot be split go left whole. What
    splits gain is told by dimension (K, M, D), and shared by those that part a node equally well.
    """
    left, n_left = sums.cumsum(-1), counts.cumsum(-1)
    n = n_left[..., -1:]
    parts = n_left * (n - n_left) * n
    gain = np.square(n * left - n_left * left[..., -1:]) / np.where(parts > 0, parts, np.inf)
    each = gain.max(-1)  # (K, M, D)
    dimension, most = each.argmax(-1), each.max(-1, keepdims=True)
    last = np.take_along_axis(gain, dimension[..., None, None], 2)[:, :, 0].argmax(-1)
    tied = (each >= most * (1 - ALIKE)) & (most > 0)
    return dimension, np.where(most[..., 0] > 0, last, BINS), most * tied / np.maximum(tied.sum(-1, keepdims=True), 1)


def children(nodes: Ints, dimension: Ints, last: Ints, bins: Ints) -> Ints:
    """The node on the next level of every class (rows) and point."""
    here = numbered(nodes, dimension.shape[1])
    shown = bins.ravel().take(dimension.ravel().take(here) * bins.shape[1] + np.arange(bins.shape[1]))
    return 2 * nodes + (shown > last.ravel().take(here))


def reached(trees: Trees, bins: Ints) -> Ints:
    """The leaf that new points fall in, (K, M)."""
    nodes = np.zeros((len(trees.leaves), bins.shape[1]), np.int64)
    for dimension, last in trees.asked:
        nodes = children(nodes, dimension, last, bins)
    return nodes


def newton_steps(residuals: Floats, nodes: Ints) -> Floats:
    """sum r / sum |r| (1 - |r|) over the points of each leaf, (K, 2^depth); Friedman 2001, eq. 29."""
    width, far = 1 << DEPTH, np.abs(residuals)
    index, size = numbered(nodes, width).ravel(), len(residuals) * width
    total = np.bincount(index, residuals.ravel(), size)
    curvature = np.bincount(index, (far * (1 - far)).ravel(), size)
    return np.where(curvature > NEVER, total / np.maximum(curvature, NEVER), 0).reshape(-1, width)
