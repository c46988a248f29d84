"""From a map of latent vectors to the map of features that a picture is made of."""

from collections.abc import Callable, Sequence

from jaxtyping import Float
from torch import Tensor, nn

from vaekit.networks.initialisation import initialise
from vaekit.networks.residual import doublings, group_norm, residual_blocks
from vaekit.networks.shapes import as_shape, halved_sizes

__all__ = ["MapDecoder"]


class MapDecoder(nn.Module):
    """A 3x3 convolution of a map and `blocks` residual blocks; then as `ResNetDecoder` for each of `channels`.

    The reverse of `ResNetEncoder` with as many channels: `in_shape` (C, h, w) has the size that it leaves of `out_size`.
    Nearest neighbours are doubled, and the last row or column cut where the size wanted is odd.

    Weights keep the second moment of the signal (He et al. 2015), with each residual branch scaled by
    1 / sqrt(number of blocks). Raises ValueError where the sizes do not fit.
    """

    def __init__(
        self,
        in_shape: Sequence[int],
        out_size: Sequence[int],
        *channels: int,
        blocks: int = 2,
        activation: Callable[[], nn.Module] = nn.SiLU,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.in_shape, channels = (
            as_shape(in_shape, "in_shape", "channels height width"),
            as_shape(channels, "channels"),
        )
        sizes = halved_sizes(as_shape(out_size, "out_size", "height width"), len(channels), "out_size")[::-1]
        if self.in_shape[1:] != sizes[0]:
            raise ValueError(f"in_shape must end in {sizes[0]}, what is left of {tuple(out_size)}, got {self.in_shape}")
        stages = len(channels) + 1
        layers: list[nn.Module] = [initialise(nn.Conv2d(self.in_shape[0], channels[0], 3, padding=1))]
        layers += residual_blocks(channels[0], blocks, stages, activation, dropout)
        layers += doublings(channels, sizes[1:], blocks, stages, activation, dropout)
        self.layers = nn.Sequential(*layers, group_norm(channels[-1]), activation())
        self.out_shape = (channels[-1], *sizes[-1])

    def forward(self, z: Float[Tensor, "B C h w"]) -> Float[Tensor, "B channels H W"]:
        """A map (B, *in_shape) to a map (B, *out_shape)."""
        return self.layers(z)
