"""Known factors of variation: what examples were made of, as whole numbers beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Factors"]

TABLES, NAMES = ("factors", "latents_classes"), "factor_names"  # keys of an .npz: ours and dSprites', and ours
DSPRITES = ("color", "shape", "scale", "orientation", "posX", "posY")  # named in its metadata, which is a pickle


@dataclass(frozen=True)
class Factors:
    """What the columns of a table of factors (N, F) are called, and how many values each has, counted from 0."""

    names: tuple[str, ...]
    sizes: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.names)

    def describe(self) -> str:
        """Every factor with its number of values."""
        return ", ".join(f"{name} ({size})" for name, size in zip(self.names, self.sizes, strict=True))


def factors_in(arrays: Mapping[str, Any], name: str) -> tuple[np.ndarray, Factors] | None:
    """The factors among the arrays of a file: "factors", with "factor_names" if there, or those of dSprites; else None."""
    by_key = {key.lower(): array for key, array in arrays.items()}
    table = next((by_key[key] for key in TABLES if key in by_key), None)
    if table is None:
        return None
    if not isinstance(table, np.ndarray) or table.ndim != 2:
        raise ValueError(f"factors of {name} must be (N, factors) in memory, got {getattr(table, 'shape', None)}")
    return numbered(table, names_for(by_key, table.shape[1], name), name)


def names_for(by_key: Mapping[str, Any], columns: int, name: str) -> tuple[str, ...]:
    """What the columns are called: as the file says, as dSprites does, else by their numbers."""
    said = by_key.get(NAMES)
    if said is not None:
        if said.shape != (columns,):
            raise ValueError(f"{NAMES} of {name} must be one for each of {columns} factors, got {said.shape}")
        return tuple(map(str, said))
    known = "factors" not in by_key and columns == len(DSPRITES)
    return DSPRITES if known else tuple(f"factor {i}" for i in range(columns))


def numbered(table: np.ndarray, names: Sequence[str], name: str) -> tuple[np.ndarray, Factors] | None:
    """Every column's values in order as 0, 1, ...; without columns of one value, and None where no others are left."""
    if table.dtype.kind not in "biuf" or (table.dtype.kind == "f" and not np.isfinite(table).all()):
        raise ValueError(f"factors of {name} must be finite numbers, got {table.dtype}, or NaN or Inf among them")
    columns = {}
    for called, column in zip(names, table.T, strict=True):
        values, numbers = np.unique(column, return_inverse=True)
        if len(values) > 1:
            columns[called] = (numbers.reshape(-1), len(values))
    if not columns:
        return None
    found = np.stack([numbers for numbers, _ in columns.values()], 1)
    return found, Factors(tuple(columns), tuple(size for _, size in columns.values()))
