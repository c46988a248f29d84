"""The values that data may take: what they are, how they are recognised, and their smallest storage."""

from enum import StrEnum
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

__all__ = ["Binarise", "Domain"]

Choice = TypeVar("Choice", bound=StrEnum)


class Domain(StrEnum):
    """What one element of an example may be.

    BINARY 0 or 1; LEVELS an integer grid 0..levels-1, seen by models as level / (levels - 1); UNIT floats in [0, 1];
    REAL any number; COUNTS integers from 0; CATEGORIES integers that only name something.
    """

    BINARY = "binary"
    LEVELS = "levels"
    UNIT = "unit"
    REAL = "real"
    COUNTS = "counts"
    CATEGORIES = "categories"


class Binarise(StrEnum):
    """When grey levels become 0 or 1: FIXED draws once when the data are opened, VISIT at every visit in training."""

    FIXED = "fixed"
    VISIT = "visit"


WHOLE = (Domain.BINARY, Domain.LEVELS, Domain.COUNTS, Domain.CATEGORIES)
FINITE_GRIDS = (Domain.LEVELS, Domain.CATEGORIES)
INTEGERS = (np.uint8, np.int8, np.int16, np.int32, np.int64)


def chosen(kind: type[Choice], value: Any, argument: str) -> Choice:
    """The member of `kind` that `value` names; `argument` is what the error calls it."""
    if value not in list(kind):
        raise ValueError(f"{argument} must be one of {', '.join(kind)}, got {value!r}")
    return kind(value)


def domain_of(x: np.ndarray) -> Domain:
    """The narrowest domain that plainly holds x (N, *event); integers are grey levels only in pictures."""
    low, high = x.min(), x.max()
    if low >= 0 and high <= 1 and is_whole(x):
        return Domain.BINARY
    if is_integer(x):
        picture = x.ndim in (3, 4)
        return Domain.LEVELS if picture and low >= 0 and high <= 255 else Domain.REAL
    return Domain.UNIT if low >= 0 and high <= 1 else Domain.REAL


def levels_of(x: np.ndarray, domain: Domain, levels: int | None) -> int | None:
    """How many values an element has: as told, else 256 for grey levels and the highest + 1 for categories."""
    if domain not in FINITE_GRIDS:
        if levels is not None:
            raise ValueError(f"levels belongs to the domains {' and '.join(FINITE_GRIDS)}, got {levels} for {domain}")
        return None
    if levels is None:
        return 256 if domain is Domain.LEVELS else int(x.max()) + 1
    if levels < 2:
        raise ValueError(f"levels must be at least 2, got {levels}")
    return levels


def check_values(x: np.ndarray, domain: Domain, levels: int | None, name: str) -> None:
    """Raise where x leaves its domain."""
    low, high = x.min(), x.max()
    if domain in WHOLE and not is_whole(x):
        raise ValueError(f"{name} must hold whole numbers to have the domain {domain}, got fractions")
    top = {Domain.BINARY: 1, Domain.UNIT: 1}.get(domain, np.inf if levels is None else levels - 1)
    if domain is not Domain.REAL and (low < 0 or high > top):
        accepted = "at least 0" if top == np.inf else f"in 0..{top}"
        raise ValueError(f"{name} must be {accepted} to have the domain {domain}, got values in {low}..{high}")


def is_integer(x: np.ndarray) -> bool:
    """Whether the array's type has no fractions."""
    return x.dtype.kind in "biu"


def is_whole(x: np.ndarray) -> bool:
    """Whether no value has a fraction."""
    return is_integer(x) or bool((x == np.floor(x)).all())


def smallest(x: np.ndarray, whole: bool) -> Tensor:
    """The same values in the smallest type: integers where `whole`, else float16 as it is and float32 for the rest."""
    if whole:
        return torch.from_numpy(writable(x.astype(integers_for(x), copy=False)))
    return torch.from_numpy(writable(x.astype(np.float16 if x.dtype == np.float16 else np.float32, copy=False)))


def integers_for(x: np.ndarray) -> type[np.signedinteger] | type[np.unsignedinteger]:
    """The smallest integer type of torch that holds x."""
    low, high = x.min(), x.max()
    fitting = (kind for kind in INTEGERS if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max)
    kind = next(fitting, None)
    if kind is None:
        raise ValueError(f"integers must fit 64 bits, got values in {low}..{high}")
    return kind


def writable(x: np.ndarray) -> np.ndarray:
    """A C-ordered array in the machine's byte order that torch may share."""
    return np.require(x, x.dtype.newbyteorder("="), ["C", "W"])
