"""What a model is conditioned on: a context from outside, or the observed elements of x itself."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from vaekit.distributions.given import given

__all__ = ["Condition"]


class Condition(nn.Module):
    """From the context that a caller hands in to what the parts of a model see of it.

    `network` makes it a vector or a sequence (labels to one-hot, say). `observed` (*event), True where an element of x
    is given rather than generated: the context is then an x of its own, of which only those elements are looked at, and
    where none is handed in it is the data's. Hidden elements are made 0 before the network sees them.
    """

    observed: Tensor | None

    def __init__(self, network: nn.Module | None, observed: Tensor | None, event_shape: tuple[int, ...]) -> None:
        super().__init__()
        if observed is not None and (observed.dtype is not torch.bool or tuple(observed.shape) != event_shape):
            raise ValueError(
                f"observed must be a mask of x, bool of shape {event_shape}, got {observed.dtype} of "
                f"{tuple(observed.shape)}"
            )
        self.network = network
        self.register_buffer("observed", observed, persistent=False)

    def of(self, data: Mapping[str, Tensor], context: Tensor | None) -> Tensor | None:
        """The context (B, ...) of these data: the one given, else, where a part of x is observed, x."""
        if self.observed is None:
            return context
        found = data.get("x") if context is None else context
        event = tuple(self.observed.shape)
        if found is None:
            raise ValueError(
                f"this model completes examples of which a part is observed: give context=, (n, {shown(event)})"
            )
        if tuple(found.shape[1:]) != event:
            raise ValueError(
                f"context must be examples of which a part is observed, (n, {shown(event)}), got {tuple(found.shape)}"
            )
        return found

    def forward(self, context: Tensor | None) -> Tensor | None:
        """What the parts see of a context (B, ...); None of none."""
        if context is None:
            return None
        seen = context if self.observed is None else context.masked_fill(~self.observed, 0)
        return seen if self.network is None else self.network(seen)

    def known(self, p_x: Distribution, context: Tensor | None) -> Distribution:
        """p_x with the observed elements known; p_x itself where none are."""
        return p_x if self.observed is None or context is None else given(p_x, context, self.observed)


def shown(shape: tuple[int, ...]) -> str:
    """1, 28, 28."""
    return ", ".join(map(str, shape))
