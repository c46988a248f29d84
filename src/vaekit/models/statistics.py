"""Running moments of posteriors over a data set: which latent dimensions carry information."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import Distribution

from vaekit.distributions.point_mass import PointMass
from vaekit.distributions.tails import middle_of, width_of
from vaekit.models.choices import is_discrete
from vaekit.models.inference import Inference, Latent

__all__ = ["ACTIVE", "LatentStatistics"]

ACTIVE = 0.01  # Burda et al. 2016, sec. 5.2: a unit is active where the variance of its posterior mean exceeds this


@dataclass
class _Moments:
    count: int
    mean: Tensor
    squares: Tensor
    rate: Tensor
    examples: int


class LatentStatistics:
    """Per latent and element: the variance over examples of E[z|x], and the mean rate in nats. Float64 inside.

    E[z|x] is an average over draws and enumerated values of what its posterior also depends on, told from the prior's
    mean in the prior's standard deviations: a latent that only follows its prior (that of a lower level, or of a
    context) says nothing of x, however far that prior moves, and one that lies on a sphere is not idle for being small.
    Of a latent over time every step that exists is counted into the variance, and the rate of an example is that of all
    its steps.
    """

    def __init__(self) -> None:
        self._moments: dict[str, _Moments] = {}

    def add(self, inference: Inference) -> None:
        """Count one batch in; latents without a posterior mean are left out."""
        for name, latent in inference.latents.items():
            means = [mean_of(inference, step) for step in latent.steps]
            known = [mean for mean in means if mean is not None]
            if len(known) < len(means):
                continue
            mean, rate = (
                torch.cat(known) if latent.mask is None else counted(known, latent.mask),
                rate_of(inference, latent),
            )
            split = rate.shape[1:] == mean.shape[1:]
            self._fold(name, mean, rate if split else torch.full_like(mean, torch.nan))

    def _fold(self, name: str, mean: Tensor, rate: Tensor) -> None:
        squares = mean.var(0, correction=0) * len(mean)
        batch = _Moments(len(mean), mean.mean(0), squares, rate.sum(0), len(rate))
        old = self._moments.get(name)
        if old is not None:
            count, shift = old.count + batch.count, batch.mean - old.mean
            batch = _Moments(
                count,
                old.mean + shift * (batch.count / count),
                old.squares + batch.squares + shift.square() * (old.count * batch.count / count),
                old.rate + batch.rate,
                old.examples + batch.examples,
            )
        self._moments[name] = batch

    def variance(self) -> dict[str, Tensor]:
        """Var over examples of E[z|x], by latent: (*event)."""
        return {name: m.squares / m.count for name, m in self._moments.items()}

    def rate(self) -> dict[str, Tensor]:
        """Mean rate of every element, by latent: (*event), nats; where it splits over elements."""
        return {name: m.rate / m.examples for name, m in self._moments.items() if not bool(m.rate.isnan().any())}

    def active(self) -> dict[str, tuple[int, int]]:
        """How many elements are active, and of how many, by latent."""
        return {name: (int((v > ACTIVE).sum()), v.numel()) for name, v in self.variance().items()}


def mean_of(inference: Inference, latent: Latent) -> Tensor | None:
    """E[z|x] of one latent, or of one step of it, (B, *event) beside its prior; None where it has none."""
    q = latent.posterior
    if q is None or latent.prior is None or not q.batch_shape or not continuous(q):
        return None
    return inference.expect(beside_prior(q, latent.prior).double(), len(q.event_shape))


def rate_of(inference: Inference, latent: Latent) -> Tensor:
    """The rate of every element, of all steps together, (B, *event)."""
    rate = inference.expect(latent.masked(latent.rate_elements.double()), latent.event_rank + latent.timed)
    return rate.sum(1) if latent.timed else rate


def counted(means: list[Tensor], mask: Tensor) -> Tensor:
    """Those of the means of all steps (B, *event) that the mask (B, T) counts, one below the other."""
    return torch.stack(means, 1)[mask]


def beside_prior(q: Distribution, p: Distribution) -> Tensor:
    """The mean of q, from that of p in standard deviations of p where p has both; of heavy tails locations and scales."""
    try:
        return (middle_of(q) - middle_of(p)) / width_of(p)
    except NotImplementedError:
        return middle_of(q)


def continuous(q: Distribution) -> bool:
    """Whether q has a mean to speak of and a rate: neither a point mass nor discrete."""
    return not (isinstance(q, PointMass) or is_discrete(q))
