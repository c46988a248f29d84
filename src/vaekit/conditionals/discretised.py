"""Heads over quantised signals in [0, 1]: audio samples, pixels."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import Distribution, Independent

from vaekit import distributions
from vaekit.conditionals.conditional import Conditional, LastLayer, Parameters, features_of
from vaekit.conditionals.continuous import not_optimal
from vaekit.conditionals.scales import Scale, as_scale

__all__ = ["DiscretisedLogistic", "DiscretisedLogisticMixture"]

WIDE = math.log(math.expm1(0.25))  # softplus(WIDE) = 1/4: a fresh head spreads over [0, 1]


class DiscretisedLogistic(Conditional):
    """Independent logistics gathered into `levels` equal steps of [0, 1]: exact probabilities for 8-bit data.

    `scale`: None (one per element, from the network), `Shared(0.1)` (one learned number) or a float (fixed), in units
    of x. With one scale for all elements none can grow so sharp that its gradients drown those of the others.
    """

    domains = ("levels",)

    def __init__(
        self,
        network: nn.Module,
        event_shape: int | Sequence[int],
        levels: int = 256,
        *,
        scale: Scale | float | None = None,
        features: int | Sequence[int] | None = None,
    ) -> None:
        at_least(levels, 2, "levels")
        rule = not_optimal(as_scale(scale), "DiscretisedLogistic")
        super().__init__(network, event_shape, per_element=1 + rule.per_element, features=features)
        self.levels, self.scale = levels, None if rule.per_element else rule

    def parametrise(self, h: Tensor) -> Parameters:
        """`loc` and `scale` in units of x, each (B, *event)."""
        raw = self.last(h)
        if self.scale is not None:
            return {"loc": raw + 0.5, "scale": self.scale(raw, None) + least_scale(self.levels)}
        raw_loc, raw_scale = raw
        return {"loc": raw_loc + 0.5, "scale": level_scale(raw_scale, self.levels)}

    def start_at(self, mean: Tensor) -> None:
        """Start `loc` at the mean."""
        self.last.start_at(mean - 0.5)

    def distribution(self, **parameters: Tensor) -> Distribution:
        """Independent(DiscretisedLogistic) over the event's axes."""
        logistic = distributions.DiscretisedLogistic(**parameters, levels=self.levels, validate_args=False)
        return Independent(logistic, len(self.event_shape), validate_args=False)


class DiscretisedLogisticMixture(Conditional):
    """Per pixel, a mixture of `components` discretised logistics with linear coupling of its channels (PixelCNN++).

    `event_shape` is (C, H, W), any C. A fresh head's components lie evenly over [0, 1], each a quarter wide.
    """

    domains = ("levels",)
    separable = False

    def __init__(
        self,
        network: nn.Module,
        event_shape: Sequence[int],
        components: int = 10,
        levels: int = 256,
        *,
        features: int | Sequence[int] | None = None,
    ) -> None:
        at_least(components, 1, "components")
        at_least(levels, 2, "levels")
        if not isinstance(event_shape, Sequence) or len(event_shape) != 3:
            raise ValueError(f"event_shape must be (channels, height, width), got {event_shape}")
        super().__init__(network, event_shape, per_element=1, features=features)
        channels, height, width = self.event_shape
        self.levels = levels
        self.sizes = [1, channels, channels, channels * (channels - 1) // 2]
        maps = components * sum(self.sizes)
        self.last = LastLayer(features_of(network, features), (maps, height, width), per_element=1)
        middles = (torch.arange(components) + 0.5) / components
        self.register_buffer("middles", middles.view(-1, 1, 1, 1))
        self.middles: Tensor

    def parametrise(self, h: Tensor) -> Parameters:
        """`logits` (B, M, H, W), `loc` and `scale` (B, M, C, H, W), `coupling` (B, M, C(C-1)/2, H, W) where C > 1."""
        maps = self.last(h).unflatten(1, (-1, sum(self.sizes)))  # (B, M, 1 + 2C + P, H, W)
        logits, raw_loc, raw_scale, raw_coupling = maps.split(self.sizes, dim=2)
        scale = level_scale(raw_scale, self.levels)
        found = {"logits": logits.squeeze(2), "loc": raw_loc + self.middles, "scale": scale}
        return found | {"coupling": raw_coupling.tanh()} if self.sizes[-1] else found

    def distribution(self, **parameters: Tensor) -> Distribution:
        """DiscretisedLogisticMixture over (C, H, W)."""
        return distributions.DiscretisedLogisticMixture(**parameters, levels=self.levels, validate_args=False)


def level_scale(raw: Tensor, levels: int) -> Tensor:
    """softplus(raw), 1/4 at raw 0, above the least scale."""
    return F.softplus(raw + WIDE) + least_scale(levels)


def least_scale(levels: int) -> float:
    """A twentieth of a level: there one level can have 1 - 1e-4 of the mass."""
    return 0.05 / (levels - 1)


def at_least(value: int, least: int, name: str) -> None:
    """A ValueError unless `value` is a whole number of at least `least`."""
    if not isinstance(value, int) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value}")
