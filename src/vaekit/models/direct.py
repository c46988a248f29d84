"""A graph without a latent: the likelihood of x given the context, and nothing between (a deterministic network)."""

from collections.abc import Mapping

from torch import Tensor, nn

from vaekit.conditionals.conditional import Conditional
from vaekit.models.condition import Condition
from vaekit.models.model import Model
from vaekit.models.walk import Walk

__all__ = ["Direct"]


class Direct(Model):
    """p(x|c): what a network makes of the context in one step, the rival of every conditional model with a latent.

    `likelihood`: c to p(x|c). `context` and `observed` as for `VAE`. Its distortion is -log p(x|c) itself, nats; it has
    no rate. Raises ValueError where no context is given and none can be read from x.
    """

    def __init__(
        self, likelihood: Conditional, *, context: nn.Module | None = None, observed: Tensor | None = None
    ) -> None:
        super().__init__()
        self.likelihood, self.event_shape = likelihood, likelihood.event_shape
        self.context = Condition(context, observed, likelihood.event_shape)

    def walk(self, walk: Walk) -> None:
        """x alone."""
        context = self.context_of(walk.data, walk.context)
        c = self.context(context)
        if c is None:
            raise ValueError("this model makes x of a context: give context=, a row for each example")
        walk.likelihood("x", self.context.known(self.likelihood(c), context))

    def context_of(self, data: Mapping[str, Tensor], context: Tensor | None) -> Tensor | None:
        """The one that is given, else x where a part of it is observed."""
        return self.context.of(data, context)

    def known(self) -> Tensor | None:
        """The observed elements."""
        return self.context.observed

    def start_at(self, mean: Tensor) -> None:
        """The likelihood's biases, from the data's mean."""
        self.likelihood.start_at(mean)
