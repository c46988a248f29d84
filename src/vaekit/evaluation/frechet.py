"""The Fréchet distance between two clouds of features, each taken for a normal distribution; and its floor."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["Moments", "frechet_bias", "frechet_distance"]


@dataclass(eq=False)
class Moments:
    """The mean (F,) and covariance (F, F) of features that come batch by batch, kept on the CPU in float64.

    Memory is F² whatever the number of examples. Each batch is merged by its own mean, so that a common offset costs
    no digits; Chan et al. 1982, eq. 2.1.
    """

    count: int = 0
    _mean: Tensor | None = None
    _scatter: Tensor | None = None

    def add(self, features: Float[Tensor, "B F"]) -> "Moments":
        """The same moments with these rows in them. Raises ValueError for rows of another width, or not finite."""
        rows = self._checked(features).detach().cpu().double()
        mean = rows.mean(0)
        return self.merge(Moments(len(rows), mean, (rows - mean).T @ (rows - mean)))

    def merge(self, other: "Moments") -> "Moments":
        """The same moments with another's in them."""
        if self._mean is None or self._scatter is None:
            self.count, self._mean, self._scatter = other.count, other._mean, other._scatter
        elif other._mean is not None and other._scatter is not None:
            both, offset = self.count + other.count, other._mean - self._mean
            weight = self.count * other.count / both
            self._scatter = self._scatter + other._scatter + weight * torch.outer(offset, offset)
            self._mean, self.count = self._mean + offset * (other.count / both), both
        return self

    @property
    def mean(self) -> Float[Tensor, " F"]:
        """Over all rows."""
        if self._mean is None:
            raise ValueError("the mean of features needs at least 1 row, got none")
        return self._mean

    @property
    def covariance(self) -> Float[Tensor, "F F"]:
        """Over all rows, divided by their number less one."""
        if self._scatter is None or self.count < 2:
            raise ValueError(f"the covariance of features needs at least 2 rows, got {self.count}")
        return self._scatter / (self.count - 1)

    def distance(self, other: "Moments") -> float:
        """The Fréchet distance to another's."""
        return frechet_distance(self.mean, self.covariance, other.mean, other.covariance)

    def _checked(self, features: Tensor) -> Tensor:
        if features.ndim != 2 or len(features) == 0 or not features.is_floating_point():
            raise ValueError(f"features must be floats of shape (B, F), got {features.dtype} {tuple(features.shape)}")
        if self._mean is not None and features.shape[1] != len(self._mean):
            raise ValueError(f"features must have the {len(self._mean)} columns of before, got {features.shape[1]}")
        if not features.isfinite().all():
            raise ValueError("features must be finite, got nan or infinity")
        return features


def frechet_distance(
    mean_a: Float[Tensor, " F"], cov_a: Float[Tensor, "F F"], mean_b: Float[Tensor, " F"], cov_b: Float[Tensor, "F F"]
) -> float:
    """|m_a - m_b|² + tr(A + B - 2 (A B)^(1/2)): the squared 2-Wasserstein distance of two normals, in float64.

    Dowson & Landau 1982; with features of Inception this is FID, Heusel et al. 2017, eq. 6. The last trace is the sum
    of the singular values of A^(1/2) B^(1/2), which is exact for singular covariances too: no root is taken of a
    rounding error, as it would be of A B.
    """
    check_moments(mean_a, cov_a, "a")
    check_moments(mean_b, cov_b, "b")
    if mean_a.shape != mean_b.shape:
        raise ValueError(f"mean_a and mean_b must have as many features, got {len(mean_a)} and {len(mean_b)}")
    a, b = cov_a.double(), cov_b.to(cov_a.device).double()
    offset = mean_a.double() - mean_b.to(mean_a.device).double()
    shared = torch.linalg.svdvals(root(a) @ root(b)).sum()
    return float((offset.square().sum() + a.trace() + b.trace() - 2 * shared).clamp(min=0))


def frechet_bias(covariance: Float[Tensor, "F F"], n: int, m: int | None = None) -> float:
    """What the distance between samples of `n` and `m` (`n`, if not said) of one normal distribution is on average.

    With eigenvalues l of the covariance, (1/n + 1/m) (sum_i l_i + sum_ij l_i l_j (1 + [i = j]) / (2 (l_i + l_j))): the
    distance expanded to second order in the errors of mean and covariance, whose variances are those of normal draws.
    Right for n far above F. For the identity it is close to F² / (4 n) for each of the two samples, so that a distance
    of d between F features is blurred by less than a tenth once n is above 5 F² / d. Features in tight clusters, as
    those of classes are, lie nearer: their covariance varies less.
    """
    m = n if m is None else m
    if min(n, m) < 2:
        raise ValueError(f"n and m must be at least 2, got {n} and {m}")
    check_moments(covariance[0], covariance, "")
    values = torch.linalg.eigvalsh(covariance.double()).clamp(min=0)
    pairs = values[:, None] * values / (values[:, None] + values).clamp(min=torch.finfo(torch.float64).tiny)
    return float((1 / n + 1 / m) * (values.sum() + (pairs.sum() + pairs.trace()) / 2))


def root(covariance: Float[Tensor, "F F"]) -> Float[Tensor, "F F"]:
    """The symmetric square root; eigenvalues below F eps times the largest are rounding, and count as 0."""
    values, vectors = torch.linalg.eigh(covariance)
    rounding = len(values) * torch.finfo(values.dtype).eps * values[-1].clamp(min=0)
    return (vectors * values.where(values > rounding, 0.0).sqrt()) @ vectors.T


def check_moments(mean: Tensor, covariance: Tensor, which: str) -> None:
    """A mean (F,) and a covariance (F, F), finite and symmetric."""
    name = "_".join(("cov", which)) if which else "covariance"
    if mean.ndim != 1 or covariance.shape != (len(mean), len(mean)):
        raise ValueError(
            f"mean_{which} and {name} must have shapes (F,) and (F, F), got {tuple(mean.shape)} and "
            f"{tuple(covariance.shape)}"
        )
    if not (mean.isfinite().all() and covariance.isfinite().all()):
        raise ValueError(f"mean_{which} and {name} must be finite, got nan or infinity")
    largest = float(covariance.abs().max())
    if float((covariance - covariance.T).abs().max()) > 1e-5 * largest:
        raise ValueError(f"{name} must be symmetric, got a matrix that is not")
