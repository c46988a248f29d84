"""The Gaussian head."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.distributions import Distribution, Independent

from vaekit.conditionals.conditional import Conditional, Parameters
from vaekit.conditionals.scales import Scale, as_scale, loc_and_scale

__all__ = ["Gaussian"]


class Gaussian(Conditional):
    """Independent normals over the event; `scale` says where the standard deviation comes from.

    `scale`: None (one per element, from the network), `Shared()` (one learned number), a float (fixed), `Optimal()`
    (the batch's own best while it trains, then frozen).
    """

    domains = ("real", "unit")

    def __init__(
        self,
        network: nn.Module,
        event_shape: int | Sequence[int],
        *,
        scale: Scale | float | None = None,
        features: int | Sequence[int] | None = None,
    ) -> None:
        rule = as_scale(scale)
        super().__init__(network, event_shape, per_element=1 + rule.per_element, features=features)
        self.scale = rule

    def parametrise(self, h: Tensor) -> Parameters:
        """`loc` and `scale` (standard deviation), each (B, *event)."""
        return loc_and_scale(self.last(h), self.scale)

    def start_at(self, mean: Tensor) -> None:
        """Start `loc` at the mean."""
        self.last.start_at(mean)

    def distribution(self, **parameters: Tensor) -> Distribution:
        """Independent(Normal) over the event's axes."""
        normal = self.scale.normal(**parameters)
        return Independent(normal, len(self.event_shape), validate_args=False)
