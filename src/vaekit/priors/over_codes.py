"""The abstract prior over the codes of an encoder that quantises."""

from abc import abstractmethod
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.distributions import Distribution

from vaekit.conditionals import HasCodes
from vaekit.conditionals.conditional import as_shape
from vaekit.distributions import Coded
from vaekit.priors.prior import Prior

__all__ = ["PriorOverCodes"]


class PriorOverCodes(Prior):
    """p(codes), whose draws are the embeddings that the model's encoder has for them, and whose rate is -log p(codes).

    `event_shape` is the encoder's, (D, *positions), and `sizes` the quantiser's; codes have `code_shape` (Q, *positions).
    `context` is the shape of a context that the prior depends on, None where on none.
    """

    def __init__(
        self, event_shape: int | Sequence[int], sizes: Sequence[int], context: Sequence[int] | None = None
    ) -> None:
        super().__init__()
        self.event_shape, self.sizes = as_shape(event_shape, "event_shape"), as_shape(sizes, "sizes")
        self.code_shape = (len(self.sizes), *self.event_shape[1:])
        self.context = None if context is None else as_shape(context, "context")

    @abstractmethod
    def codes(self, context: Tensor | None = None) -> Distribution:
        """The distribution over codes themselves, whole numbers (Q, *positions); batch shape () without a context."""

    @property
    def fitted_shape(self) -> tuple[int, ...]:
        """That of codes."""
        return self.code_shape

    def fitted_density(self, context: Tensor | None = None) -> Distribution:
        """That of codes."""
        return self.codes(context)

    def batch_of(self, context: Tensor | None) -> torch.Size:
        """The axes in front of a context."""
        if self.context is None or context is None:
            return torch.Size()
        return context.shape[: context.ndim - len(self.context)]

    def forward(
        self, context: Tensor | None = None, *, posterior: Callable[..., Distribution] | None = None
    ) -> Distribution:
        """That of embeddings. Raises ValueError where the encoder does not quantise, or into other codes."""
        if not isinstance(posterior, HasCodes) or posterior.sizes != self.sizes:
            raise ValueError(f"{type(self).__name__} needs an encoder that quantises into codes of {self.sizes} kinds")
        return Coded(
            self.codes(context), posterior.embed, self.event_shape, self.sizes, context, self.fitted, posterior.read
        )
