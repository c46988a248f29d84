"""Running moments of posteriors over a data set: which latent dimensions carry information."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import Distribution

from vaekit.distributions.point_mass import PointMass
from vaekit.models.choices import is_discrete
from vaekit.models.inference import Inference

__all__ = ["ACTIVE", "LatentStatistics"]

ACTIVE = 0.01  # Burda et al. 2016, sec. 5.2: a unit is active where the variance of its posterior mean exceeds this


@dataclass
class _Moments:
    count: int
    mean: Tensor
    squares: Tensor
    rate: Tensor


class LatentStatistics:
    """Per latent and element: the variance over examples of E[z|x], and the mean rate in nats. Float64 inside."""

    def __init__(self) -> None:
        self._moments: dict[str, _Moments] = {}

    def add(self, inference: Inference) -> None:
        """Count one batch in; latents without a posterior mean are left out."""
        for name, latent in inference.latents.items():
            q = latent.posterior
            if q is None or latent.prior is None or len(q.batch_shape) != 1 or not continuous(q):
                continue
            mean, rate = q.mean.double(), latent.rate_elements.double()
            split = rate.shape[rate.ndim - mean.ndim + 1 :] == mean.shape[1:]
            self._fold(name, mean, rate.reshape(-1, *mean.shape).mean(0) if split else torch.full_like(mean, torch.nan))

    def _fold(self, name: str, mean: Tensor, rate: Tensor) -> None:
        batch = _Moments(len(mean), mean.mean(0), mean.var(0, correction=0) * len(mean), rate.sum(0))
        old = self._moments.get(name)
        if old is not None:
            count, shift = old.count + batch.count, batch.mean - old.mean
            batch = _Moments(
                count,
                old.mean + shift * (batch.count / count),
                old.squares + batch.squares + shift.square() * (old.count * batch.count / count),
                old.rate + batch.rate,
            )
        self._moments[name] = batch

    def variance(self) -> dict[str, Tensor]:
        """Var over examples of E[z|x], by latent: (*event)."""
        return {name: m.squares / m.count for name, m in self._moments.items()}

    def rate(self) -> dict[str, Tensor]:
        """Mean rate of every element, by latent: (*event), nats; where it splits over elements."""
        return {name: m.rate / m.count for name, m in self._moments.items() if not bool(m.rate.isnan().any())}

    def active(self) -> dict[str, tuple[int, int]]:
        """How many elements are active, and of how many, by latent."""
        return {name: (int((v > ACTIVE).sum()), v.numel()) for name, v in self.variance().items()}


def continuous(q: Distribution) -> bool:
    """Whether q has a mean to speak of and a rate: neither a point mass nor discrete."""
    return not (isinstance(q, PointMass) or is_discrete(q))
