"""A graph of one latent's values alone: what a prior is fitted to once the model that makes them is trained."""

from vaekit.models.model import Model
from vaekit.models.walk import Walk
from vaekit.priors import Prior

__all__ = ["OverLatent"]


class OverLatent(Model):
    """p(z), or p(z|context): x are values of z, of codes the codes (B, Q, *positions); the context is what the prior sees.

    The distortion is -log p(z) under the prior, of codes their length, nats.
    """

    def __init__(self, prior: Prior) -> None:
        super().__init__()
        self.prior, self.event_shape = prior, prior.fitted_shape

    def walk(self, walk: Walk) -> None:
        """The values."""
        walk.likelihood("x", self.prior.fitted_density(walk.context))
