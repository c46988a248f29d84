"""What a model must know of its data before it is built, and what reading new examples needs."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from torch import Tensor

from vaekit.data.domain import Binarise, Domain, Fit
from vaekit.data.records import checked_record
from vaekit.data.scaling import Scaling

__all__ = ["DataSpec"]


@dataclass(frozen=True)
class DataSpec:
    """The batch that a model sees: `shape` of one example, its `domain`, and what was decided on the way.

    `levels`: values per element on a grid (kept after dequantisation, which needs it for bits per dimension).
    `classes`: how many labels there are, None without labels; `label_names`: what they are called, in their order.
    `context`: the shape of one example's context, () where it is a label, None without. `notes`: what was done, in
    words. `columns`: a table's, in order. `scaling`: what standardised columns were subtracted and divided by. `fit`:
    how pictures were given their size, None where they had it. `grey`: the levels that `binarise` draws from, None
    where it draws from floats.
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
    label_names: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    scaling: Scaling | None = None
    fit: Fit | None = None
    grey: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON has them."""
        return {name: as_json(value) for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "DataSpec":
        """The spec that `to_dict` wrote. Raises ValueError for a record that it could not have written."""
        return cls(**checked_record(record, {field.name for field in fields(cls)}))

    def restore(self, x: Tensor) -> Tensor:
        """x (..., *event) in the units of the source: standardised columns scaled back, anything else as it is."""
        if tuple(x.shape[x.ndim - len(self.shape) :]) != self.shape:
            raise ValueError(f"x must end in the event shape {self.shape}, got {tuple(x.shape)}")
        return x if self.scaling is None else self.scaling.undo(x)

    def describe(self) -> str:
        """One line for people."""
        said = [f"{by_size(self.shape)} {self.values()}"]
        said += [f"{self.classes} classes"] if self.classes is not None else []
        said += [f"context {by_size(self.context)}"] if self.context is not None else []
        said += ["standardised"] if self.scaling is not None else []
        return f"{self.name}: {', '.join([*said, *self.notes])}"

    def values(self) -> str:
        """What an element may be, in words."""
        if self.binarise is not None:
            when = "once" if self.binarise is Binarise.FIXED else "at every visit"
            return f"binary (drawn from grey levels {when})"
        if self.dequantise:
            return f"unit (dequantised from {self.levels} levels)"
        return f"{self.domain} ({self.levels} values)" if self.levels is not None else str(self.domain)


def as_json(value: Any) -> Any:
    """Tuples as lists, all the way down."""
    if isinstance(value, dict):
        return {key: as_json(part) for key, part in value.items()}
    return [as_json(part) for part in value] if isinstance(value, tuple) else value


def by_size(shape: tuple[int, ...]) -> str:
    """(1, 28, 28) as 1x28x28."""
    return "x".join(map(str, shape)) or "scalar"
