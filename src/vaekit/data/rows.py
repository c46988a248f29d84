"""Examples by row, wherever they lie: what opening and streaming ask of a file of arrays, of pictures, of shards."""

import math
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

__all__: list[str] = []

Change = Callable[[np.ndarray], np.ndarray]

PIECE = 16 << 20  # bytes that are looked at together
THREADS = min(4, os.cpu_count() or 1)
EACH = 128  # examples that a thread takes at a time
GIB = 1 << 30
FROM_FILES = "streamed from files"


class Rows(ABC):
    """Examples (N, *event) outside memory; `take` may be called from several threads at once."""

    shape: tuple[int, ...]
    dtype: np.dtype
    kept: str = FROM_FILES  # where they are, in words

    @abstractmethod
    def take(self, rows: np.ndarray) -> np.ndarray:
        """The examples at `rows` (B,), in memory: (B, *event)."""

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def ndim(self) -> int:
        """One more than the rank of the event."""
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """What all of them would take in memory."""
        return math.prod(self.shape) * self.dtype.itemsize


@dataclass(frozen=True)
class Changed(Rows):
    """Rows that go through `change`, which maps (B, *event) to (B, *other)."""

    given: Rows
    change: Change
    shape: tuple[int, ...]
    dtype: np.dtype
    kept: str = FROM_FILES

    def take(self, rows: np.ndarray) -> np.ndarray:
        """The examples at `rows`, changed."""
        return self.change(self.given.take(rows))


@dataclass(frozen=True)
class Leading(Rows):
    """The first of some rows."""

    given: Rows
    shape: tuple[int, ...]
    dtype: np.dtype
    kept: str = FROM_FILES

    def take(self, rows: np.ndarray) -> np.ndarray:
        """The examples at `rows`."""
        return self.given.take(rows)


def leading(x: np.ndarray | Rows, n: int) -> np.ndarray | Rows:
    """At most the first n examples."""
    return x[:n] if isinstance(x, np.ndarray) else Leading(x, (min(n, len(x)), *x.shape[1:]), x.dtype, x.kept)


def changed(x: np.ndarray | Rows, change: Change) -> np.ndarray | Rows:
    """x changed at once where it is in memory, else at every visit."""
    if isinstance(x, np.ndarray):
        return change(x)
    probe = change(np.zeros((1, *x.shape[1:]), x.dtype))
    return Changed(x, change, (len(x), *probe.shape[1:]), probe.dtype, x.kept)


def taken(x: np.ndarray | Rows, rows: np.ndarray) -> np.ndarray:
    """Some examples, in memory."""
    return x[rows] if isinstance(x, np.ndarray) else x.take(rows)


def pieces(x: np.ndarray | Rows, rows: np.ndarray | None = None) -> Iterator[tuple[int, np.ndarray]]:
    """Examples in order (of `rows`, else all), a bounded number of bytes at a time, each with its first position."""
    rows = np.arange(len(x)) if rows is None else rows
    each = max(1, math.prod(x.shape[1:]) * x.dtype.itemsize)
    step = max(1, PIECE // each)
    for start in range(0, len(rows), step):
        yield start, taken(x, rows[start : start + step])


def in_memory(x: np.ndarray | Rows) -> np.ndarray:
    """All examples as one array, read on several threads."""
    if isinstance(x, np.ndarray):
        return x
    whole = np.empty(x.shape, x.dtype)

    def fill(rows: range) -> None:
        whole[rows.start : rows.stop] = x.take(np.arange(rows.start, rows.stop))

    on_threads(len(x), fill, max(1, min(EACH, PIECE // max(1, x.nbytes // len(x)))))
    return whole


def on_threads(n: int, work: Callable[[range], None], each: int = EACH) -> None:
    """Do the work for every range of `each` of n numbers, on as many threads as there are processors, up to four."""
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, (range(start, min(start + each, n)) for start in range(0, n, each))))


def fits(nbytes: int, memory: float) -> bool:
    """Whether so many bytes may be held, under a budget in GiB."""
    return nbytes <= memory * GIB


def all_equal(x: np.ndarray | Rows) -> bool:
    """Whether every example is the first one; looks no further than the first that differs."""
    first = taken(x, np.zeros(1, int))
    second = taken(x, np.ones(1, int)) if len(x) > 1 else first
    return bool((first == second).all()) and all(bool((piece == first).all()) for _, piece in pieces(x))
