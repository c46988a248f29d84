"""Which elements of an example are observed, and those elements as a vector."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from vaekit.networks.shapes import as_shape

__all__ = ["Elements", "quadrants"]


def quadrants(shape: Sequence[int], observed: int) -> Bool[Tensor, "C H W"]:
    """True in the quadrants of an image (C, H, W) that are observed: 1 the lower left one, 2 the left half, 3 all but the
    lower right one. Sohn et al. 2015, sec. 5.1; which they are is the convention of Pyro's reproduction.

    An odd side is cut so that its lower, or right, part is the longer one. Raises ValueError for another number, and
    for an image with a side of 1, which has no quadrants.
    """
    channels, height, width = as_shape(shape, "shape", "channels height width")
    if isinstance(observed, bool) or observed not in (1, 2, 3):
        raise ValueError(f"observed must be 1, 2 or 3 quadrants, got {observed}")
    if min(height, width) < 2:
        raise ValueError(f"an image of {height}x{width} has no quadrants: both sides must be at least 2")
    lower = torch.arange(height, device="cpu")[:, None] >= height // 2
    left = torch.arange(width, device="cpu")[None, :] < width // 2
    mask = {1: lower & left, 2: left.expand(height, width), 3: left | ~lower}[observed]
    return mask.expand(channels, height, width).clone()


class Elements(nn.Module):
    """The elements of x (B, *event) where `mask` (*event) is True, as vectors (B, features), in row-major order."""

    positions: Tensor

    def __init__(self, mask: Bool[Tensor, "*event"]) -> None:
        super().__init__()
        count = int(mask.sum())
        if count == 0:
            raise ValueError(f"mask must mark at least one of {mask.numel()} elements, got none")
        self.event_shape, self.out_shape = tuple(mask.shape), (count,)
        self.register_buffer("positions", mask.flatten().nonzero()[:, 0], persistent=False)

    def forward(self, x: Float[Tensor, "B *event"]) -> Float[Tensor, "B features"]:
        """The marked elements alone."""
        if tuple(x.shape[1:]) != self.event_shape:
            raise ValueError(f"x must be (B, {', '.join(map(str, self.event_shape))}), got {tuple(x.shape)}")
        return x.flatten(1).index_select(1, self.positions)
