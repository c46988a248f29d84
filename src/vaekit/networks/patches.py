"""What small parts of a picture show, wherever they lie."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vaekit.networks.batch_norm import BatchNorm
from vaekit.networks.initialisation import gain_of, initialise
from vaekit.networks.shapes import as_shape

__all__ = ["Patches"]


class Patches(nn.Module):
    """Features of every `patch` x `patch` square of an image, their mean and maximum over all places: to (B, features).

    So they tell what there is and how much of it, and not where: with `patch` 1 they are a function of the colours'
    histogram. `width`: features of a patch. What is pooled is batch-normalised, since images differ little in it.
    `activation` is called to make a module. Raises ValueError for a patch larger than the image.
    """

    def __init__(
        self,
        in_shape: Sequence[int],
        features: int,
        patch: int = 1,
        activation: Callable[[], nn.Module] = nn.ReLU,
        *,
        width: int = 32,
    ) -> None:
        super().__init__()
        channels, *size = as_shape(in_shape, "in_shape", "channels height width")
        if not 1 <= patch <= min(size):
            raise ValueError(f"patch must be from 1 to {min(size)}, the smaller side of the image, got {patch}")
        first = initialise(nn.Conv2d(channels, width, patch), 1.0)
        second = initialise(nn.Conv2d(width, width, 1), gain_of(activation))
        self.look = nn.Sequential(first, activation(), second, activation())
        told = initialise(nn.Linear(2 * width, features), 1.0)
        self.say = nn.Sequential(BatchNorm(2 * width), told, activation())
        self.out_shape = (features,)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B features"]:
        """One vector for each image."""
        seen = self.look(x)
        return self.say(torch.cat([seen.mean((-2, -1)), seen.amax((-2, -1))], 1))
