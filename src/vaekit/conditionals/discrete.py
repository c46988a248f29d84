"""Heads over coins, classes and counts."""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn
from torch import distributions as td
from torch.distributions import Distribution, Independent

from vaekit import distributions
from vaekit.conditionals.conditional import Conditional, Parameters
from vaekit.conditionals.scales import positive

__all__ = ["Bernoulli", "Categorical", "Poisson"]


class Bernoulli(Conditional):
    """Independent coins over the event: binary data, 0 or 1.

    A value between is priced by cross-entropy, x log p + (1 - x) log(1 - p), which is no density on [0, 1]; for one,
    use `ContinuousBernoulli`.
    """

    domains = ("binary",)

    def __init__(
        self, network: nn.Module, event_shape: int | Sequence[int], *, features: int | Sequence[int] | None = None
    ) -> None:
        super().__init__(network, event_shape, per_element=1, features=features)

    def parametrise(self, h: Tensor) -> Parameters:
        """`logits` of a one, (B, *event)."""
        return {"logits": self.last(h)}

    def start_at(self, mean: Tensor) -> None:
        """Start the logits at log m / (1 - m), m kept within [0.001, 0.999] (Burda et al. 2016, app. C)."""
        self.last.start_at(mean.clamp(0.001, 0.999).logit())

    def distribution(self, **parameters: Tensor) -> Distribution:
        """Independent(Bernoulli) over the event's axes."""
        coins = distributions.Bernoulli(**parameters, validate_args=False)
        return Independent(coins, len(self.event_shape), validate_args=False)


class Categorical(Conditional):
    """Independent choices among `classes`: each element of the event is an integer from 0 to classes - 1.

    An `event_shape` of () is one label per example.
    """

    domains = ("categories",)

    def __init__(
        self,
        network: nn.Module,
        event_shape: int | Sequence[int],
        classes: int,
        *,
        features: int | Sequence[int] | None = None,
    ) -> None:
        if not isinstance(classes, int) or classes < 2:
            raise ValueError(f"classes must be a whole number of at least 2, got {classes}")
        super().__init__(network, event_shape, per_element=classes, features=features)

    def parametrise(self, h: Tensor) -> Parameters:
        """`logits` (B, *event, classes)."""
        return {"logits": self.last(h).movedim(0, -1)}

    def distribution(self, **parameters: Tensor) -> Distribution:
        """Independent(Categorical) over the event's axes."""
        choices = td.Categorical(**parameters, validate_args=False)
        return Independent(choices, len(self.event_shape), validate_args=False)


class Poisson(Conditional):
    """Independent Poisson counts, 0, 1, 2, ...; the mean of each is its variance.

    The rate of events is softplus of the network's feature, above `floor`: linear in it where it is large, so that one
    step of training never multiplies a count.
    """

    domains = ("counts",)

    def __init__(
        self,
        network: nn.Module,
        event_shape: int | Sequence[int],
        *,
        floor: float = 1e-4,
        features: int | Sequence[int] | None = None,
    ) -> None:
        super().__init__(network, event_shape, per_element=1, features=features)
        self.floor = positive(floor, "floor")

    def parametrise(self, h: Tensor) -> Parameters:
        """`rate` of events, the mean of a count, (B, *event)."""
        return {"rate": F.softplus(self.last(h)) + self.floor}

    def distribution(self, **parameters: Tensor) -> Distribution:
        """Independent(Poisson) over the event's axes."""
        counts = td.Poisson(**parameters, validate_args=False)
        return Independent(counts, len(self.event_shape), validate_args=False)
