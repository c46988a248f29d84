"""Heads over real numbers other than the Gaussian: heavier tails, and the unit interval."""

from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch import distributions as td
from torch.distributions import Distribution, Independent

from vaekit import distributions
from vaekit.conditionals.conditional import Conditional, Parameters
from vaekit.conditionals.scales import Optimal, Scale, as_scale, loc_and_scale, positive

__all__ = ["Cauchy", "ContinuousBernoulli", "Laplace", "StudentT"]

LEAST_DF = 2.0  # above it the mean and the variance exist


class LocationScale(Conditional):
    """Independent densities of one family of locations and scales; `scale`: None, `Shared()` or a float."""

    family: ClassVar[Callable[..., Distribution]]

    def __init__(
        self,
        network: nn.Module,
        event_shape: int | Sequence[int],
        *,
        scale: Scale | float | None = None,
        features: int | Sequence[int] | None = None,
    ) -> None:
        rule = not_optimal(as_scale(scale), type(self).__name__)
        super().__init__(network, event_shape, per_element=1 + rule.per_element, features=features)
        self.scale = rule

    def parametrise(self, h: Tensor) -> Parameters:
        """`loc` and `scale`, each (B, *event)."""
        return loc_and_scale(self.last(h), self.scale)

    def start_at(self, mean: Tensor) -> None:
        """Start `loc` at the mean."""
        self.last.start_at(mean)

    def distribution(self, **parameters: Tensor) -> Distribution:
        """Independent(family) over the event's axes."""
        each = type(self).family(**parameters, validate_args=False)
        return Independent(each, len(self.event_shape), validate_args=False)


class Laplace(LocationScale):
    """Independent Laplace densities, exp(-|x - loc| / scale) / (2 scale): a likelihood whose distance is absolute.

    `scale`: None (one per element, from the network), `Shared()` (one learned number) or a float (fixed); it is the
    mean absolute deviation, and the standard deviation is sqrt(2) of it.
    """

    domains, family = ("real", "unit"), td.Laplace


class StudentT(Conditional):
    """Independent Student's t densities: `df` degrees of freedom, loc, scale.

    `df`: None (one learned number, above 2 so that mean and variance exist, 10 at first) or a float (fixed; at most 1
    there is no mean, and `mean` is nan). `scale` as for `Laplace`; the variance is scale^2 df / (df - 2).
    """

    domains = ("real", "unit")

    def __init__(
        self,
        network: nn.Module,
        event_shape: int | Sequence[int],
        *,
        df: float | None = None,
        scale: Scale | float | None = None,
        features: int | Sequence[int] | None = None,
    ) -> None:
        rule = not_optimal(as_scale(scale), "StudentT")
        super().__init__(network, event_shape, per_element=1 + rule.per_element, features=features)
        self.scale = rule
        self.df: nn.Module = LearnedDf() if df is None else FixedDf(df)

    @property
    def moments(self) -> float:
        """The degrees of freedom; of learned ones the least that they can be."""
        return float(self.df.df) if isinstance(self.df, FixedDf) else LEAST_DF + 1e-6

    def parametrise(self, h: Tensor) -> Parameters:
        """`df`, `loc` and `scale`, each (B, *event)."""
        found = loc_and_scale(self.last(h), self.scale)
        return {"df": self.df().expand(found["loc"].shape)} | found

    def start_at(self, mean: Tensor) -> None:
        """Start `loc` at the mean."""
        self.last.start_at(mean)

    def distribution(self, **parameters: Tensor) -> Distribution:
        """Independent(StudentT) over the event's axes."""
        student = td.StudentT(**parameters, validate_args=False)
        return Independent(student, len(self.event_shape), validate_args=False)


class Cauchy(LocationScale):
    """Independent Cauchy densities, 1 / (pi scale (1 + ((x - loc) / scale)^2)): tails so heavy that there is no mean.

    `scale` as for `Laplace`: half the distance between the quartiles.
    """

    family = td.Cauchy

    @property
    def moments(self) -> float:
        """None from the first on."""
        return 1.0


class LearnedDf(nn.Module):
    """2 + softplus(raw_df): one learned number of degrees of freedom, 10 at first."""

    def __init__(self) -> None:
        super().__init__()
        self.raw_df = nn.Parameter(torch.tensor(8.0).expm1().log())

    def forward(self) -> Tensor:
        """A scalar above 2."""
        return LEAST_DF + F.softplus(self.raw_df)


class FixedDf(nn.Module):
    """Degrees of freedom that are given and not learned."""

    def __init__(self, df: float) -> None:
        super().__init__()
        self.register_buffer("df", torch.tensor(positive(df, "df")))
        self.df: Tensor

    def forward(self) -> Tensor:
        """A scalar above 0."""
        return self.df


class ContinuousBernoulli(Conditional):
    """Independent continuous Bernoullis: a density on [0, 1], for intensities that are not coin flips."""

    domains = ("unit",)

    def __init__(
        self, network: nn.Module, event_shape: int | Sequence[int], *, features: int | Sequence[int] | None = None
    ) -> None:
        super().__init__(network, event_shape, per_element=1, features=features)

    def parametrise(self, h: Tensor) -> Parameters:
        """`logits` (B, *event)."""
        return {"logits": self.last(h)}

    def distribution(self, **parameters: Tensor) -> Distribution:
        """Independent(ContinuousBernoulli) over the event's axes."""
        continuous = distributions.ContinuousBernoulli(**parameters, validate_args=False)
        return Independent(continuous, len(self.event_shape), validate_args=False)


def not_optimal(scale: Scale, head: str) -> Scale:
    """`scale`, which must not be the rule that is optimal for a Gaussian alone."""
    if isinstance(scale, Optimal):
        raise ValueError(f"scale=Optimal() is for Gaussian heads, got it for {head}: use None, Shared() or a number")
    return scale
