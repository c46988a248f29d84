"""What a model uses its latents for: active units, and the rate of every dimension."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from vaekit.data import Split
from vaekit.evaluation.passes import check_count, check_split, evaluating, walks
from vaekit.models.model import Model
from vaekit.models.statistics import ACTIVE, LatentStatistics
from vaekit.training.step import Choices

__all__ = ["LatentUse", "latent_use"]


@dataclass(frozen=True, eq=False)
class LatentUse:
    """One latent over a split: per dimension, the variance over x of E[z|x], and the mean rate in nats.

    E[z|x] is told from the prior's mean, which may differ between examples, in the prior's standard deviations.
    """

    variance: Float[Tensor, "*event"]
    rate: Float[Tensor, "*event"]

    @property
    def active(self) -> int:
        """How many dimensions have a posterior mean whose variance exceeds 0.01; Burda et al. 2016, sec. 5.2."""
        return int((self.variance > ACTIVE).sum())

    @property
    def dimensions(self) -> int:
        """How many there are."""
        return self.variance.numel()

    @property
    def verdict(self) -> str:
        """Whether the latent has collapsed onto its prior, in words."""
        active, dimensions, widest = self.active, self.dimensions, float(self.variance.max())
        if active == 0:
            return (
                f"all {dimensions} dimensions are inactive: E[z|x] is nearly the same for every x (its variance is at "
                f"most {widest:.2g}, active is above {ACTIVE}), and the rate is {float(self.rate.sum()):.2g} nats"
            )
        if active == dimensions:
            return f"all {dimensions} dimensions are active"
        idle = float(self.rate[self.variance <= ACTIVE].sum())
        return (
            f"{active} of {dimensions} dimensions are active; "
            f"the others carry {idle:.2g} of {float(self.rate.sum()):.2f} nats"
        )


def latent_use(
    model: Model, split: Split, *, draws: int = 1, seed: int = 0, batch_size: int = 500, at: Choices | None = None
) -> dict[str, LatentUse]:
    """By latent, for those with a factorised posterior of each example alone; a deterministic or discrete one has none.

    Rates are closed forms where there are some, else estimated at the draws; those of a latent below another one, or of
    later steps, are also averages over the draws of what stands above it.
    """
    check_count("draws", draws)
    check_count("batch_size", batch_size)
    check_split(split)
    statistics = LatentStatistics()
    with evaluating(model):
        for inference in walks(model, split, draws, seed, batch_size, at):
            statistics.add(inference)
    variance, rate = statistics.variance(), statistics.rate()
    return {name: LatentUse(variance[name].cpu(), rate[name].cpu()) for name in rate}
