"""What a source holds, read once into arrays before anything is decided about it."""

import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset

__all__: list[str] = []

ARRAY_FILES = (".npy", ".npz")
KEYS = {"x": ("x", "images"), "labels": ("y", "labels"), "context": ("context",)}
ACCEPTED = (
    "a set's name, a path to .npy or .npz, an array, a tensor, a map-style Dataset, or a DataLoader or other iterable "
    "of batches"
)


@dataclass(frozen=True)
class Examples:
    """Arrays that share their first axis."""

    x: np.ndarray
    labels: np.ndarray | None = None
    context: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True)
class Found:
    """A source's examples, its own test examples, and what it says of itself."""

    name: str
    train: Examples
    test: Examples | None = None
    levels: int | None = None
    valid_share: float = 0.1
    test_share: float = 0.0


def from_memory(source: Any, limit: int | None) -> Found:
    """An array, a tensor, a Dataset or an iterable of batches; the last two are read up to `limit` examples."""
    if isinstance(source, np.ndarray | Tensor):
        return Found("array", Examples(as_array(source)))
    if isinstance(source, Dataset) and not isinstance(source, IterableDataset):
        return Found(type(source).__name__, stacked(one_by_one(source, limit)))
    if isinstance(source, IterableDataset) or not isinstance(source, Iterable) or isinstance(source, Mapping):
        raise ValueError(f"source must be {ACCEPTED}, got {described(source)}")
    owner = source.dataset if isinstance(source, DataLoader) else source
    return Found(type(owner).__name__, stacked(up_to(limit, map(pair, source))))


def from_file(path: Path) -> Found:
    """The array of an .npy, or those called x, y and context of an .npz. Nothing pickled is ever read."""
    loaded = loaded_arrays(path)
    if isinstance(loaded, np.ndarray):
        return Found(path.stem, Examples(loaded))
    if len(loaded) == 1:
        return Found(path.stem, Examples(*loaded.values()))
    by_role = {role: named(loaded, names) for role, names in KEYS.items()}
    if by_role["x"] is None:
        raise ValueError(f"{path} must hold one array or one called x, got {sorted(loaded)}")
    return Found(path.stem, Examples(**by_role))  # type: ignore[arg-type]


def loaded_arrays(path: Path) -> np.ndarray | dict[str, np.ndarray]:
    """What the file holds, read whole."""
    if not path.is_file():
        raise ValueError(f"source must name a file that is there, got {path}")
    try:
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            return loaded if isinstance(loaded, np.ndarray) else dict(loaded.items())
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path} must be a whole .npy or .npz of plain numbers, got: {error}") from error


def named(arrays: dict[str, np.ndarray], names: tuple[str, ...]) -> np.ndarray | None:
    """The array under one of `names`, whatever their case."""
    return next((array for key, array in arrays.items() if key.lower() in names), None)


def given_array(value: Any) -> np.ndarray | None:
    """labels= or context= as an array; a path is read."""
    if value is None:
        return None
    if not isinstance(value, str | Path):
        return as_array(value)
    array = loaded_arrays(Path(value))
    if not isinstance(array, np.ndarray):
        raise ValueError(f"labels and context must be arrays or .npy files, got {value}")
    return array


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


def is_file_name(source: Any) -> bool:
    """Whether a source is meant as a path rather than as a set's name."""
    return isinstance(source, Path) or (isinstance(source, str) and Path(source).suffix in ARRAY_FILES)
