"""Levels whose posterior weighs what the way up found against what the way down expects (Sønderby et al. 2016)."""

from collections.abc import Callable

from torch import Tensor
from torch.distributions import Distribution

from vaekit.conditionals.conditional import Conditional
from vaekit.distributions.product import precision_weighted
from vaekit.models.hierarchy import Level
from vaekit.models.walk import Walk
from vaekit.priors.prior import Prior

__all__ = ["Combine", "Rung", "estimate_alone"]

Combine = Callable[[Distribution, Distribution], Distribution]


def estimate_alone(estimate: Distribution, prior: Distribution) -> Distribution:
    """What the way up found, whatever the prior is: the posterior of a ladder's top."""
    return estimate


class Rung(Level):
    """p(z|h) beside q(z|x, h), which combines p with an estimate of z from the way up; the state below is z itself.

    `source` names the level's part of the evidence, d (B, ...). `prior`: the state above, which is the latent above, to
    p(z|h); a `Prior` at the top. `estimate`: d to a normal of z. `combine`: estimate and prior to the posterior, by
    default their precision-weighted product, which is exact where the estimate is p(x|z) as a normal in z.

    Sønderby et al. 2016. Raises ValueError where prior and estimate are of different shapes.
    """

    def __init__(
        self, source: str, prior: Conditional | Prior, estimate: Conditional, combine: Combine = precision_weighted
    ) -> None:
        super().__init__()
        self.source, self.prior, self.estimate, self.combine = source, prior, estimate, combine
        if tuple(prior.event_shape) != estimate.event_shape:
            raise ValueError(
                f"prior draws z of shape {tuple(prior.event_shape)}, the estimate of shape {estimate.event_shape}: "
                "they must be equal"
            )

    def forward(self, walk: Walk, name: str, h: Tensor) -> Tensor:
        """z (*leading, *shape)."""
        p = self.prior() if isinstance(self.prior, Prior) else self.prior(h, leading=walk.leading)
        estimate = self.estimate
        return walk.latent(name, p, lambda: self.combine(estimate(walk.evidence[self.source]), p))
