"""A number with its unit, its error, and what it is in words."""

import math
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Figure"]

NATS, BITS, PERCENT = "nats/example", "bits/dim", "%"
WRITTEN = 4096  # dimensions of a latent, up to which each is written down
Known = Literal["lower", "upper"]
LOWER: Known = "lower"
UPPER: Known = "upper"
SIGNS = {LOWER: "≥ ", UPPER: "≤ "}


@dataclass(frozen=True)
class Figure:
    """A number, its unit, what it is in words, and its standard error over examples.

    `bound`: it is known to lie below what it stands for ("lower": the truth is at least this) or above ("upper").
    """

    value: float
    unit: str
    what: str
    standard_error: float | None = None
    bound: Known | None = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it; nan and infinity are null."""
        error = None if self.standard_error is None else finite(self.standard_error)
        told = {"value": finite(self.value), "standard_error": error, "unit": self.unit, "what": self.what}
        return told if self.bound is None else {**told, "bound": self.bound}

    def __str__(self) -> str:
        error = self.standard_error
        digits = 3 if self.unit == BITS else 2
        sign = "" if self.bound is None else SIGNS[self.bound]
        written = f"{sign}{self.value:.{digits}f}"
        return written if error is None or math.isnan(error) else f"{written} ± {error:.{digits}f}"


def finite(value: float) -> float | None:
    """JSON has neither nan nor infinity."""
    return value if math.isfinite(value) else None
