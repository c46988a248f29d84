"""Standardised columns: each minus its training mean, over its training standard deviation."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vaekit.data.rows import Rows, pieces

__all__ = ["Scaling"]


@dataclass(frozen=True)
class Scaling:
    """The mean of every column, and what its deviations were divided by."""

    means: tuple[float, ...]
    scales: tuple[float, ...]

    def apply(self, x: np.ndarray) -> np.ndarray:
        """(x - means) / scales in float64, (B, D)."""
        return (x.astype(np.float64) - np.array(self.means)) / np.array(self.scales)

    def undo(self, x: Tensor) -> Tensor:
        """x * scales + means, (..., D), in the type of x."""
        means, scales = (torch.tensor(v, dtype=torch.float64, device=x.device) for v in (self.means, self.scales))
        return (x.double() * scales + means).to(x.dtype)


def scaling_of(x: np.ndarray | Rows, rows: np.ndarray) -> tuple[Scaling, np.ndarray]:
    """Means and population standard deviations over `rows` of x (N, D), in two passes; and which are constant (D,)."""
    total = np.zeros(x.shape[1])
    for _, piece in pieces(x, rows):
        total += piece.sum(0, dtype=np.float64)
    means, squares = total / len(rows), np.zeros(x.shape[1])
    for _, piece in pieces(x, rows):
        squares += np.square(piece.astype(np.float64) - means).sum(0)
    scales = np.sqrt(squares / len(rows))
    constant = scales <= 1e-12 * np.abs(means)
    return Scaling(tuple(means.tolist()), tuple(np.where(constant, 1.0, scales).tolist())), constant
