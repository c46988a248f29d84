"""The door: any source to `Data`, and a record from which a run opens it again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vaekit.data.deciding import decide, drawn_for_good, rows_of, wanted
from vaekit.data.domain import Binarise, Domain
from vaekit.data.holdout import parts, size_of
from vaekit.data.named import from_name
from vaekit.data.order import seeded
from vaekit.data.sources import Found, described, from_file, from_memory, given_array, is_file_name
from vaekit.data.spec import DataSpec
from vaekit.data.split import Split

__all__ = ["Data", "open"]

ROLES = ("train", "valid", "test")


@dataclass(frozen=True, eq=False, repr=False)
class Data:
    """Splits, what they hold, and `source`: the JSON-able arguments of `open` that give them again."""

    train: Split
    valid: Split | None
    test: Split | None
    spec: DataSpec
    source: dict[str, Any]

    def __repr__(self) -> str:
        sizes = ", ".join(f"{role} {len(split):,}" for role, split in self._splits().items())
        return f"Data({self.spec.describe()}; {sizes})"

    def to(self, device: torch.device | str) -> "Data":
        """The same data on `device`."""
        return replace(self, **{role: split.to(device) for role, split in self._splits().items()})  # type: ignore[arg-type]

    def conditioned_on_labels(self) -> "Data":
        """The same data with its labels as the context."""
        if self.spec.classes is None:
            raise ValueError(f"conditioning on labels needs data with labels, got {self.spec.describe()}")
        if self.spec.context is not None:
            raise ValueError(f"conditioning on labels needs data without a context, got {self.spec.describe()}")
        splits = {role: replace(split, context=split.labels) for role, split in self._splits().items()}
        record = {**self.source, "on_labels": True}
        return replace(self, **splits, spec=replace(self.spec, context=()), source=record)

    @staticmethod
    def reopen(record: Mapping[str, Any], **given: Any) -> "Data":
        """Open what `record`, a `Data.source`, describes; things that were in memory are given again by name."""
        return open(**{**record, **given})

    def _splits(self) -> dict[str, Split]:
        return {role: getattr(self, role) for role in ROLES if getattr(self, role) is not None}


def open(
    source: Any,
    *,
    folder: str | Path | None = None,
    labels: Any = None,
    context: Any = None,
    shape: Sequence[int] | None = None,
    domain: Domain | str | None = None,
    levels: int | None = None,
    binarise: Binarise | str | None = None,
    dequantise: bool = False,
    valid: float | None = None,
    test: float | None = None,
    seed: int = 0,
    limit: int | None = None,
    on_labels: bool = False,
) -> Data:
    """Read `source` into memory and say what it holds.

    source: "digits" (scikit-learn's); "mnist" or another name, for four IDX files in `folder` or $VAEKIT_DATA/name; a
        path to .npy or .npz (x, and y, context if there); an array or tensor (N, *event); a map-style Dataset of x or
        (x, label); a DataLoader or other iterable of such batches, read once in the order it gives.
    labels, context: arrays (or .npy paths) for sources that bring none. Labels are integers from 0.
    shape: the event's shape, where the source has it flat.
    domain, levels: what the values are, where the guess is wrong. Guessed: 0 and 1 are binary, other integers in
        0..255 are 256 grey levels in pictures (rank 2 or 3) and real elsewhere, floats in [0, 1] unit, the rest real.
        Pictures (H, W) get a channel axis; 8-bit ones with channels last get them first.
    binarise: Bernoulli draws from grey levels, "fixed" (once) or "visit" (train anew at each visit, the rest once).
    dequantise: (level + u) / levels with uniform u, anew at each visit in train, once in the rest.
    valid, test: how many examples to hold out, or which share of them, stratified by label and drawn under `seed`. By
        default valid is a tenth (a twelfth of a set in IDX files: 5,000 of MNIST's) and test is the source's own.
    limit: read at most the first `limit` examples (of train and test files each).
    on_labels: as `Data.conditioned_on_labels`.

    Raises ValueError for what cannot be read, in one sentence that names it.
    """
    if limit is not None and limit < 2:
        raise ValueError(f"limit must be at least 2 examples, got {limit}")
    for argument, value in {"source": source, "labels": labels, "context": context}.items():
        check_present(value, argument)
    said = wanted(shape, domain, levels, binarise, dequantise)
    found = with_given(found_in(source, folder, limit), given_array(labels), given_array(context))
    spec, examples, own_test = decide(found, said)
    examples, own_test = first(examples, limit), None if own_test is None else first(own_test, limit)
    held = {
        "valid": size_of(valid, found.valid_share, len(examples), "valid"),
        "test": test_size(test, found, examples),
    }
    splits = split_up(examples, own_test, held, seed)
    splits = {
        role: split if keeps_noise(role, spec) else fixed(role, split, spec, seed) for role, split in splits.items()
    }
    record = {
        "source": recorded(source),
        "folder": None if folder is None else str(Path(folder).resolve()),
        "labels": recorded(labels),
        "context": recorded(context),
        "shape": None if said.shape is None else list(said.shape),
        "domain": None if said.domain is None else str(said.domain),
        "levels": levels,
        "binarise": None if said.binarise is None else str(said.binarise),
        "dequantise": dequantise,
        "valid": held["valid"],
        "test": held["test"] if own_test is None else None,
        "seed": seed,
        "limit": limit,
        "on_labels": False,
    }
    data = Data(splits["train"], splits.get("valid"), splits.get("test"), spec, record)
    return data.conditioned_on_labels() if on_labels else data


def check_present(value: Any, argument: str) -> None:
    """Raise for the record of a thing that is not in a file."""
    if isinstance(value, Mapping) and "memory" in value:
        raise ValueError(f"{argument} was in memory when it was recorded: give it again, it was {value['memory']}")


def found_in(source: Any, folder: str | Path | None, limit: int | None) -> Found:
    """What the source holds, from wherever it is."""
    named = isinstance(source, str) and not is_file_name(source)
    if folder is not None and not named:
        raise ValueError(f"folder belongs to a set's name, got source {described(source)}")
    if named:
        return from_name(source, folder)
    return from_file(Path(source)) if is_file_name(source) else from_memory(source, limit)


def with_given(found: Found, labels: np.ndarray | None, context: np.ndarray | None) -> Found:
    """The source with labels and context that the user brings."""
    given = {role: array for role, array in (("labels", labels), ("context", context)) if array is not None}
    for role in given:
        if found.test is not None or getattr(found.train, role) is not None:
            raise ValueError(f"{role} must not be given for {found.name!r}, which brings its own")
    return replace(found, train=replace(found.train, **given))


def test_size(test: float | None, found: Found, examples: Split) -> int:
    """How many examples to hold out for the test, none where the source has its own."""
    if found.test is not None and test is not None:
        raise ValueError(f"test must not be given for {found.name!r}, which has its own test files, got {test}")
    return size_of(test, found.test_share, len(examples), "test")


def split_up(examples: Split, own_test: Split | None, held: dict[str, int], seed: int) -> dict[str, Split]:
    """The splits that hold any examples."""
    rows = parts(len(examples), examples.labels, **held, generator=seeded(seed, 0))
    splits = {role: rows_of(examples, rows[role]) for role in ROLES if len(rows[role])}
    return splits if own_test is None else {**splits, "test": own_test}


def keeps_noise(role: str, spec: DataSpec) -> bool:
    """Only training sees new noise at every visit."""
    return role == "train" and spec.binarise is not Binarise.FIXED


def fixed(role: str, split: Split, spec: DataSpec, seed: int) -> Split:
    """A split whose noise is drawn once, under the seed and its role."""
    return drawn_for_good(split, spec, seeded(seed, 1, ROLES.index(role)))


def first(split: Split, n: int | None) -> Split:
    """At most the first n examples."""
    return split if n is None else rows_of(split, torch.arange(min(n, len(split))))


def recorded(value: Any) -> Any:
    """A source, labels or context as JSON has them."""
    if value is None or (isinstance(value, str) and not is_file_name(value)):
        return value
    return str(Path(value).resolve()) if is_file_name(value) else {"memory": described(value)}
