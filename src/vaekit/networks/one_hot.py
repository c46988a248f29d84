"""Labels as vectors."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from vaekit.networks.shapes import as_shape

__all__ = ["OneHot"]


class OneHot(nn.Module):
    """Integer labels (B,) to vectors (B, classes) with a one at the label, of the dtype the module was moved to.

    Labels outside 0, ..., classes - 1 are refused on the CPU; on other devices and in compiled or exported code, where
    looking at values would halt the device or break the graph, they give a vector of zeros.
    """

    zero: Tensor

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.out_shape = as_shape(classes, "classes", "classes")
        self.register_buffer("zero", torch.zeros(()), persistent=False)

    def forward(self, labels: Int[Tensor, "B"]) -> Float[Tensor, "B classes"]:
        """(B,) -> (B, classes)."""
        (classes,) = self.out_shape
        if labels.ndim != 1 or labels.is_floating_point():
            raise ValueError(f"labels must be integers of shape (B,), got {labels.dtype} of {tuple(labels.shape)}")
        if labels.is_cpu and not torch.compiler.is_compiling() and ((labels < 0) | (labels >= classes)).any():
            raise ValueError(
                f"labels must lie in 0, ..., {classes - 1}, got {labels.min().item()} to {labels.max().item()}"
            )
        return (labels[:, None] == torch.arange(classes, device=labels.device)).to(self.zero.dtype)
