"""Probabilistic principal components in closed form: the optimum of a linear VAE (Tipping & Bishop 1999)."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from vaekit.evaluation.passes import check_count

__all__ = ["PPCA", "ppca"]


@dataclass(frozen=True, eq=False)
class PPCA:
    """x = W z + mean + sigma e with z, e ~ N(0, I), at its maximum likelihood; float64.

    `axes` (d, k) are the principal directions and `spread` (k,) the variances along them, largest first; `noise` is
    sigma^2. The likelihood does not tell W from W R for a rotation R: here R = I, so that q(z|x) factorises.
    """

    mean: Float[Tensor, " d"]
    axes: Float[Tensor, "d k"]
    spread: Float[Tensor, " k"]
    noise: float

    @property
    def weight(self) -> Float[Tensor, "d k"]:
        """W = U (Lambda - sigma^2 I)^(1/2); Tipping & Bishop 1999, eq. 15."""
        return self.axes * (self.spread - self.noise).sqrt()

    @property
    def encoder(self) -> Float[Tensor, "k d"]:
        """V of the posterior mean V (x - mean): (Lambda - sigma^2 I)^(1/2) Lambda^-1 U^T."""
        return ((self.spread - self.noise).sqrt() / self.spread).unsqueeze(-1) * self.axes.T

    @property
    def posterior_variance(self) -> Float[Tensor, " k"]:
        """Of every z_j given x, the same for all x: sigma^2 / lambda_j."""
        return self.noise / self.spread

    def posterior_mean(self, x: Float[Tensor, "N *event"]) -> Float[Tensor, "N k"]:
        """E[z|x]."""
        return self._centred(x) @ self.encoder.T

    def log_likelihood(self, x: Float[Tensor, "N *event"]) -> Float[Tensor, " N"]:
        """log N(x; mean, W W^T + sigma^2 I), nats."""
        centred, d, k = self._centred(x), len(self.mean), len(self.spread)
        along = (centred @ self.axes).square()
        across = centred.square().sum(-1) - along.sum(-1)
        log_det = self.spread.log().sum() + (d - k) * math.log(self.noise)
        return -(d * math.log(2 * math.pi) + log_det + (along / self.spread).sum(-1) + across / self.noise) / 2

    def rate(self, x: Float[Tensor, "N *event"]) -> Float[Tensor, " N"]:
        """KL(p(z|x) || p(z)), nats; 1/2 sum_j log(lambda_j / sigma^2) on average over the data it was fitted to."""
        variance = self.posterior_variance
        return (self.posterior_mean(x).square() + variance - 1 - variance.log()).sum(-1) / 2

    def _centred(self, x: Tensor) -> Tensor:
        rows = x.flatten(1)
        if rows.shape[1] != len(self.mean):
            raise ValueError(f"x must hold {len(self.mean)} numbers per example, got shape {tuple(x.shape)}")
        return rows.double() - self.mean


def ppca(x: Float[Tensor, "N *event"], latent: int) -> PPCA:
    """The maximum of the likelihood of `x` with `latent` dimensions; Tipping & Bishop 1999, sec. 3.2.

    By the eigenvectors of the sample covariance (divided by N): O(N d^2 + d^3) time.
    """
    check_count("latent", latent)
    rows = x.flatten(1).double()
    n, d = rows.shape
    if latent >= min(n, d):
        raise ValueError(f"latent must be below the {n} examples and their {d} dimensions, got {latent}")
    mean = rows.mean(0)
    centred = rows - mean
    eigenvalues, vectors = torch.linalg.eigh(centred.T @ centred / n)  # smallest first
    noise = float(eigenvalues[: d - latent].clamp(min=0).mean())
    if noise <= d * torch.finfo(torch.float64).eps * float(eigenvalues[-1]):
        raise ValueError(f"latent must leave some variance unexplained, got {latent}: x has no noise beyond them")
    return PPCA(mean, vectors[:, d - latent :].flip(1), eigenvalues[d - latent :].flip(0), noise)
