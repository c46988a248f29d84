"""The words for what data are and how they are made ready."""

from enum import StrEnum
from typing import Any, TypeVar

__all__ = ["Binarise", "Domain", "Fit"]

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


class Fit(StrEnum):
    """How a picture gets another size.

    CROP scales until the shorter side fits and cuts the middle out, STRETCH changes the proportions, PAD scales until
    the longer side fits and adds black.
    """

    CROP = "crop"
    STRETCH = "stretch"
    PAD = "pad"


WHOLE = (Domain.BINARY, Domain.LEVELS, Domain.COUNTS, Domain.CATEGORIES)


def chosen(kind: type[Choice], value: Any, argument: str) -> Choice:
    """The member of `kind` that `value` names; `argument` is what the error calls it."""
    if value not in list(kind):
        raise ValueError(f"{argument} must be one of {', '.join(kind)}, got {value!r}")
    return kind(value)
