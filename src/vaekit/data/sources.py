"""What a source holds, before anything is decided about its values; and the sources that are in memory."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset

from vaekit.data.domain import Fit
from vaekit.data.factors import Factors
from vaekit.data.rows import Rows, leading
from vaekit.data.values import Values

__all__: list[str] = []

ACCEPTED = (
    "a set's name, a path (.npy, .npz, .csv, .tsv, .parquet, .txt, .tar, or a folder of pictures), an array, a tensor, a "
    "table with columns, a map-style Dataset, or a DataLoader or other iterable of batches"
)


@dataclass(frozen=True)
class Examples:
    """Examples, in memory or in files, and arrays that share their first axis; `lengths` (N,) are those of sequences.

    `origin` (N,): numbers of what examples are made of, where those of one origin must not be parted over splits.
    `factors` (N, F): values of known factors of variation, counted from 0.
    """

    x: np.ndarray | Rows
    labels: np.ndarray | None = None
    context: np.ndarray | None = None
    lengths: np.ndarray | None = None
    origin: np.ndarray | None = None
    factors: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.x)

    def first(self, n: int) -> "Examples":
        """At most the first n examples."""
        beside = (self.labels, self.context, self.lengths, self.origin, self.factors)
        return Examples(leading(self.x, n), *(None if array is None else array[:n] for array in beside))


@dataclass(frozen=True)
class Found:
    """A source's examples, its own splits, and what it says of itself.

    `values` and `levels` are known without a look at the values; `labels_from` says where labels come from; `columns`
    are a table's; `timed`: the first axis of an example is time; `words`: those of text, in the order of their numbers,
    and the `unit` that they are; `factors`: what is known of the factors of variation.
    """

    name: str
    train: Examples
    test: Examples | None = None
    valid: Examples | None = None
    levels: int | None = None
    values: Values | None = None
    valid_share: float = 0.1
    test_share: float = 0.0
    label_names: tuple[str, ...] = ()
    labels_from: str | None = None
    columns: tuple[str, ...] = ()
    fit: Fit | None = None
    notes: tuple[str, ...] = ()
    timed: bool = False
    words: tuple[str, ...] = ()
    unit: str | None = None
    factors: Factors | None = None

    def own(self) -> dict[str, Examples]:
        """The splits that the source itself keeps apart from its training examples."""
        found = {"valid": self.valid, "test": self.test}
        return {role: examples for role, examples in found.items() if examples is not None}


def from_memory(source: Any, limit: int | None) -> Found:
    """An array, a tensor, a Dataset or an iterable of batches; the last two are read up to `limit` examples."""
    if isinstance(source, np.ndarray | Tensor):
        return Found("array", Examples(source if isinstance(source, np.ndarray) else as_array(source)))
    if isinstance(source, Dataset) and not isinstance(source, IterableDataset):
        return Found(type(source).__name__, stacked(one_by_one(source, limit)))
    if isinstance(source, IterableDataset) or not isinstance(source, Iterable) or isinstance(source, Mapping):
        raise ValueError(f"source must be {ACCEPTED}, got {described(source)}")
    owner = source.dataset if isinstance(source, DataLoader) else source
    return Found(type(owner).__name__, stacked(up_to(limit, map(pair, source))))


def as_array(value: Any) -> np.ndarray:
    """Anything array-like as a numpy array; bfloat16, which numpy lacks, as float32."""
    if isinstance(value, Tensor):
        value = value.detach().cpu()
        return (value.float() if value.dtype is torch.bfloat16 else value).resolve_neg().numpy()
    return np.asarray(value)


def one_by_one(dataset: Dataset, limit: int | None) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """Examples of a map-style dataset as batches of one."""
    n = len(dataset)  # type: ignore[arg-type]
    for i in range(n if limit is None else min(n, limit)):
        x, label = pair(dataset[i])
        yield x[None], None if label is None else label[None]


def pair(item: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """x, (x,) or (x, labels) as x and labels."""
    parts = item if isinstance(item, tuple | list) else (item,)
    if len(parts) not in (1, 2):
        raise ValueError(f"source must give x or (x, labels), got {len(parts)} parts")
    return as_array(parts[0]), as_array(parts[1]) if len(parts) == 2 else None


def up_to(limit: int | None, batches: Iterable[Any]) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """Batches until `limit` examples have come."""
    seen = 0
    for x, labels in batches:
        yield x, labels
        seen += len(x) if x.ndim else 1
        if limit is not None and seen >= limit:
            return


def stacked(batches: Iterable[tuple[np.ndarray, np.ndarray | None]]) -> Examples:
    """All batches as one array of each kind."""
    xs: list[np.ndarray] = []
    labels: list[np.ndarray | None] = []
    for x, label in batches:
        if xs and x.shape[1:] != xs[0].shape[1:]:
            raise ValueError(f"source must give examples of one shape, got {xs[0].shape[1:]} and {x.shape[1:]}")
        xs.append(x)
        labels.append(label)
    if not xs or any(x.ndim == 0 for x in xs):
        raise ValueError(f"source must give at least one batch with a first axis of examples, got {len(xs)} items")
    if any(label is None for label in labels) and any(label is not None for label in labels):
        raise ValueError("source must give labels with every batch or with none, got both")
    known = [np.atleast_1d(label) for label in labels if label is not None]
    return Examples(np.concatenate(xs), np.concatenate(known) if known else None)


def described(value: Any) -> str:
    """A thing in memory in a few words."""
    if isinstance(value, np.ndarray | Tensor):
        return f"{type(value).__name__} {tuple(value.shape)} of {value.dtype}"
    text = repr(value)
    return type(value).__name__ if len(text) > 40 else text
