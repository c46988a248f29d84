"""The head for directions."""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import Distribution

from vaekit import distributions
from vaekit.conditionals.conditional import (
    SPHERE,
    Conditional,
    LastLayer,
    Parameters,
    as_shape,
    at_least_float32,
    features_of,
)
from vaekit.distributions.sphere import direction, sphere_size

__all__ = ["VonMisesFisher"]

LEAST_CONCENTRATION = 1.0  # Davidson et al. 2018, so that no example is quite without a direction


class VonMisesFisher(Conditional):
    """A von Mises-Fisher distribution over vectors of `event_shape` numbers, at least 2, that have length 1.

    The mean direction is that of the network's own features, the concentration one number for each example: 1 and more.
    Its elements are no more independent than points of a sphere are.
    """

    separable = False
    space = SPHERE

    def __init__(
        self, network: nn.Module, event_shape: int | Sequence[int], *, features: int | Sequence[int] | None = None
    ) -> None:
        shape = as_shape(event_shape, "event_shape")
        if len(shape) != 1:
            raise ValueError(f"event_shape must be one number, of a vector on the sphere, got {shape}")
        super().__init__(network, sphere_size(*shape), per_element=1, features=features)
        self.spread = LastLayer(features_of(network, features), (1,), 1)

    def parametrise(self, h: Tensor) -> Parameters:
        """`loc` (B, m) of length 1 and `concentration` (B,)."""
        raw_loc, raw_concentration = at_least_float32(self.last(h)), at_least_float32(self.spread(h))
        return {
            "loc": direction(raw_loc),
            "concentration": F.softplus(raw_concentration).squeeze(-1) + LEAST_CONCENTRATION,
        }

    def distribution(self, **parameters: Tensor) -> Distribution:
        """VonMisesFisher, whose event is the vector."""
        return distributions.VonMisesFisher(**parameters, validate_args=False)
