"""How a network's several inputs, data and context, become the one tensor that its first layer reads."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["as_context", "image_with_context", "joined"]


def joined(inputs: Sequence[Float[Tensor, "B *_"]], features: int, name: str) -> Float[Tensor, "B {features}"]:
    """Each input (B, ...) flattened beyond the batch axis, and all of them side by side."""
    counts = [math.prod(x.shape[1:]) for x in inputs]
    if sum(counts) != features:
        came = " and ".join(f"{n} from shape {tuple(x.shape)}" for n, x in zip(counts, inputs, strict=True))
        raise ValueError(f"{name} must hold {features} features in all, got {came or 'none'}")
    if len(inputs) == 1:
        return inputs[0].flatten(1)
    flat = [x.reshape(x.shape[0], n) for n, x in zip(counts, inputs, strict=True)]
    return torch.cat(flat, dim=1)


def image_with_context(
    x: Float[Tensor, "B C H W"], context: Sequence[Float[Tensor, "B *_"]], in_shape: tuple[int, ...], features: int
) -> Float[Tensor, "B channels H W"]:
    """The image with each of the context's features as one more constant channel."""
    if tuple(x.shape[1:]) != in_shape:
        raise ValueError(f"x must have shape (B, {', '.join(map(str, in_shape))}), got {tuple(x.shape)}")
    if not features and not context:
        return x
    c = joined(context, features, "context")[:, :, None, None]
    return torch.cat([x, c.expand(-1, -1, *in_shape[1:])], dim=1)


def as_context(context: int) -> int:
    """A number of features, possibly none."""
    if context < 0:
        raise ValueError(f"context must be a number of features of at least 0, got {context}")
    return context
