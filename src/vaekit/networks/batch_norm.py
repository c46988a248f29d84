"""Batch normalisation of features."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

__all__ = ["BatchNorm"]


class BatchNorm(nn.Module):
    """Features (B, C) less their batch's mean, over its deviation, then scaled and shifted (Ioffe & Szegedy 2015).

    A batch of one has no deviation: it is normalised, in training too, by the running figures, as in evaluation.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(features)

    def forward(self, x: Float[Tensor, "B C"]) -> Float[Tensor, "B C"]:
        """(B, C) to (B, C)."""
        if not self.training or len(x) > 1:
            return self.norm(x)
        norm = self.norm
        return F.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps)
