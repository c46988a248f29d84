"""Weights as a direction and the logarithm of a norm for each output (after Salimans & Kingma 2016)."""

from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

__all__ = ["LogNorm", "weight_normed"]

Layer = TypeVar("Layer", nn.Linear, nn.Conv2d)


class LogNorm(nn.Module):
    """w = exp(s) v / |v| for every output's own weights v, with a norm exp(s) learned in logarithms."""

    def forward(self, log_norm: Tensor, direction: Tensor) -> Tensor:
        """(C,) and (C, *kernel) to the weights (C, *kernel)."""
        norm = torch.linalg.vector_norm(direction.flatten(1), dim=1)
        scale = log_norm.exp() / norm.clamp_min(1e-5)  # weights of zero have no direction and stay zero
        return direction * scale.view(-1, *(1,) * (direction.ndim - 1))

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """The logarithms of the norms, from 0.01 up, and the weights themselves as directions."""
        norm = torch.linalg.vector_norm(weight.flatten(1), dim=1)
        return norm.clamp_min(1e-2).log(), weight


def weight_normed(layer: Layer) -> Layer:
    """The layer, whose `weight` is from now on made of a direction and a norm; `layer.weight` is still what it uses.

    Vahdat & Kautz 2020, sec. 3.2: weights that a batch norm follows need none, as it undoes any norm.
    """
    parametrize.register_parametrization(layer, "weight", LogNorm())
    return layer
