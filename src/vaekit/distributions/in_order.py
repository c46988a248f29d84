"""Strings as codes of several digits at several positions."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.distributions import constraints

from vaekit.distributions.of_symbols import Change, OfSymbols

__all__ = ["InOrder"]


class InOrder(OfSymbols):
    """A distribution over strings as one over codes (Q, *positions): row by row, at each position the Q digits.

    With `levels` K, values are not whole numbers but symbol / (K - 1), in [0, 1], as those of pictures; a value is priced
    as its nearest level.
    """

    has_rsample = False
    arg_constraints: Mapping[str, constraints.Constraint] = {}  # type: ignore[assignment]

    def __init__(self, base_dist: OfSymbols, shape: tuple[int, ...], levels: int | None = None) -> None:
        self.base_dist = base_dist
        self.scale, self.levels = None if levels is None else levels - 1, levels if levels != 2 else None
        super().__init__(base_dist.batch_shape, torch.Size(shape), validate_args=False)

    @property
    def support(self) -> constraints.Constraint:
        """Whole numbers from 0; 0 and 1 of two levels, the unit interval of more."""
        grid = constraints.boolean if self.scale == 1 else constraints.unit_interval
        own = constraints.nonnegative_integer if self.scale is None else grid
        return constraints.independent(own, len(self.event_shape))

    @torch.no_grad()
    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Codes (*sample_shape, *batch, Q, *positions), symbol by symbol."""
        strings = self.base_dist.sample(torch.Size(sample_shape))
        digits, *positions = self.event_shape
        value = strings.unflatten(-1, (*positions, digits)).movedim(-1, -len(self.event_shape))
        return value if self.scale is None else value.to(torch.get_default_dtype()) / self.scale

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(code), nats."""
        return self.base_dist.log_prob(self.string(value))

    def each(self, change: Change) -> "InOrder":
        """The same over changed symbols."""
        levels = None if self.scale is None else self.scale + 1
        return InOrder(self.base_dist.each(change), tuple(self.event_shape), levels)

    def string(self, code: Tensor) -> Tensor:
        """Codes (..., Q, *positions) as strings (..., length)."""
        rank = len(self.event_shape)
        code = code if self.scale is None else (code * self.scale).round().long()
        return code.movedim(-rank, -1).flatten(-rank)
