"""The covariance of the aggregate posterior held at the identity (Kumar et al. 2018, "DIP-VAE")."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from vaekit.models.inference import Inference
from vaekit.networks.whole_batch import batch_mean, whole_batch
from vaekit.objectives.objective import Coefficients, Term
from vaekit.objectives.terms import named

__all__ = ["CovariancePenalty", "covariance", "from_identity"]


class CovariancePenalty(Term):
    """off_diagonal * sum of squared covariances + diagonal * sum of (variance - 1)^2, over the batch: a number ().

    Of the posteriors' means (DIP-VAE-I, eq. 6), or with `noise` of the draws, Cov[mean] + E[variance of q] (DIP-VAE-II,
    eq. 7). With several processes it is that of their whole batch. It does not judge a model.
    """

    judges = False

    def __init__(
        self, name: str = "z", *, off_diagonal: float = 10.0, diagonal: float = 10.0, noise: bool = False
    ) -> None:
        super().__init__("covariance" if name == "z" else f"covariance:{name}")
        for said, weight in (("off_diagonal", off_diagonal), ("diagonal", diagonal)):
            if not 0 <= weight < math.inf:
                raise ValueError(f"{said} must be a finite number of at least 0, got {weight}")
        self.name, self.off_diagonal, self.diagonal, self.noise = name, off_diagonal, diagonal, noise

    def forward(self, inference: Inference, coefficients: Coefficients) -> Tensor:
        """()."""
        q = named(inference.latents, self.name, "latent").belief()
        found = covariance(q.mean.flatten(1))
        if self.noise:
            found = found + torch.diag(batch_mean(q.variance.flatten(1)))
        return from_identity(found, self.off_diagonal, self.diagonal)

    def extra_repr(self) -> str:
        """The weights, and which of the two it is."""
        shown = [] if self.name == "z" else [repr(self.name)]
        shown += [f"off_diagonal={self.off_diagonal:g}", f"diagonal={self.diagonal:g}"]
        return ", ".join(shown + (["noise=True"] if self.noise else []))


def covariance(rows: Float[Tensor, "B D"]) -> Float[Tensor, "D D"]:
    """The covariance of rows over the batch of all processes, divided by its size."""
    rows = whole_batch(rows)
    centred = rows - rows.mean(0)
    return centred.T @ centred / rows.shape[0]


def from_identity(matrix: Float[Tensor, "D D"], off_diagonal: float, diagonal: float) -> Float[Tensor, ""]:
    """off_diagonal * sum_{i != j} C_ij^2 + diagonal * sum_i (C_ii - 1)^2."""
    variances = matrix.diagonal()
    others = matrix.square().sum() - variances.square().sum()
    return off_diagonal * others + diagonal * (variances - 1).square().sum()
