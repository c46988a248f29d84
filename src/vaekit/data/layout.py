"""From arrays as they come to examples as models take them: checked, shaped, channels first."""

import math
from dataclasses import replace

import numpy as np

from vaekit.data.domain import Domain, is_whole
from vaekit.data.sources import Examples

__all__: list[str] = []

PICTURES = (Domain.BINARY, Domain.LEVELS, Domain.UNIT)
CHANNELS = (1, 3)


def checked(examples: Examples, name: str) -> Examples:
    """The same examples, each array sound and as long as the others."""
    check_numbers(examples.x, f"{name}: x")
    if examples.x.ndim < 2:
        raise ValueError(
            f"{name}: x must be (N, *event), got shape {examples.x.shape}: for single numbers give x[:, None]"
        )
    if len(examples) < 2:
        raise ValueError(f"{name}: x must hold at least 2 examples, got {len(examples)}")
    for role, array in (("labels", examples.labels), ("context", examples.context)):
        if array is not None and (array.ndim == 0 or len(array) != len(examples)):
            raise ValueError(f"{name}: {role} must be one for each of {len(examples)} examples, got {array.shape}")
    if examples.context is not None:
        check_numbers(examples.context, f"{name}: context")
    return replace(examples, labels=None if examples.labels is None else checked_labels(examples.labels, name))


def checked_labels(labels: np.ndarray, name: str) -> np.ndarray:
    """Labels (N,) as integers from 0; a column (N, 1) is taken too."""
    flat = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
    if flat.ndim != 1 or flat.dtype.kind not in "biuf" or not is_whole(flat):
        raise ValueError(
            f"{name}: labels must be (N,) whole numbers from 0, got {labels.shape} of {labels.dtype}: "
            "anything else belongs in context="
        )
    if flat.min() < 0:
        raise ValueError(f"{name}: labels must be at least 0, got {flat.min()}")
    return flat.astype(np.int64)


def check_numbers(x: np.ndarray, name: str) -> None:
    """Raise unless x holds finite numbers, and some."""
    if x.dtype.kind not in "biuf":
        raise ValueError(f"{name} must hold real numbers, got {x.dtype}")
    if x.size == 0:
        raise ValueError(f"{name} must not be empty, got shape {x.shape}")
    if x.dtype.kind != "f":
        return
    largest = max(abs(float(x.min())), abs(float(x.max())))  # nan and inf survive both
    if not largest <= float(np.finfo(np.float32).max):
        with np.errstate(over="ignore"):
            bad = ~np.isfinite(x.astype(np.float32))
        first = np.unravel_index(bad.argmax(), x.shape)
        raise ValueError(f"{name} must be finite in float32, got {x[first]} in example {first[0]}")


def shaped(x: np.ndarray, shape: tuple[int, ...] | None) -> tuple[np.ndarray, tuple[str, ...]]:
    """x (N, *event) in the wanted event shape, or 8-bit pictures with their channels first; and what was done."""
    if shape is not None:
        if math.prod(shape) != math.prod(x.shape[1:]):
            raise ValueError(f"shape must hold the {math.prod(x.shape[1:])} elements of {x.shape[1:]}, got {shape}")
        return x.reshape(len(x), *shape), ()
    last = x.ndim == 4 and x.dtype == np.uint8 and x.shape[-1] in CHANNELS and x.shape[1] not in CHANNELS
    return (np.moveaxis(x, -1, 1), ("channels moved first",)) if last else (x, ())


def with_channel(x: np.ndarray, domain: Domain) -> np.ndarray:
    """Pictures (N, H, W) as (N, 1, H, W); anything else as it is."""
    return x[:, None] if x.ndim == 3 and domain in PICTURES else x
