"""Codes as what they stand for."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.distributions import Distribution, constraints

from vaekit.distributions.of_symbols import Change, OfSymbols

__all__ = ["Coded"]


class Coded(OfSymbols):
    """A distribution over codes whose draws are their embeddings: the prior of a model that quantises.

    `base_dist`: over codes, whole numbers of the event shape (Q, *positions), of `sizes` kinds for each of the Q digits.
    `embed` maps codes (*batch, Q, *positions) to embeddings (*batch, *event_shape). It is codes that are priced: of an
    embedding it is not known which code, of several perhaps, it stands for, unless `read` says so. `context`: what the
    prior was made of, where of anything. `fitted`: False where it only stands for one that is yet to be fitted.
    """

    has_rsample = False
    arg_constraints: Mapping[str, constraints.Constraint] = {}  # type: ignore[assignment]

    def __init__(
        self,
        base_dist: Distribution,
        embed: Callable[[Tensor], Tensor],
        event_shape: tuple[int, ...],
        sizes: tuple[int, ...],
        context: Tensor | None = None,
        fitted: bool = True,
        read: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        self.base_dist, self.embed, self.sizes = base_dist, embed, sizes
        self.context, self.fitted, self.read = context, fitted, read
        super().__init__(base_dist.batch_shape, torch.Size(event_shape), validate_args=False)

    @property
    def support(self) -> constraints.Constraint:
        """Any value of the event's shape."""
        return constraints.independent(constraints.real, len(self.event_shape))

    @torch.no_grad()
    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Embeddings of drawn codes, (*sample_shape, *batch, *event)."""
        drawn: Tensor = self.embed(self.base_dist.sample(sample_shape))
        return drawn

    def each(self, change: Change) -> "Coded":
        """The same over changed codes."""
        changed = self.base_dist.each(change) if isinstance(self.base_dist, OfSymbols) else change(self.base_dist)
        return Coded(changed, self.embed, tuple(self.event_shape), self.sizes, self.context, self.fitted, self.read)

    def log_prob(self, value: Int[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """log p(code), nats. Raises ValueError for an embedding, whose code is not known."""
        return self.base_dist.log_prob(self.code_of(value))

    def code_of(self, value: Tensor) -> Int[Tensor, "*shape"]:
        """Codes as they are, embeddings as the codes that they stand for. Raises ValueError where that is not known."""
        if not value.is_floating_point():
            return value
        if self.read is None:
            raise ValueError("a prior over codes prices codes, whole numbers, got an embedding")
        return self.read(value)
