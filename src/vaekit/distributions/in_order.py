"""Strings as codes of several digits at several positions."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.distributions import constraints

from vaekit.distributions.of_symbols import Change, OfSymbols

__all__ = ["InOrder"]


class InOrder(OfSymbols):
    """A distribution over strings as one over codes (Q, *positions): row by row, at each position the Q digits."""

    has_rsample = False
    arg_constraints: Mapping[str, constraints.Constraint] = {}  # type: ignore[assignment]

    def __init__(self, base_dist: OfSymbols, shape: tuple[int, ...]) -> None:
        self.base_dist = base_dist
        super().__init__(base_dist.batch_shape, torch.Size(shape), validate_args=False)

    @property
    def support(self) -> constraints.Constraint:
        """Whole numbers from 0."""
        return constraints.independent(constraints.nonnegative_integer, len(self.event_shape))

    @torch.no_grad()
    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Codes (*sample_shape, *batch, Q, *positions), symbol by symbol."""
        strings = self.base_dist.sample(torch.Size(sample_shape))
        digits, *positions = self.event_shape
        return strings.unflatten(-1, (*positions, digits)).movedim(-1, -len(self.event_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(code), nats."""
        return self.base_dist.log_prob(self.string(value))

    def each(self, change: Change) -> "InOrder":
        """The same over changed symbols."""
        return InOrder(self.base_dist.each(change), tuple(self.event_shape))

    def string(self, code: Tensor) -> Tensor:
        """Codes (..., Q, *positions) as strings (..., length)."""
        rank = len(self.event_shape)
        return code.movedim(-rank, -1).flatten(-rank)
