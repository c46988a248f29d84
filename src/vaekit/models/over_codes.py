"""A graph of codes alone: what a prior is fitted to once the model that makes them is trained."""

from vaekit.models.model import Model
from vaekit.models.walk import Walk
from vaekit.priors import PriorOverCodes

__all__ = ["OverCodes"]


class OverCodes(Model):
    """p(codes), or p(codes|context): x are codes (B, Q, *positions), whole numbers; the context is what the prior sees.

    The distortion is the length of the codes under the prior, nats.
    """

    def __init__(self, prior: PriorOverCodes) -> None:
        super().__init__()
        self.prior, self.event_shape = prior, prior.code_shape

    def walk(self, walk: Walk) -> None:
        """The codes."""
        walk.likelihood("x", self.prior.codes(walk.context))
