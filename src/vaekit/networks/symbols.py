"""Symbols as vectors."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from vaekit.networks.shapes import as_shape

__all__ = ["Symbols"]


class Symbols(nn.Module):
    """Digits (..., Q) of `sizes` kinds each to vectors (..., Q, width), a learned one for every digit's every symbol.

    `ordinal`: symbols are numbers on a scale, grey levels say, and the vectors lie on a line for each digit: the number
    from -1 to 1 times a direction.
    """

    def __init__(self, sizes: tuple[int, ...], width: int, *, ordinal: bool = False) -> None:
        super().__init__()
        self.sizes = as_shape(sizes, "sizes")
        self.vectors = nn.Parameter(torch.randn(len(self.sizes) if ordinal else sum(self.sizes), width) / width**0.5)
        self.ordinal = ordinal
        kinds = torch.tensor(self.sizes)
        self.register_buffer("offsets", kinds.cumsum(0) - kinds, persistent=False)
        self.register_buffer("kinds", kinds, persistent=False)
        self.offsets: Tensor
        self.kinds: Tensor

    def forward(self, digits: Int[Tensor, "*batch Q"]) -> Float[Tensor, "*batch Q W"]:
        """(..., Q) -> (..., Q, width)."""
        if not self.ordinal:
            return self.vectors[digits + self.offsets]
        scaled = 2 * digits.to(self.vectors.dtype) / (self.kinds - 1).clamp_min(1) - 1
        return scaled[..., None] * self.vectors


def missing(sizes: tuple[int, ...]) -> Float[Tensor, "Q K"]:
    """0 for the symbols that a digit has and -inf for the others, (Q, max(sizes)): to be added to logits."""
    there = torch.arange(max(sizes)) < torch.tensor(sizes)[:, None]
    return torch.where(there, 0.0, -torch.inf)
