"""A context as features at every place of a grid of symbols."""

import math
from collections.abc import Sequence

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vaekit.networks.initialisation import initialise
from vaekit.networks.shapes import as_shape

__all__ = ["AtPlaces"]


class AtPlaces(nn.Module):
    """A context (N, *shape) to features (N, width, *positions), or (N, width, 1, ...) where it is the same everywhere.

    `shape` (C,) is a vector's, which every position sees alike; (C, *sizes), with as many sizes as there are positions'
    axes, that of a map, whose nearest place each position sees. None is no context: features of zero.
    """

    def __init__(self, shape: Sequence[int] | None, positions: Sequence[int], width: int) -> None:
        super().__init__()
        self.shape = None if shape is None else as_shape(shape, "context")
        self.positions, self.width = as_shape(positions, "positions"), width
        if self.shape is not None and len(self.shape) not in (1, 1 + len(self.positions)):
            raise ValueError(
                f"context must be a vector (C,) or a map (C, {', '.join('?' * len(self.positions))}), got {self.shape}"
            )
        self.linear = None if self.shape is None else initialise(nn.Linear(self.shape[0], width))

    def forward(self, n: int, context: Float[Tensor, "N *C"] | None, like: Tensor) -> Float[Tensor, "N width *P"]:
        """Features for n strings, in the type and place of `like`. Raises ValueError for another context than its own."""
        if self.linear is None or self.shape is None:
            if context is not None:
                raise ValueError(f"this network takes no context, got one of shape {tuple(context.shape)}")
            return like.new_zeros(n, self.width, *(1,) * len(self.positions))
        if context is None or tuple(context.shape[1:]) != self.shape:
            wanted = f"({', '.join(['n', *map(str, self.shape)])})"
            raise ValueError(
                f"this network takes a context {wanted}, got {None if context is None else tuple(context.shape)}"
            )
        found = self.linear(context.movedim(1, -1)).movedim(-1, 1)  # (N, width, *sizes)
        if len(self.shape) == 1:
            return found.reshape(n, self.width, *(1,) * len(self.positions))
        return F.interpolate(found, size=self.positions, mode="nearest")

    def strings(
        self, n: int, context: Float[Tensor, "N *C"] | None, like: Tensor, digits: int
    ) -> Float[Tensor, "N T W"]:
        """The same along strings of `digits` symbols at each position: (N, T, width), or (N, 1, width) if all alike."""
        found = self(n, context, like).flatten(2).transpose(1, 2)
        alike = found.shape[1] == 1 and math.prod(self.positions) * digits > 1
        return found if alike else found.repeat_interleave(digits, dim=1)
