"""From examples as they come to examples as models take them: checked, shaped, channels first."""

import math
from dataclasses import replace
from functools import partial

import numpy as np

from vaekit.data.contexts import as_sequence, check_context
from vaekit.data.domain import Domain
from vaekit.data.rows import Rows, changed
from vaekit.data.sources import Examples
from vaekit.data.values import is_whole

__all__: list[str] = []

PICTURES = (Domain.BINARY, Domain.LEVELS, Domain.UNIT)
CHANNELS = (1, 3)


def checked(examples: Examples, name: str, least: int = 2) -> Examples:
    """The same examples, at least so many of them, with as many sound labels and contexts."""
    if examples.x.ndim < 2:
        raise ValueError(
            f"{name}: x must be (N, *event), got shape {examples.x.shape}: for single numbers give x[:, None]"
        )
    if len(examples) < least:
        raise ValueError(f"{name}: x must hold at least {least} examples, got {len(examples)}")
    for role, array in (("labels", examples.labels), ("context", examples.context), ("factors", examples.factors)):
        if array is not None and (array.ndim == 0 or len(array) != len(examples)):
            raise ValueError(f"{name}: {role} must be one for each of {len(examples)} examples, got {array.shape}")
    labels = None if examples.labels is None else checked_labels(examples.labels, name)
    if examples.context is None:
        return replace(examples, labels=labels)
    context = as_sequence(examples.context)
    check_context(context, name)
    return replace(examples, labels=labels, context=context)


def checked_labels(labels: np.ndarray, name: str) -> np.ndarray:
    """Labels (N,) as integers from 0, and -1 where one is not known (-1 or NaN there); a column (N, 1) is taken too."""
    flat = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
    if flat.dtype.kind == "f":
        flat = np.where(np.isnan(flat), -1, flat)
    if flat.ndim != 1 or flat.dtype.kind not in "biuf" or not is_whole(flat) or not np.isfinite(flat).all():
        raise ValueError(
            f"{name}: labels must be (N,) whole numbers from 0, got {labels.shape} of {labels.dtype}: "
            "anything else belongs in context="
        )
    if flat.min() < -1:
        raise ValueError(f"{name}: labels must be at least 0, or -1 where one is not known, got {flat.min()}")
    return flat.astype(np.int64)


def shaped(
    x: np.ndarray | Rows, shape: tuple[int, ...] | None, timed: bool = False
) -> tuple[np.ndarray | Rows, tuple[str, ...]]:
    """x (N, *event) in the wanted event shape, or 8-bit pictures with their channels first; and what was done.

    `timed`: pictures are the frames of (N, T, *frame).
    """
    if shape is not None:
        if math.prod(shape) != math.prod(x.shape[1:]):
            raise ValueError(f"shape must hold the {math.prod(x.shape[1:])} elements of {x.shape[1:]}, got {shape}")
        return changed(x, partial(reshaped, event=shape)), ()
    frame = x.shape[1 + timed :]
    last = len(frame) == 3 and x.dtype == np.uint8 and frame[-1] in CHANNELS and frame[0] not in CHANNELS
    return (changed(x, channels_first), ("channels moved first",)) if last else (x, ())


def with_channel(x: np.ndarray | Rows, domain: Domain, timed: bool = False) -> np.ndarray | Rows:
    """Pictures (N, H, W) as (N, 1, H, W), and frames (N, T, H, W) as (N, T, 1, H, W); anything else as it is."""
    if x.ndim != 3 + timed or domain not in PICTURES:
        return x
    return changed(x, partial(reshaped, event=(*x.shape[1:-2], 1, *x.shape[-2:])))


def reshaped(x: np.ndarray, event: tuple[int, ...]) -> np.ndarray:
    """x (B, *other) as (B, *event)."""
    return x.reshape(len(x), *event)


def channels_first(x: np.ndarray) -> np.ndarray:
    """(..., H, W, C) as (..., C, H, W)."""
    return np.moveaxis(x, -1, -3)
