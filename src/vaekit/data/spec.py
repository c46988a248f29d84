"""What a model must know of its data before it is built."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from vaekit.data.domain import Binarise, Domain, chosen

__all__ = ["DataSpec"]


@dataclass(frozen=True)
class DataSpec:
    """The batch that a model sees: `shape` of one example, its `domain`, and what was decided on the way.

    `levels`: values per element on a grid (kept after dequantisation, which needs it for bits per dimension).
    `classes`: how many labels there are, None without labels. `context`: the shape of one example's context, () where
    it is a label, None without. `notes`: what was done to the layout, in words.
    """

    name: str
    shape: tuple[int, ...]
    domain: Domain
    levels: int | None = None
    classes: int | None = None
    context: tuple[int, ...] | None = None
    binarise: Binarise | None = None
    dequantise: bool = False
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON has them."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "DataSpec":
        """The spec that `to_dict` wrote."""
        known = {field.name for field in fields(cls)}
        wrong = (set(record) - known) | ({"name", "shape", "domain"} - set(record))
        if wrong:
            raise ValueError(f"a DataSpec has name, shape, domain and some of {sorted(known)}, look at {sorted(wrong)}")
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in record.items()
        }
        values["domain"] = chosen(Domain, values["domain"], "domain")
        if values.get("binarise") is not None:
            values["binarise"] = chosen(Binarise, values["binarise"], "binarise")
        return cls(**values)

    def describe(self) -> str:
        """One line for people."""
        said = [f"{by_size(self.shape)} {self._values()}"]
        said += [f"{self.classes} classes"] if self.classes is not None else []
        said += [f"context {by_size(self.context)}"] if self.context is not None else []
        return f"{self.name}: {', '.join([*said, *self.notes])}"

    def _values(self) -> str:
        if self.binarise is not None:
            when = "once" if self.binarise is Binarise.FIXED else "at every visit"
            return f"binary (drawn from grey levels {when})"
        if self.dequantise:
            return f"unit (dequantised from {self.levels} levels)"
        return f"{self.domain} ({self.levels} values)" if self.levels is not None else str(self.domain)


def by_size(shape: tuple[int, ...]) -> str:
    """(1, 28, 28) as 1x28x28."""
    return "x".join(map(str, shape)) or "scalar"
