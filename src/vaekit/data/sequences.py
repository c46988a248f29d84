"""Generated sequences: clips, and what they were made of."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

__all__ = ["Sequences"]

MOST_FRAMES = 500_000  # of all clips together: about 4 GiB while they are drawn


@dataclass(frozen=True, eq=False, repr=False)
class Sequences:
    """`x` (N, T, *frame) in whole `levels`, and the factors of every clip.

    `content`: attributes that stay the same in a clip, each (N,) class numbers, by name. `motion` (N,): what it does.
    `names`: what the classes of an attribute, and of "motion", are called. `lengths` (N,), where clips end before T.
    `origin` (N,): what a clip is made of, where that is to be in one split alone.
    """

    name: str
    x: np.ndarray
    content: Mapping[str, np.ndarray]
    motion: np.ndarray
    names: Mapping[str, tuple[str, ...]]
    levels: int
    lengths: np.ndarray | None = None
    origin: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.x)

    def __repr__(self) -> str:
        return f"Sequences({self.name}: {self.x.shape}, {', '.join(self.content)} and motion)"

    def ending(self, least: int, seed: int = 0) -> "Sequences":
        """The same clips, each with a length drawn evenly from `least` to T."""
        steps = self.x.shape[1]
        checked_least(least, steps)
        generator = np.random.default_rng((seed, 1))
        return replace(self, lengths=generator.integers(least, steps + 1, size=len(self)))


def sizes(n: Any, steps: Any, least: Any = None) -> tuple[int, int, int]:
    """How many clips, their steps, and the fewest steps that one has; ValueError for what is none, or too much."""
    n, steps = whole_at_least(n, 1, "n"), whole_at_least(steps, 1, "steps")
    if n * steps > MOST_FRAMES:
        raise ValueError(f"n times steps must be at most {MOST_FRAMES:,} frames, got {n:,} clips of {steps:,} steps")
    return n, steps, steps if least is None else checked_least(least, steps)


def checked_least(least: Any, steps: int) -> int:
    """The fewest steps of a clip."""
    if whole_at_least(least, 1, "least") > steps:
        raise ValueError(f"least must be at most the {steps} steps of the clips, got {least}")
    return int(least)


def whole_at_least(value: Any, least: int, name: str) -> int:
    """A whole number from `least`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
    return int(value)
