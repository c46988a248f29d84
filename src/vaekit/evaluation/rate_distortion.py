"""Rate and distortion of a model, and the exact curve of a normal source (Cover & Thomas 2006, sec. 10.3.3)."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from vaekit.data import Split
from vaekit.distributions import has_mean
from vaekit.evaluation.likelihood import PerExample, bound
from vaekit.evaluation.passes import evaluating, walks
from vaekit.models.model import Model

__all__ = ["NormalSource", "RatePoint", "rate_point"]

HALVINGS = 200


@dataclass(frozen=True, eq=False)
class RatePoint:
    """What a model pays for what it keeps: rate and distortion -log p(x|z), nats, and E |x - E[x|z]|^2, per example."""

    rate: PerExample
    distortion: PerExample
    squared_error: PerExample

    def to_dict(self) -> dict[str, Any]:
        """Means and standard errors."""
        named = {"rate": self.rate, "distortion": self.distortion, "squared_error": self.squared_error}
        return {name: {"mean": part.mean, "standard_error": part.standard_error} for name, part in named.items()}


def rate_point(model: Model, split: Split, *, seed: int = 0, batch_size: int = 500) -> RatePoint:
    """All three on a split, with one draw of q(z|x) for each example.

    Raises ValueError for a model without a rate. Where p(x|z) has no mean (categories) the squared error is NaN.
    """
    parts = bound(model, split, seed=seed, batch_size=batch_size)
    if parts.rate is None:
        raise ValueError(f"there is no rate: {' and '.join(parts.without_rate)} has no prior or no noise")
    errors = []
    with evaluating(model):
        for inference in walks(model, split, 1, seed, batch_size, None):
            x, p_x = inference.data["x"], inference.likelihoods["x"].distribution
            shown = p_x.mean if has_mean(p_x) else torch.full_like(x, math.nan).expand(1, *x.shape)
            leading = shown.ndim - (x.ndim - 1)
            errors.append(inference.expect((shown - x).square().flatten(leading).sum(-1)).double().cpu())
    return RatePoint(parts.rate, parts.distortion, PerExample(torch.cat(errors)))


@dataclass(frozen=True, eq=False)
class NormalSource:
    """A normal source by the eigenvalues of its covariance (d,), of which a code of `kept` numbers can tell the largest.

    With the level t, every kept direction of a larger variance v costs 1/2 log(v / t) nats and keeps an error of t, and all
    others cost nothing and keep their variance: reverse water-filling. A source of the same covariance that is not normal
    has no higher curve.
    """

    variances: Float[Tensor, " d"]
    kept: int

    @classmethod
    def of(cls, x: Float[Tensor, "N *event"], kept: int | None = None) -> "NormalSource":
        """That of examples, in float64. Raises ValueError for fewer than two."""
        if len(x) < 2:
            raise ValueError(f"a covariance needs at least 2 examples, got {len(x)}")
        flat = x.flatten(1).double()
        variances = (
            torch.linalg.eigvalsh((flat - flat.mean(0)).T @ (flat - flat.mean(0)) / len(flat)).flip(0).clamp_min(0)
        )
        return cls(variances, len(variances) if kept is None else min(kept, len(variances)))

    def at(self, level: float) -> tuple[float, float]:
        """Rate (nats) and squared error of an example at a level."""
        told = self.variances[: self.kept]
        rate = 0.5 * (told.clamp_min(level) / level).log().sum()
        return float(rate), float(told.clamp_max(level).sum() + self.variances[self.kept :].sum())

    def level(self, beta: float, noise: float | None = None) -> float:
        """Where distortion + beta rate is least, the distortion being |x - y|^2 / (2 s^2): beta s^2.

        `noise` is s^2; if not said it is learned with the rest, and then the mean squared error of an element, so that the
        level is found by halving.
        """
        if noise is not None:
            return beta * noise
        low, high = 0.0, beta * float(self.variances.sum())
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            too_low = middle < beta * self.at(middle)[1] / len(self.variances)
            low, high = (middle, high) if too_low else (low, middle)
        return high

    def curve(self, points: int = 200) -> list[tuple[float, float]]:
        """Rates and errors from a rate of zero down to levels a thousandth of the least variance that is told."""
        told = self.variances[: self.kept]
        told = told[told > 1e-12 * told[0]]
        ends = math.log(float(told[0])), math.log(float(told[-1]) * 1e-3)
        return [self.at(math.exp(ends[0] + (ends[1] - ends[0]) * i / (points - 1))) for i in range(points)]
