"""The FactorVAE score: whether the dimension that keeps still says which factor was fixed."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from vaekit.evaluation.disentanglement.points import Points, checked
from vaekit.evaluation.disentanglement.together import AT_ONCE, Together, check_batches, which_factor

__all__ = ["FactorVAEScore", "factor_vae_score"]

IDLE = 0.05  # standard deviation, below which a dimension has no vote


@dataclass(frozen=True, eq=False)
class FactorVAEScore:
    """How often each dimension (rows) was the stillest while each factor (columns) was fixed, to learn from and to test.

    `active` (D,): the dimensions that may be; the others hardly move at all.
    """

    learned: Int[Tensor, "D F"]
    tested: Int[Tensor, "D F"]
    active: Bool[Tensor, " D"]

    @property
    def factors(self) -> Int[Tensor, " D"]:
        """The factor that each dimension stands for, by the majority of what was learned."""
        return self.learned.argmax(1)

    @property
    def score(self) -> float:
        """The share of tests in which that is the fixed factor: 1 / F by chance, 0 where no dimension is active."""
        right = int(self.tested.gather(1, self.factors[:, None]).sum())
        return right / max(1, int(self.tested.sum()))


def factor_vae_score(
    codes: Float[Tensor, "N D"],
    factors: Int[Tensor, "N F"],
    *,
    learn: int = 10_000,
    test: int = 5_000,
    batch: int = 64,
    idle: float = IDLE,
    seed: int = 0,
) -> FactorVAEScore:
    """The accuracy of a majority vote from argmin_j Var_batch(z_j) / Var(z_j) to the fixed factor; Kim & Mnih 2018, sec. 4.

    `learn` and `test` batches of `batch` points that share the value of one factor: factor, value and points are drawn
    evenly, the points with repetition from those that are given. Dimensions with a standard deviation below `idle` are
    left out, as in Locatello et al. 2019.
    """
    check_batches(learn=learn, test=test, batch=batch)
    points = checked(codes, factors, of_each_value=2)
    spread = points.codes.var(0)
    active = spread.sqrt() >= idle
    generator = torch.Generator().manual_seed(seed)
    found = [votes(points, spread, active, (n, batch), generator) for n in (learn, test)]
    return FactorVAEScore(found[0], found[1], active)


def votes(
    points: Points,
    spread: Float[Tensor, " D"],
    active: Bool[Tensor, " D"],
    sizes: tuple[int, int],
    generator: torch.Generator,
) -> Int[Tensor, "D F"]:
    """How often each active dimension varies least, as a share of its `spread`, while each factor is fixed."""
    n, batch = sizes
    found = torch.zeros(points.dimensions, len(points.sizes), dtype=torch.long)
    moving = active.nonzero().flatten()
    if not len(moving):
        return found
    scaled = points.codes[:, moving] / spread[moving].sqrt()
    counts = which_factor(n, len(points.sizes), generator)
    for k, ((values, size), count) in enumerate(zip(points.columns(), counts, strict=True)):
        fixed = torch.randint(size, (count, 1), generator=generator).expand(-1, batch)
        rows = Together.by(values, size).draw(fixed, generator)
        stillest = [scaled[part].var(1).argmin(1) for part in rows.split(AT_ONCE)]
        found[moving, k] = torch.cat(stillest).bincount(minlength=len(moving))
    return found
