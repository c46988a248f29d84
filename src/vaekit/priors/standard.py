"""Priors of one fixed density: heavier tails than a normal's, a box, positive numbers, numbers in (0, 1), shares."""

from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
from torch import Tensor
from torch import distributions as td
from torch.distributions import Distribution, Independent

from vaekit.conditionals.bounded import box
from vaekit.conditionals.conditional import POSITIVE, SIMPLEX, UNIT_INTERVAL, as_shape
from vaekit.conditionals.scales import positive
from vaekit.priors.prior import Prior

__all__ = [
    "BetaPrior",
    "DirichletPrior",
    "GammaPrior",
    "StandardCauchy",
    "StandardLaplace",
    "StandardStudentT",
    "UniformBox",
]


class Fixed(Prior):
    """Independent draws of one family with the same numbers everywhere."""

    family: ClassVar[Callable[..., Distribution]]

    def __init__(self, event_shape: int | Sequence[int], **numbers: float) -> None:
        super().__init__()
        self.event_shape, self.names = as_shape(event_shape, "event_shape"), tuple(numbers)
        for name, value in numbers.items():
            self.register_buffer(name, torch.full(self.event_shape, float(value)), persistent=False)

    def forward(
        self, context: Tensor | None = None, *, posterior: Callable[..., Distribution] | None = None
    ) -> Distribution:
        """Batch shape ()."""
        each = type(self).family(**{name: getattr(self, name) for name in self.names}, validate_args=False)
        return Independent(each, len(self.event_shape), validate_args=False)


class StandardLaplace(Fixed):
    """exp(-|z|) / 2 for every element."""

    family, needs = td.Laplace, 1.0

    def __init__(self, event_shape: int | Sequence[int]) -> None:
        super().__init__(event_shape, loc=0.0, scale=1.0)


class StandardStudentT(Fixed):
    """Student's t with `df` degrees of freedom, location 0 and scale 1, for every element."""

    family, needs = td.StudentT, 0.0

    def __init__(self, event_shape: int | Sequence[int], df: float = 5.0) -> None:
        super().__init__(event_shape, df=positive(df, "df"), loc=0.0, scale=1.0)


class StandardCauchy(Fixed):
    """1 / (pi (1 + z^2)) for every element."""

    family, needs = td.Cauchy, 0.0

    def __init__(self, event_shape: int | Sequence[int]) -> None:
        super().__init__(event_shape, loc=0.0, scale=1.0)


class UniformBox(Fixed):
    """Every element anywhere from `least` to `most`, with the same density."""

    family, needs = td.Uniform, 0.0

    def __init__(self, event_shape: int | Sequence[int], least: float = -1.0, most: float = 1.0) -> None:
        if not least < most:
            raise ValueError(f"least must lie below most, got {least} and {most}")
        super().__init__(event_shape, low=least, high=most)
        self.space = box(least, most)


class GammaPrior(Fixed):
    """Positive numbers, each Gamma(concentration, rate)."""

    family, space, needs = td.Gamma, POSITIVE, 1.0

    def __init__(self, event_shape: int | Sequence[int], concentration: float = 1.0, rate: float = 1.0) -> None:
        super().__init__(
            event_shape, concentration=positive(concentration, "concentration"), rate=positive(rate, "rate")
        )


class BetaPrior(Fixed):
    """Numbers in (0, 1), each Beta(concentration1, concentration0); uniform if nothing is said."""

    family, space, needs = td.Beta, UNIT_INTERVAL, 0.0

    def __init__(
        self, event_shape: int | Sequence[int], concentration1: float = 1.0, concentration0: float = 1.0
    ) -> None:
        one, zero = positive(concentration1, "concentration1"), positive(concentration0, "concentration0")
        super().__init__(event_shape, concentration1=one, concentration0=zero)


class DirichletPrior(Fixed):
    """`size` shares that sum to 1, Dirichlet(concentration, ..., concentration); uniform if nothing is said."""

    space, needs = SIMPLEX, 0.0

    def __init__(self, size: int, concentration: float = 1.0) -> None:
        super().__init__(size, concentration=positive(concentration, "concentration"))
        if self.event_shape[0] < 2:
            raise ValueError(f"size must be at least 2, got {size}")

    def forward(
        self, context: Tensor | None = None, *, posterior: Callable[..., Distribution] | None = None
    ) -> Distribution:
        """Batch shape ()."""
        return td.Dirichlet(self.concentration, validate_args=False)  # type: ignore[arg-type]
