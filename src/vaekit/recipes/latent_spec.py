"""What a prior must know of the latent that it is fitted to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vaekit.training.reading import field_of

__all__ = ["LatentSpec"]

MOST_NUMBERS = 1 << 24


@dataclass(frozen=True)
class LatentSpec:
    """A latent: the `event_shape` (D, *positions) of its values and the `sizes` of its digits; of real numbers it has none.

    `context`: the shape of what the prior depends on, a vector's or that of a map over the positions; None for nothing.
    """

    name: str
    event_shape: tuple[int, ...]
    sizes: tuple[int, ...]
    context: tuple[int, ...] | None = None

    @property
    def positions(self) -> tuple[int, ...]:
        """How the codes lie: (height, width) of a map, (length,) of a sequence."""
        return self.event_shape[1:] or (1,)

    def of_numbers(self, prior: str) -> int:
        """How many real numbers the latent is. Raises ValueError for codes, and for anything but a vector."""
        if self.sizes:
            raise ValueError(
                f"the prior {prior} is over real numbers, {self.name} has codes: fit transformer or maskgit"
            )
        if len(self.event_shape) != 1:
            raise ValueError(f"the prior {prior} is over vectors, {self.name} has the shape {self.event_shape}")
        return self.event_shape[0]

    def of_codes(self, prior: str) -> tuple[int, ...]:
        """The kinds of each digit. Raises ValueError for a latent of real numbers."""
        if not self.sizes:
            raise ValueError(
                f"the prior {prior} is over codes, {self.name} is of real numbers: fit flow or mixture (--prior flow)"
            )
        return self.sizes

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON has them."""
        context = None if self.context is None else list(self.context)
        return {
            "name": self.name,
            "event_shape": list(self.event_shape),
            "sizes": list(self.sizes),
            "context": context,
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "LatentSpec":
        """What `to_dict` wrote. Raises ValueError for a record that it could not have written."""
        field_of(record, "name", lambda v: isinstance(v, str), "a name")
        for field in ("event_shape", "sizes"):
            field_of(record, field, are_sizes, "whole numbers of at least 1")
        field_of(record, "context", lambda v: v is None or are_sizes(v), "whole numbers of at least 1, or null")
        context = record["context"]
        return cls(
            record["name"],
            tuple(record["event_shape"]),
            tuple(record["sizes"]),
            None if context is None else tuple(context),
        )


def are_sizes(value: Any) -> bool:
    """Whether a JSON value is a list of sizes."""
    return isinstance(value, list) and all(
        isinstance(n, int) and not isinstance(n, bool) and 1 <= n <= MOST_NUMBERS for n in value
    )
