"""What the values of an array are, found by one pass in bounded memory, and the smallest type that holds them."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from vaekit.data.domain import WHOLE, Domain
from vaekit.data.rows import Rows, pieces

__all__: list[str] = []

FINITE_GRIDS = (Domain.LEVELS, Domain.CATEGORIES)
INTEGERS = (np.uint8, np.int8, np.int16, np.int32, np.int64)


@dataclass(frozen=True)
class Values:
    """The lowest and highest value, whether none has a fraction, and whether the type has none."""

    low: Any
    high: Any
    whole: bool
    integer: bool


BYTES = Values(0, 255, True, True)


def survey(x: np.ndarray | Rows, name: str) -> Values:
    """What x (N, *event) holds. Raises unless it is real numbers, at least one, all finite in float32."""
    if x.dtype.kind not in "biuf":
        raise ValueError(f"{name} must hold real numbers, got {x.dtype}")
    if 0 in x.shape or not x.ndim:
        raise ValueError(f"{name} must not be empty, got shape {x.shape}")
    found = [values_in(piece, name, start) for start, piece in pieces(x)]
    whole = all(part.whole for part in found)
    return Values(min(p.low for p in found), max(p.high for p in found), whole, is_integer(x))


def values_in(x: np.ndarray, name: str, start: int) -> Values:
    """The same of one piece, whose first example is number `start`."""
    low, high = x.min(), x.max()
    if not is_integer(x) and not max(abs(float(low)), abs(float(high))) <= float(np.finfo(np.float32).max):
        with np.errstate(over="ignore"):
            bad = ~np.isfinite(x.astype(np.float32))
        first = np.unravel_index(bad.argmax(), x.shape)
        raise ValueError(f"{name} must be finite in float32, got {x[first]} in example {start + int(first[0])}")
    return Values(low, high, is_whole(x), is_integer(x))


def domain_of(values: Values, rank: int) -> tuple[Domain, str]:
    """The narrowest domain that plainly holds events of this rank, and why; integers are levels only in pictures."""
    if values.low >= 0 and values.high <= 1 and values.whole:
        return Domain.BINARY, "every value is 0 or 1"
    if values.integer:
        if rank not in (2, 3):
            return Domain.REAL, "integers that are not a picture's"
        grey = values.low >= 0 and values.high <= 255
        return (Domain.LEVELS, "a picture's integers in 0..255") if grey else (Domain.REAL, "integers beyond 0..255")
    if values.low >= 0 and values.high <= 1:
        return Domain.UNIT, "every value lies in [0, 1]"
    return Domain.REAL, f"values lie in {values.low:.4g}..{values.high:.4g}"


def levels_of(values: Values, domain: Domain, levels: int | None) -> int | None:
    """How many values an element has: as told, else 256 for grey levels and the highest + 1 for categories."""
    if domain not in FINITE_GRIDS:
        if levels is not None:
            raise ValueError(f"levels belongs to the domains {' and '.join(FINITE_GRIDS)}, got {levels} for {domain}")
        return None
    if levels is None:
        return 256 if domain is Domain.LEVELS else int(values.high) + 1
    if levels < 2:
        raise ValueError(f"levels must be at least 2, got {levels}")
    return levels


def check_values(values: Values, domain: Domain, levels: int | None, name: str) -> None:
    """Raise where values leave their domain."""
    low, high = values.low, values.high
    if domain in WHOLE and not values.whole:
        raise ValueError(f"{name} must hold whole numbers to have the domain {domain}, got fractions")
    top = {Domain.BINARY: 1, Domain.UNIT: 1}.get(domain, math.inf if levels is None else levels - 1)
    if domain is not Domain.REAL and (low < 0 or high > top):
        accepted = "at least 0" if top == math.inf else f"in 0..{top}"
        raise ValueError(f"{name} must be {accepted} to have the domain {domain}, got values in {low}..{high}")


def is_integer(x: np.ndarray | Rows) -> bool:
    """Whether the array's type has no fractions."""
    return x.dtype.kind in "biu"


def is_whole(x: np.ndarray) -> bool:
    """Whether no value has a fraction."""
    return is_integer(x) or bool((x == np.floor(x)).all())


def smallest(values: Values, dtype: np.dtype, whole: bool) -> np.dtype:
    """The smallest type for values of `dtype`: integers where `whole`, else float16 as it is and float32 for others."""
    if whole:
        return integers_for(values)
    return np.dtype(np.float16 if dtype == np.float16 else np.float32)


def integers_for(values: Values) -> np.dtype:
    """The smallest integer type of torch that holds them."""
    fitting = (kind for kind in INTEGERS if np.iinfo(kind).min <= values.low and values.high <= np.iinfo(kind).max)
    kind = next(fitting, None)
    if kind is None:
        raise ValueError(f"integers must fit 64 bits, got values in {values.low}..{values.high}")
    return np.dtype(kind)


def as_type(x: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """x as a C-ordered array of `dtype` in the machine's byte order, which torch may share."""
    return np.require(x.astype(dtype, copy=False), dtype.newbyteorder("="), ["C", "W"])


def torch_type(dtype: np.dtype) -> torch.dtype:
    """torch's name of a stored type."""
    return torch.from_numpy(np.empty(0, dtype)).dtype
