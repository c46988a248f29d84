"""Whole numbers as the numbers that they are."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from vaekit.networks.shapes import as_shape

__all__ = ["Numbers"]


class Numbers(nn.Module):
    """Whole or real numbers (B, *shape) to vectors (B, features) of them, of the dtype the module was moved to."""

    zero: Tensor

    def __init__(self, shape: int | Sequence[int]) -> None:
        super().__init__()
        self.out_shape = (math.prod(as_shape(shape, "shape")),)
        self.register_buffer("zero", torch.zeros(()), persistent=False)

    def forward(self, x: Shaped[Tensor, "B *shape"]) -> Float[Tensor, "B features"]:
        """(B, *shape) -> (B, features), in row-major order."""
        return x.flatten(1).to(self.zero.dtype)
