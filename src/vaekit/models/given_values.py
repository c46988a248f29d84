"""Values that latents are given from outside: their shapes, and what stands at a step of them."""

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["check_rows", "check_value", "step_of"]


def check_value(value: Tensor, who: str, event: Sequence[int | None], leading: Sequence[int]) -> None:
    """Raise ValueError unless a value for the latent `who` is (..., B, *event), the axes in front being some or none
    of the last of `leading`; None in `event` is any size.
    """
    wanted = (*leading, *event)
    absent = len(wanted) - value.ndim
    sizes = zip(wanted[max(absent, 0) :], value.shape, strict=False)
    if not 0 <= absent <= len(leading) or not all(size in (None, found) for size, found in sizes):
        shape = ", ".join("any" if size is None else str(size) for size in (leading[-1], *event))
        raise ValueError(f"a value for {who} must have the shape ({shape}), got {tuple(value.shape)}")


def check_rows(where: Tensor | None, who: str, rows: int) -> None:
    """Raise ValueError unless `where`, if it is said, is a mask of the rows (B,)."""
    if where is not None and (where.dtype is not torch.bool or where.shape != (rows,)):
        raise ValueError(
            f"where of an observed {who} must be bool of shape ({rows},), got {where.dtype} of {tuple(where.shape)}"
        )


def step_of(sequence: Tensor, t: int | Tensor) -> Tensor:
    """What stands at step t, or at t[b] in each row b, of a value given from outside, (B, T, ...) -> (B, ...)."""
    last = t if isinstance(t, int) else int(t.max())
    if sequence.ndim < 2 or sequence.shape[1] <= last:
        raise ValueError(
            f"a value for step {last} of a sequence must be (B, T > {last}, ...), got {tuple(sequence.shape)}"
        )
    return sequence[:, t] if isinstance(t, int) else sequence[torch.arange(len(t), device=t.device), t]
