"""What a model must know of its data before it is built, and what reading new examples needs."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from torch import Tensor

from vaekit.data.domain import Binarise, Domain, Fit
from vaekit.data.factors import Factors
from vaekit.data.records import checked_record
from vaekit.data.scaling import Scaling

__all__ = ["DataSpec"]


@dataclass(frozen=True)
class DataSpec:
    """The batch that a model sees: `shape` of one example, its `domain`, and what was decided on the way.

    `levels`: values per element on a grid (kept after dequantisation, which needs it for bits per dimension).
    `classes`: how many labels there are, None without labels; `label_names`: what they are called, in their order.
    `context`: the shape of one example's context, () where it is a label, None without; `vocabulary`: how many different
    tokens it has, whole numbers from 0, None where it is not of tokens. `notes`: what was done, in words. `columns`: a
    table's, in order. `scaling`: what standardised columns were subtracted and divided by. `fit`: how pictures were
    given their size, None where they had it. `grey`: the levels that `binarise` draws from, None where it draws from
    floats. `labelled`: the share of training examples whose label is known, None where every label of training and
    validation is. `timed`: the first axis of an example is time; `ragged`: each sequence has a length of its own, and
    batches a "mask" (B, T) that is False behind it. `words`: those of text, in the order of their numbers, the end and the
    unknown one first, and the `unit` that they are: words or characters. `factors`: what is known of the factors of
    variation, whose values stand beside the examples of each split.
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
    labelled: float | None = None
    timed: bool = False
    ragged: bool = False
    vocabulary: int | None = None
    words: tuple[str, ...] = ()
    unit: str | None = None
    factors: Factors | None = None

    @property
    def frame(self) -> tuple[int, ...]:
        """The shape of one step of a sequence, or of a whole example that is none."""
        return self.shape[1:] if self.timed else self.shape

    @property
    def clips(self) -> bool:
        """Whether examples are sequences of pictures, grey or in colours."""
        return self.timed and len(self.frame) == 3 and self.frame[0] in (1, 3)

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON has them."""
        return {name: as_json(value) for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "DataSpec":
        """The spec that `to_dict` wrote. Raises ValueError for a record that it could not have written."""
        return cls(**checked_record(record, {field.name for field in fields(cls)}))

    def restore(self, x: Tensor) -> Tensor:
        """x (..., *event) in the units of the source: standardised columns scaled back, anything else as it is.

        Sequences may have another number of steps.
        """
        if x.ndim < len(self.shape) or tuple(x.shape[x.ndim - len(self.frame) :]) != self.frame:
            raise ValueError(f"x must end in the event shape {self.shape}, got {tuple(x.shape)}")
        return x if self.scaling is None else self.scaling.undo(x)

    def describe(self) -> str:
        """One line for people."""
        said = [f"{self.steps()} of " * self.timed + f"{by_size(self.frame)} {self.values()}"]
        said += [f"{self.classes} classes{self.known()}"] if self.classes is not None else []
        said += [f"{len(self.factors)} known factors"] if self.factors is not None else []
        said += [f"context {self.context_values()}"] if self.context is not None else []
        said += ["standardised"] if self.scaling is not None else []
        return f"{self.name}: {', '.join([*said, *self.notes])}"

    def known(self) -> str:
        """How many labels are known, in words; nothing where all are."""
        return "" if self.labelled is None else f" ({100 * self.labelled:.3g} % of the labels known)"

    def context_values(self) -> str:
        """What a context is, in words."""
        size = by_size(self.context or ())
        return size if self.vocabulary is None else f"of up to {size} tokens of {self.vocabulary:,}"

    def steps(self) -> str:
        """How long sequences are, in words."""
        return f"up to {self.shape[0]} steps" if self.ragged else f"{self.shape[0]} steps"

    def values(self) -> str:
        """What an element may be, in words."""
        if self.words:
            return f"{self.unit} of {len(self.words):,}"
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
