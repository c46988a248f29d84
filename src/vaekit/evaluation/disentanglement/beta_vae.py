"""The beta-VAE score: whether a line through differences of codes says which factor two points share."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vaekit.evaluation.disentanglement.points import Points, checked
from vaekit.evaluation.disentanglement.together import AT_ONCE, Together, check_batches, which_factor

__all__ = ["BetaVAEScore", "beta_vae_score"]


@dataclass(frozen=True)
class BetaVAEScore:
    """The share of held-out batches whose shared factor a linear classifier names: 1 / F by chance."""

    score: float
    learned: float


def beta_vae_score(
    codes: Float[Tensor, "N D"],
    factors: Int[Tensor, "N F"],
    *,
    learn: int = 10_000,
    test: int = 5_000,
    batch: int = 64,
    seed: int = 0,
) -> BetaVAEScore:
    """The accuracy of a logistic regression from mean |z_1 - z_2| to the factor that pairs share; Higgins et al. 2017, sec. 3.

    `learn` and `test` means over `batch` pairs of points with one value in common, of the same factor in all pairs of a
    mean; factors and first points are drawn evenly, second points from those with that value, with repetition.
    """
    from sklearn.linear_model import LogisticRegression  # scikit-learn takes a second to import

    check_batches(learn=learn, test=test, batch=batch)
    points = checked(codes, factors, of_each_value=2)
    generator = torch.Generator().manual_seed(seed)
    known, new = (differences(points, n, batch, generator) for n in (learn, test))
    line = LogisticRegression(max_iter=1000).fit(known[0].numpy(), known[1].numpy())
    right = [float(line.score(x.numpy(), y.numpy())) for x, y in (new, known)]
    return BetaVAEScore(*right)


def differences(
    points: Points, n: int, batch: int, generator: torch.Generator
) -> tuple[Float[Tensor, "n D"], Int[Tensor, " n"]]:
    """Mean absolute differences over pairs that share a value of a factor, and which factor."""
    counts = which_factor(n, len(points.sizes), generator)
    found, shared = list[Tensor](), torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    for (values, size), count in zip(points.columns(), counts, strict=True):
        first = torch.randint(len(points), (count, batch), generator=generator)
        second = Together.by(values, size).draw(values[first], generator)
        for a, b in zip(first.split(AT_ONCE), second.split(AT_ONCE), strict=True):
            found.append((points.codes[a] - points.codes[b]).abs().mean(1))
    return torch.cat(found), shared
