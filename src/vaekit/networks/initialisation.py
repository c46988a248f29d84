"""Initial weights under which a signal of unit second moment keeps it from layer to layer."""

import math
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn

__all__ = ["gain_of", "initialise"]

Layer = TypeVar("Layer", nn.Linear, nn.Conv2d, nn.ConvTranspose2d)


def initialise(layer: Layer, gain: float = 1.0) -> Layer:
    """Draw weights from N(0, gain² / fan_in) and zero the bias; He et al. 2015, sec. 2.2. Returns the layer.

    Each output is then a sum of fan_in terms with the inputs' second moment times gain². Torch's own default,
    a variance of 1 / (3 fan_in), shrinks the signal at every layer, so that deep networks start nearly constant.
    """
    nn.init.normal_(layer.weight, std=gain / math.sqrt(fan_in(layer)))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def fan_in(layer: nn.Linear | nn.Conv2d | nn.ConvTranspose2d) -> float:
    """How many inputs one output sums. A strided transposed convolution meets only every stride-th weight."""
    if isinstance(layer, nn.ConvTranspose2d):
        return layer.in_channels * math.prod(layer.kernel_size) / math.prod(layer.stride)
    return math.prod(layer.weight.shape[1:])


def gain_of(activation: Callable[[], nn.Module]) -> float:
    """1 / sqrt(E[f(g)²]) for g ~ N(0, 1): what undoes an elementwise activation f. sqrt(2) for ReLU, as He et al. have.

    The expectation is taken over 10,000 evenly spaced quantiles, so no random number is drawn.
    """
    with torch.device("cpu"), torch.no_grad():
        quantiles = (torch.arange(10_000, dtype=torch.float64) + 0.5) / 10_000
        moment = activation().double().eval()(torch.special.ndtri(quantiles)).square().mean()
    return moment.item() ** -0.5
