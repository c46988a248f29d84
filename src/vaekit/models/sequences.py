"""Data of sequences: what of them is refused, where each ends, and what stands at steps that do not exist."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

__all__ = ["CONTROLS", "along_time", "check_sequences", "ends_of", "held", "taken"]

CONTROLS = ("mask", "reset")


def check_sequences(data: Mapping[str, Tensor]) -> None:
    """Raise ValueError unless there is x, all tensors share (B, T > 0), and a mask is bool and leaves each row a step."""
    if "x" not in data:
        raise ValueError(f"data must hold 'x', got {sorted(data)}")
    shapes = {name: tuple(t.shape[:2]) for name, t in data.items()}
    if len(set(shapes.values())) > 1 or any(t.ndim < 2 for t in data.values()):
        raise ValueError(f"sequences must share their first two axes (B, T), got {shapes}")
    if data["x"].shape[1] == 0:
        raise ValueError(f"sequences must have a step, got x of shape {tuple(data['x'].shape)}")
    for name in CONTROLS:
        if name in data and data[name].dtype is not torch.bool:
            raise ValueError(f"{name} must be bool, True or False at each step, got {data[name].dtype}")
    mask = data.get("mask")
    if mask is not None and not torch.compiler.is_compiling() and not bool(mask.any(1).all()):
        row = int((~mask.any(1)).nonzero()[0])
        raise ValueError(f"every sequence needs a step: mask leaves none in row {row}")


def ends_of(mask: Tensor) -> Tensor:
    """How many steps each row has up to its last one, (B, T) -> (B,)."""
    return mask.shape[1] - mask.flip(1).int().argmax(1)


def held(data: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """The same data with the last step before them at the steps that the mask leaves out, the first where none is.

    Figures count nothing there, but a gradient of zero times what is no number is no number.
    """
    mask = data.get("mask")
    if mask is None:
        return data
    steps = torch.arange(mask.shape[1], device=mask.device)
    last = torch.where(mask, steps, -1).cummax(1).values
    order = torch.where(last < 0, mask.int().argmax(1, keepdim=True), last)
    return {name: t if name in CONTROLS else taken(t, order, 1) for name, t in data.items()}


def taken(t: Tensor, order: Tensor, time: int) -> Tensor:
    """Step order[b, i] of row b at place i: (..., B, T, ...) with T at axis `time` -> (..., B, I, ...)."""
    rows = torch.arange(len(order), device=order.device)[:, None]
    return t.movedim((time - 1, time), (0, 1))[rows, order].movedim((0, 1), (time - 1, time))


def along_time(values: Sequence[Tensor], order: Tensor | None, event_rank: int) -> Tensor:
    """Values (..., B, *event) of steps side by side, (..., B, T, *event); those that `order` (B, T) takes, or all."""
    whole = torch.broadcast_tensors(*values)
    time = whole[0].ndim - event_rank
    found = torch.stack(whole, dim=time)
    return found if order is None else taken(found, order, time)
