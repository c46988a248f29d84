"""Channels weighed by what the whole map holds (Hu et al. 2018)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vaekit.networks.shapes import as_shape

__all__ = ["SqueezeExcitation"]


class SqueezeExcitation(nn.Module):
    """x_c * sigmoid(W2 relu(W1 mean_pixels(x)))_c: every channel times a gate in (0, 1); Hu et al. 2018, eq. 2-4.

    The gates see max(channels / 16, 4) hidden units (Vahdat & Kautz 2020).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        (channels,) = as_shape(channels, "channels", "channels")
        hidden = max(channels // 16, 4)
        self.squeeze, self.excite = nn.Linear(channels, hidden), nn.Linear(hidden, channels)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        """A map to a map of the same shape."""
        gates = torch.sigmoid(self.excite(self.squeeze(x.mean(dim=(2, 3))).relu()))
        return x * gates[:, :, None, None]
