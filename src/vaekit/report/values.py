"""From tensors to arrays that can be drawn."""

import numpy as np
from torch import Tensor

__all__ = ["drawable"]


def drawable(t: Tensor, name: str) -> np.ndarray:
    """The values in float64 on the CPU; a ValueError where there are none, or where they are NaN or Inf."""
    values = t.detach().cpu().double().numpy()
    if not values.size:
        raise ValueError(f"{name} must hold at least one value to draw, got the shape {values.shape}")
    broken = int((~np.isfinite(values)).sum())
    if broken:
        raise ValueError(f"{name} must be finite to be drawn, got {broken} of {values.size} values that are NaN or Inf")
    return values
