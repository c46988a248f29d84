"""Heads over values that are positive, between two numbers, or shares of a whole: posteriors for latents of those kinds."""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn
from torch import distributions as td
from torch.distributions import Distribution, Independent

from vaekit.conditionals.conditional import POSITIVE, SIMPLEX, UNIT_INTERVAL, Conditional, Parameters
from vaekit.conditionals.scales import UNIT, positive

__all__ = ["Beta", "Dirichlet", "Gamma", "Uniform"]

NARROW = 1.4  # sigmoid(-NARROW) is about 0.2
FLOOR = 0.05  # of concentrations: below it draws in float32 are often 0


class Gamma(Conditional):
    """Independent Gamma densities of positive numbers: `concentration` a, `rate` b, mean a / b.

    Draws have implicit gradients (Figurnov et al. 2018). A fresh head is near Gamma(1, 1).
    """

    space = POSITIVE

    def __init__(
        self, network: nn.Module, event_shape: int | Sequence[int], *, features: int | Sequence[int] | None = None
    ) -> None:
        super().__init__(network, event_shape, per_element=2, features=features)

    def parametrise(self, h: Tensor) -> Parameters:
        """`concentration` and `rate`, each (B, *event)."""
        concentration, rate = above_floor(self.last(h))
        return {"concentration": concentration, "rate": rate}

    def distribution(self, **parameters: Tensor) -> Distribution:
        """Independent(Gamma) over the event's axes."""
        return Independent(td.Gamma(**parameters, validate_args=False), len(self.event_shape), validate_args=False)


class Beta(Conditional):
    """Independent Beta densities of numbers in (0, 1): `concentration1` a, `concentration0` b, mean a / (a + b).

    Draws have implicit gradients (Figurnov et al. 2018). A fresh head is nearly uniform.
    """

    space = UNIT_INTERVAL

    def __init__(
        self, network: nn.Module, event_shape: int | Sequence[int], *, features: int | Sequence[int] | None = None
    ) -> None:
        super().__init__(network, event_shape, per_element=2, features=features)

    def parametrise(self, h: Tensor) -> Parameters:
        """`concentration1` and `concentration0`, each (B, *event)."""
        one, zero = above_floor(self.last(h))
        return {"concentration1": one, "concentration0": zero}

    def distribution(self, **parameters: Tensor) -> Distribution:
        """Independent(Beta) over the event's axes."""
        return Independent(td.Beta(**parameters, validate_args=False), len(self.event_shape), validate_args=False)


class Dirichlet(Conditional):
    """A Dirichlet density of shares that sum to 1: `concentration` (B, K), one number for each share.

    Draws have implicit gradients (Figurnov et al. 2018). A fresh head is nearly uniform.
    """

    space, separable = SIMPLEX, False

    def __init__(
        self, network: nn.Module, event_shape: int | Sequence[int], *, features: int | Sequence[int] | None = None
    ) -> None:
        super().__init__(network, event_shape, per_element=1, features=features)
        if len(self.event_shape) != 1 or self.event_shape[0] < 2:
            raise ValueError(f"event_shape must be one number of at least 2, of shares, got {self.event_shape}")

    def parametrise(self, h: Tensor) -> Parameters:
        """`concentration` (B, K)."""
        return {"concentration": above_floor(self.last(h))}

    def distribution(self, **parameters: Tensor) -> Distribution:
        """Dirichlet, whose event is the vector."""
        return td.Dirichlet(**parameters, validate_args=False)


class Uniform(Conditional):
    """Independent uniform densities on intervals inside (`least`, `most`), whose ends the network chooses.

    A posterior of this kind has no density outside its box, so weights p(x, z) / q(z|x) never see what lies there: it has
    a bound, and no estimate of log p(x). A fresh head's intervals take a fifth of the box: as wide as all of it they cannot
    move, and stay so; free bits keep them from it.
    """

    def __init__(
        self,
        network: nn.Module,
        event_shape: int | Sequence[int],
        *,
        least: float = -1.0,
        most: float = 1.0,
        features: int | Sequence[int] | None = None,
    ) -> None:
        super().__init__(network, event_shape, per_element=2, features=features)
        if not least < most:
            raise ValueError(f"least must lie below most, got {least} and {most}")
        self.least, self.width = least, positive(most - least, "most - least")

    @property
    def space(self) -> str:  # type: ignore[override]
        """Its box."""
        return box(self.least, self.least + self.width)

    def parametrise(self, h: Tensor) -> Parameters:
        """`low` and `high`, each (B, *event)."""
        raw_place, raw_share = self.last(h)
        place, share = (raw.sigmoid().clamp(1e-4, 1 - 1e-4) for raw in (raw_place, raw_share - NARROW))
        low = self.least + self.width * (1 - share) * place
        return {"low": low, "high": low + self.width * share}

    def distribution(self, **parameters: Tensor) -> Distribution:
        """Independent(Uniform) over the event's axes."""
        return Independent(td.Uniform(**parameters, validate_args=False), len(self.event_shape), validate_args=False)


def box(least: float, most: float) -> str:
    """How a box is called."""
    return f"numbers from {least:g} to {most:g}"


def above_floor(raw: Tensor) -> Tensor:
    """Positive numbers, about 1 at 0."""
    return F.softplus(raw + UNIT) + FLOOR
