"""The head that draws nothing."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.distributions import Distribution

from vaekit.conditionals.conditional import Conditional, Parameters
from vaekit.distributions import PointMass

__all__ = ["Deterministic"]


class Deterministic(Conditional):
    """All mass on the network's output: the encoder of a plain autoencoder, whose code has no rate."""

    def __init__(
        self, network: nn.Module, event_shape: int | Sequence[int], *, features: int | Sequence[int] | None = None
    ) -> None:
        super().__init__(network, event_shape, per_element=1, features=features)

    def parametrise(self, h: Tensor) -> Parameters:
        """`value` (B, *event)."""
        return {"value": self.last(h)}

    def distribution(self, **parameters: Tensor) -> Distribution:
        """PointMass over the event's axes."""
        return PointMass(**parameters, event_dims=len(self.event_shape), validate_args=False)
