"""Generated sequences: clips, and what they were made of."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

__all__ = ["Sequences"]


@dataclass(frozen=True, eq=False, repr=False)
class Sequences:
    """`x` (N, T, *frame) in whole `levels`, and the factors of every clip.

    `content`: attributes that stay the same in a clip, each (N,) class numbers, by name. `motion` (N,): what it does.
    `names`: what the classes of an attribute, and of "motion", are called. `lengths` (N,), where clips end before T.
    """

    name: str
    x: np.ndarray
    content: Mapping[str, np.ndarray]
    motion: np.ndarray
    names: Mapping[str, tuple[str, ...]]
    levels: int
    lengths: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.x)

    def __repr__(self) -> str:
        return f"Sequences({self.name}: {self.x.shape}, {', '.join(self.content)} and motion)"

    def ending(self, least: int, seed: int = 0) -> "Sequences":
        """The same clips, each with a length drawn evenly from `least` to T."""
        steps = self.x.shape[1]
        if whole_at_least(least, 1, "least") > steps:
            raise ValueError(f"least must be at most the {steps} steps of the clips, got {least}")
        generator = np.random.default_rng((seed, 1))
        return replace(self, lengths=generator.integers(least, steps + 1, size=len(self)))


def whole_at_least(value: Any, least: int, name: str) -> int:
    """A whole number from `least`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
    return int(value)
