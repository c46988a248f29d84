"""Corrupted inputs, as denoising autoencoders are trained on (Vincent et al. 2008)."""

from collections.abc import Callable
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vaekit.networks.shapes import as_probability

__all__ = ["Corrupted", "GaussianNoise", "Masking", "SaltAndPepper", "ToneCurves"]


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


class ToneCurves(nn.Module):
    """Pictures (B, ..., C, H, W) in [0, 1] with other colours for each row of the batch, the same in all its frames.

    The channels change places, and each goes through its own curve: straight lines between `knots` heights drawn evenly
    from [0, 1] at even places. What is seen through it keeps its shapes; what colours it has cannot be told. A row is
    recoloured with `probability`, else left as it is.
    """

    def __init__(self, knots: int = 5, probability: float = 1.0) -> None:
        super().__init__()
        if knots < 2:
            raise ValueError(f"knots must be at least 2, got {knots}")
        if not 0 < probability <= 1:
            raise ValueError(f"probability must lie above 0 and at most at 1, got {probability}")
        self.knots, self.probability = knots, probability

    def forward(
        self, x: Float[Tensor, "B *more C H W"], generator: torch.Generator | None = None
    ) -> Float[Tensor, "B *more C H W"]:
        """x in colours of its own for each row; ValueError for x of fewer than four axes."""
        if x.ndim < 4:
            raise ValueError(f"x must be pictures (B, ..., channels, height, width), got the shape {tuple(x.shape)}")
        channels_first = x.movedim(-3, 1)
        values = channels_first.flatten(2)
        rows, channels = values.shape[:2]
        order = uniform_like(values.new_empty(rows, channels), generator).argsort(1)
        heights = uniform_like(values.new_empty(rows, channels, self.knots), generator).to(x.dtype)
        place = values.take_along_dim(order[:, :, None], 1).clamp(0, 1) * (self.knots - 1)
        left = place.floor().clamp_max(self.knots - 2)
        low, high = (heights.gather(2, (left + side).long()) for side in (0, 1))
        recoloured = torch.lerp(low, high, place - left).view_as(channels_first).movedim(1, -3)
        if self.probability == 1:
            return recoloured
        chosen = uniform_like(values.new_empty(rows), generator) < self.probability
        return torch.where(chosen.reshape(-1, *(1,) * (x.ndim - 1)), recoloured, x)


def uniform_like(x: Tensor, generator: torch.Generator | None) -> Tensor:
    """Uniform draws in [0, 1) of x's shape, in float32 whatever x is, so that a probability is met closely."""
    return torch.empty_like(x, dtype=torch.float32).uniform_(generator=generator)
