"""Where sequences end: lengths that are checked, and what stands behind an end made harmless."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from vaekit.data.layout import shaped
from vaekit.data.rows import FROM_FILES, Rows
from vaekit.data.sources import Examples, Found, described
from vaekit.data.values import is_whole

__all__: list[str] = []


@dataclass(frozen=True)
class Ended(Rows):
    """Sequences (N, T, *frame) outside memory, each with its last step again at every place behind its end."""

    given: Rows
    lengths: np.ndarray
    shape: tuple[int, ...]
    dtype: np.dtype
    kept: str = FROM_FILES

    def take(self, rows: np.ndarray) -> np.ndarray:
        """The examples at `rows`, ended."""
        return last_step_held(self.given.take(rows), self.lengths[rows])


def over_time(found: Found, shape: tuple[int, ...] | None, timed: bool | None) -> Found:
    """The source in the wanted shape, with the word on whether its examples are sequences."""
    known = found.timed or found.train.lengths is not None
    if known and timed is False:
        raise ValueError(f"timed must not be False for {found.name!r}, whose examples are sequences")
    if timed and found.values is not None:
        raise ValueError(f"timed belongs to arrays of sequences, got the pictures of {found.name!r}")
    if shape is None or not (known or timed):
        return replace(found, timed=known or bool(timed))
    roles = {"train": found.train, **found.own()}
    examples: dict[str, Any] = {role: replace(one, x=shaped(one.x, shape, True)[0]) for role, one in roles.items()}
    return replace(found, **examples, timed=True)


def ended(found: Found) -> Found:
    """The source, its sequences ended at their lengths. Raises ValueError where lengths disagree with the data."""
    roles = {"train": found.train, **found.own()}
    names = {role: found.name if role == "train" else f"{found.name} ({role})" for role in roles}
    changed: dict[str, Any] = {role: at_ends(one, names[role], found.timed) for role, one in roles.items()}
    return replace(found, **changed)


def at_ends(examples: Examples, name: str, timed: bool) -> Examples:
    """The same sequences with nothing of what stands behind their ends; examples without lengths as they are."""
    x = examples.x
    if timed and x.ndim < 3:
        raise ValueError(
            f"{name}: sequences must be (N, T, *frame), got shape {x.shape}: for single numbers give x[..., None]"
        )
    if examples.lengths is None:
        return examples
    lengths = checked_lengths(examples.lengths, len(x), x.shape[1], name)
    held = last_step_held(x, lengths) if isinstance(x, np.ndarray) else Ended(x, lengths, x.shape, x.dtype, x.kept)
    return replace(examples, x=held, lengths=lengths)


def checked_lengths(lengths: np.ndarray, n: int, steps: int, name: str) -> np.ndarray:
    """Lengths (N,) as whole numbers from 1 to `steps`, one for each of n sequences."""
    if lengths.shape != (n,):
        raise ValueError(f"{name}: lengths must be one for each of {n} sequences, got shape {lengths.shape}")
    if lengths.dtype.kind not in "iuf" or not np.isfinite(lengths).all() or not is_whole(lengths):
        raise ValueError(f"{name}: lengths must be whole numbers of steps, got {described(lengths)}")
    for wrong, accepted in ((lengths < 1, "at least 1"), (lengths > steps, f"at most the {steps} steps of x")):
        if wrong.any():
            first = int(wrong.argmax())
            raise ValueError(f"{name}: lengths must be {accepted}, got {int(lengths[first])} for example {first}")
    return lengths.astype(np.int64)


def last_step_held(x: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """x (B, T, *frame) with the last step of each sequence at every place behind its end.

    So padding of any value, NaN too, is gone before values are looked at, and what takes its place is in their domain.
    """
    steps = np.minimum(np.arange(x.shape[1]), lengths[:, None] - 1)  # (B, T)
    return x[np.arange(len(x))[:, None], steps]
