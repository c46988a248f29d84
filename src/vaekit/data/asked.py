"""What the user said, checked one argument at a time before any work is done."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vaekit.data.domain import Binarise, Domain, Fit, chosen
from vaekit.data.records import short

__all__: list[str] = []

UNITS = ("words", "characters")
UNREADABLE = ("refuse", "skip")
MOST_PIXELS = 8192  # along a side of pictures that are given a size


@dataclass(frozen=True)
class Wanted:
    """What the user said about the values."""

    shape: tuple[int, ...] | None = None
    domain: Domain | None = None
    levels: int | None = None
    binarise: Binarise | None = None
    dequantise: bool = False
    standardise: bool | None = None
    timed: bool | None = None

    def record(self) -> dict[str, Any]:
        """The same as arguments of `open` that JSON can hold."""
        return {
            "shape": None if self.shape is None else list(self.shape),
            "domain": None if self.domain is None else str(self.domain),
            "levels": self.levels,
            "binarise": None if self.binarise is None else str(self.binarise),
            "dequantise": self.dequantise,
            "standardise": self.standardise,
            "timed": self.timed,
        }


@dataclass(frozen=True)
class FromFiles:
    """What the user said about how files are read."""

    size: tuple[int, int] | None = None
    fit: Fit | None = None
    channels: int | None = None
    skip: bool = False
    columns: tuple[str, ...] | None = None
    label_column: str | None = None
    memory: float = 2.0
    limit: int | None = None
    unit: str | None = None
    vocabulary: int | None = None
    longest: int | None = None

    def record(self) -> dict[str, Any]:
        """The same, but for a column of labels, as arguments of `open` that JSON can hold."""
        return {
            "size": None if self.size is None else list(self.size),
            "fit": None if self.fit is None else str(self.fit),
            "channels": self.channels,
            "unreadable": "skip" if self.skip else "refuse",
            "columns": None if self.columns is None else list(self.columns),
            "memory": self.memory,
            "limit": self.limit,
            "unit": self.unit,
            "vocabulary": self.vocabulary,
            "longest": self.longest,
        }


def wanted(
    shape: Any, domain: Any, levels: Any, binarise: Any, dequantise: bool, standardise: bool | None, timed: bool | None
) -> Wanted:
    """The user's words about values, checked against each other."""
    if binarise is not None and dequantise:
        raise ValueError(
            f"binarise throws grey levels away and dequantise adds to them: give one, got {binarise!r} and True"
        )
    return Wanted(
        event_shape(shape),
        None if domain is None else chosen(Domain, domain, "domain"),
        whole_number(levels, "levels", 2),
        None if binarise is None else chosen(Binarise, binarise, "binarise"),
        truth(dequantise, "dequantise"),
        None if standardise is None else truth(standardise, "standardise"),
        None if timed is None else truth(timed, "timed"),
    )


def from_files(
    size: Any,
    fit: Any,
    channels: Any,
    unreadable: Any,
    columns: Any,
    memory: Any,
    limit: Any,
    unit: Any,
    vocabulary: Any,
    longest: Any,
) -> FromFiles:
    """The user's words about files, checked."""
    if channels not in (None, 1, 3) or isinstance(channels, bool):
        raise ValueError(f"channels must be 1 (grey) or 3 (colour), got {channels!r}")
    if unreadable not in UNREADABLE:
        raise ValueError(f"unreadable must be one of {', '.join(UNREADABLE)}, got {unreadable!r}")
    if isinstance(memory, bool) or not isinstance(memory, int | float) or not memory >= 0:
        raise ValueError(f"memory must be a number of GiB of at least 0, got {short(memory)}")
    if unit not in (None, *UNITS):
        raise ValueError(f"unit must be {' or '.join(UNITS)}, got {unit!r}")
    if fit is not None and size is None:
        raise ValueError(f"fit says how pictures get the size: give size= too, got {short(fit)} alone")
    return FromFiles(
        picture_size(size),
        None if fit is None else chosen(Fit, fit, "fit"),
        channels,
        unreadable == "skip",
        column_names(columns),
        memory=float(memory),
        limit=whole_number(limit, "limit", 2),
        unit=unit,
        vocabulary=whole_number(vocabulary, "vocabulary", 3),
        longest=whole_number(longest, "longest", 1),
    )


def picture_size(size: Any) -> tuple[int, int] | None:
    """One side for both, or (height, width)."""
    if size is None:
        return None
    sides = tuple(size) if isinstance(size, Sequence) and not isinstance(size, str) else (size, size)
    if len(sides) != 2 or any(not is_whole(n) or not 1 <= n <= MOST_PIXELS for n in sides):
        raise ValueError(f"size must be a side of 1 to {MOST_PIXELS} pixels or (height, width), got {size!r}")
    return int(sides[0]), int(sides[1])


def event_shape(shape: Any) -> tuple[int, ...] | None:
    """The sizes of an event's axes."""
    if shape is None:
        return None
    sound = isinstance(shape, Sequence) and not isinstance(shape, str)
    if not sound or any(not is_whole(n) or n < 1 for n in shape):
        raise ValueError(f"shape must be a list of sizes of at least 1, got {shape!r}")
    return tuple(map(int, shape))


def column_names(columns: Any) -> tuple[str, ...] | None:
    """A table's columns by name, at least one, each once."""
    if columns is None:
        return None
    sound = isinstance(columns, Sequence) and not isinstance(columns, str) and len(columns) > 0
    if not sound or not all(isinstance(name, str) for name in columns) or len(set(columns)) < len(columns):
        raise ValueError(f"columns must be a list of column names, each once, got {columns!r}")
    return tuple(columns)


def whole_number(value: Any, name: str, least: int) -> int | None:
    """A whole number from `least`, or None."""
    if value is not None and (not is_whole(value) or value < least):
        of = f"{least} examples" if name == "limit" else str(least)
        raise ValueError(f"{name} must be a whole number of at least {of}, got {value!r}")
    return None if value is None else int(value)


def is_whole(value: Any) -> bool:
    """Whether it is a whole number, of Python's or numpy's, and no truth value."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def truth(value: Any, name: str) -> bool:
    """True or False."""
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be True or False, got {short(value)}")
    return value


def seed_number(value: Any) -> int:
    """A seed."""
    if not is_whole(value) or not 0 <= value < 1 << 63:
        raise ValueError(f"seed must be at least 0, got {short(value)}")
    return int(value)


def folder_path(value: Any) -> Path | None:
    """A folder's path, or None."""
    if value is not None and not isinstance(value, str | Path):
        raise ValueError(f"folder must be a path, got {short(value)}")
    return None if value is None else Path(value)
