"""Corrupted inputs, as denoising autoencoders are trained on (Vincent et al. 2008)."""

from collections.abc import Callable
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vaekit.networks.shapes import as_probability

__all__ = ["Corrupted", "GaussianNoise", "Masking", "SaltAndPepper"]


class Corrupted(nn.Module):
    """`network` with its first input corrupted in training mode only. Further inputs, the context, stay clean.

    `corruption` is any callable from a tensor to one of the same shape. What the network is to reconstruct is up to
    its caller, who keeps the clean input.
    """

    def __init__(self, network: nn.Module, corruption: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.network = network
        self.corruption = corruption

    @property
    def out_shape(self) -> tuple[int, ...]:
        """The network's own."""
        return cast(tuple[int, ...], self.network.out_shape)

    def forward(self, x: Float[Tensor, "B *_"], *context: Float[Tensor, "B *_"]) -> Float[Tensor, "B *features"]:
        """The network of the corrupted x, or of x itself in evaluation mode."""
        return self.network(self.corruption(x) if self.training else x, *context)


class GaussianNoise(nn.Module):
    """x + `scale` * g, g ~ N(0, 1) for each element."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        if not scale >= 0:
            raise ValueError(f"scale must be at least 0, got {scale}")
        self.scale = scale

    def forward(self, x: Float[Tensor, "*s"], generator: torch.Generator | None = None) -> Float[Tensor, "*s"]:
        """x with noise of standard deviation `scale`."""
        return x + self.scale * torch.empty_like(x).normal_(generator=generator)


class Masking(nn.Module):
    """Each element of x made 0 with `probability`. What is kept is not rescaled: the network sees how much is gone."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = as_probability(probability, "probability")

    def forward(self, x: Float[Tensor, "*s"], generator: torch.Generator | None = None) -> Float[Tensor, "*s"]:
        """x with a share `probability` of its elements, on average, made 0."""
        return x.masked_fill(uniform_like(x, generator) < self.probability, 0.0)


class SaltAndPepper(nn.Module):
    """Each element of x, in [0, 1], made 0 or 1 by a fair coin with `probability`."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = as_probability(probability, "probability")

    def forward(self, x: Float[Tensor, "*s"], generator: torch.Generator | None = None) -> Float[Tensor, "*s"]:
        """x with a share `probability` / 2 of its elements, on average, made 0 and another made 1."""
        u = uniform_like(x, generator)
        return torch.where(u < self.probability, (u < self.probability / 2).to(x.dtype), x)


def uniform_like(x: Tensor, generator: torch.Generator | None) -> Tensor:
    """Uniform draws in [0, 1) of x's shape, in float32 whatever x is, so that a probability is met closely."""
    return torch.empty_like(x, dtype=torch.float32).uniform_(generator=generator)
