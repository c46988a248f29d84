"""The door: any source to `Data`, and a record from which a run opens it again."""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vaekit.data.arrays import ARRAY_FILES, given_array
from vaekit.data.asked import folder_path, from_files, seed_number, truth, wanted, whole_number
from vaekit.data.deciding import Decided, after_noise, as_split, decide, drawn_for_good, keeps_noise, scaled_by_training
from vaekit.data.deciding import standardised as is_standardised
from vaekit.data.decisions import opening_words, split_words
from vaekit.data.domain import Binarise, Domain, Fit
from vaekit.data.finding import find, is_path
from vaekit.data.hidden import partly_labelled
from vaekit.data.holdout import parts, size_of
from vaekit.data.lengths import ended, over_time
from vaekit.data.order import seeded
from vaekit.data.sources import Examples, Found, described
from vaekit.data.spec import DataSpec
from vaekit.data.split import Split

__all__ = ["Data", "open"]

ROLES = ("train", "valid", "test")


@dataclass(frozen=True, eq=False, repr=False)
class Data:
    """Splits, what they hold, and `source`: the JSON-able arguments of `open` that give them again.

    `words` is what was found and decided on opening, in sentences by what they are about.
    """

    train: Split
    valid: Split | None
    test: Split | None
    spec: DataSpec
    source: dict[str, Any]
    words: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{role} {len(split):,}" for role, split in self.splits().items())
        return f"Data({self.spec.describe()}; {sizes})"

    def _repr_html_(self) -> str:
        """For notebooks: every decision, by its subject."""
        lines = ((escape(about), escape(said)) for about, said in self.decisions().items())
        body = "".join(f"<tr><th style='text-align:left'>{about}</th><td>{said}</td></tr>" for about, said in lines)
        return f"<table><caption>{escape(self.spec.name)}</caption>{body}</table>"

    def splits(self) -> dict[str, Split]:
        """The splits that there are, by role."""
        return {role: getattr(self, role) for role in ROLES if getattr(self, role) is not None}

    def decisions(self) -> dict[str, str]:
        """What was found and decided: for each subject a sentence."""
        return {**self.words, **split_words(self.splits(), self.spec)}

    def to(self, device: torch.device | str) -> "Data":
        """The same data on `device`."""
        moved: dict[str, Any] = {role: split.to(device) for role, split in self.splits().items()}
        return replace(self, **moved)

    def conditioned_on_labels(self) -> "Data":
        """The same data with its labels as the context."""
        if self.spec.classes is None:
            raise ValueError(f"conditioning on labels needs data with labels, got {self.spec.describe()}")
        if self.spec.context is not None:
            raise ValueError(f"conditioning on labels needs data without a context, got {self.spec.describe()}")
        splits: dict[str, Any] = {role: split.conditioned_on_labels() for role, split in self.splits().items()}
        record = {**self.source, "on_labels": True}
        return replace(self, **splits, spec=replace(self.spec, context=()), source=record)

    @staticmethod
    def reopen(record: Mapping[str, Any], **given: Any) -> "Data":
        """Open what `record`, a `Data.source`, describes; things that were in memory are given again by name."""
        if not isinstance(record, Mapping) or "source" not in record:
            raise ValueError(f"data are recorded as the arguments of open, source among them, got {described(record)}")
        unknown = sorted(map(str, (set(record) | set(given)) - set(inspect.signature(open).parameters)))
        if unknown:
            raise ValueError(f"data are recorded as the arguments of open, which has none called {unknown}")
        return open(**{**record, **given})


def open(
    source: Any,
    *,
    folder: str | Path | None = None,
    labels: Any = None,
    context: Any = None,
    lengths: Any = None,
    timed: bool | None = None,
    shape: Sequence[int] | None = None,
    domain: Domain | str | None = None,
    levels: int | None = None,
    binarise: Binarise | str | None = None,
    dequantise: bool = False,
    standardise: bool | None = None,
    size: int | Sequence[int] | None = None,
    fit: Fit | str | None = None,
    channels: int | None = None,
    unreadable: str = "refuse",
    columns: Sequence[str] | None = None,
    valid: float | None = None,
    test: float | None = None,
    seed: int = 0,
    limit: int | None = None,
    memory: float = 2.0,
    on_labels: bool = False,
    labels_per_class: int | None = None,
    unit: str | None = None,
    vocabulary: int | None = None,
    longest: int | None = None,
) -> Data:
    """Open `source`, decide what it holds, and say so.

    source: "digits" (scikit-learn's); "shapes", squares, ellipses and hearts on the grid of dSprites, drawn here and with
        their factors known ("shapes:3x6x8x16x16" for so many values of shape, scale, orientation and place, each also
        FIRST-LAST or some with commas: see `vaekit.data.shapes`); "sprites" or "moving-digits", sequences of pictures
        that vaekit draws itself ("sprites:500" for so many, "sprites:500x12" for 12 steps, "sprites:500x6-12" for
        lengths in between);
        "mnist", "fashion-mnist" or "kmnist", from `folder`, else $VAEKIT_DATA/NAME, else fetched once from their
        public source into a cache (see `vaekit.data.downloads`); another name, for four IDX files in `folder` or
        $VAEKIT_DATA/NAME; a folder of IDX files; a path to .npy or .npz (x, and y, context, lengths, factors (N, F) of
        numbers and factor_names if there; or dSprites as it is published, whose metadata, a pickle, is not read); a
        folder of PNG, JPEG and WebP files, read recursively, whose sub-folders are labels and whose top folders
        train, valid and test are its own splits; a .csv, .tsv (both also .gz) or .parquet table of numbers, or
        anything with columns and to_numpy(); WebDataset shards: a .tar or .tar.gz, a folder of them, or a pattern
        such as x-{000..009}.tar, with pictures or .npy and .cls labels; a .txt file, or a list of sentences, each
        line an example; an array or tensor (N, *event); a map-style Dataset of x or (x, label); a DataLoader or
        other iterable of such batches, read once in the order it gives.
    labels, context: arrays (or .npy paths) for sources that bring none. Labels are integers from 0, and -1 (or NaN, or an
        empty cell) where one is not known. Of a table, labels may name the column of labels, whose words become 0.. in
        sorted order.
    lengths: how many steps of each sequence (N, T, *frame) exist, an array (or .npy path) of N whole numbers from 1 to T;
        what stands behind them is never looked at. timed: whether the first axis of an example is time, where no
        lengths say so.
    shape: the event's shape, where the source has it flat.
    domain, levels: what the values are, where the guess is wrong. Guessed: pictures in files have 256 levels; 0 and 1
        are binary, other integers in 0..255 are 256 grey levels in pictures (rank 2 or 3) and real elsewhere, floats in
        [0, 1] unit (in tables real), the rest real. Pictures (H, W) get a channel axis; 8-bit ones with channels last
        get them first.
    binarise: Bernoulli draws from grey levels, "fixed" (once) or "visit" (train anew at each visit, the rest once).
    dequantise: (level + u) / levels with uniform u, anew at each visit in train, once in the rest.
    standardise: each column minus its training mean, over its training standard deviation: by default those of tables
        of real numbers. `DataSpec.restore` undoes it.
    size, fit: the side, or (height, width), that pictures get, by "crop" (scale the shorter side, cut the middle),
        "stretch" or "pad" (with black). Without size all must have one size. Shapes are drawn with a side of `size`.
    channels: 1 or 3; by default 1 where every file is grey. Transparent pictures are laid on white.
    unreadable: "refuse" or "skip" the pictures that cannot be read; skipped ones are in the notes. Of a JPEG or WebP that
        is streamed the start and the end are seen here; damage between them is named when it is read.
    columns: those of a table that are read, in this order; by default all but the labels.
    valid, test: how many examples to hold out, or which share of them, stratified by label and drawn under `seed`. By
        default valid is a tenth (a twelfth of a set in IDX files: 5,000 of MNIST's) and test is the source's own.
    limit: read at most so many examples (of each of the source's own splits): of folders of pictures evenly spread
        ones, of anything else the first.
    memory: GiB. Arrays, pictures and shards that take more when decoded are streamed from where they are, compressed
        arrays of zeros and ones held as bits; tables and things in memory are always held.
    on_labels: as `Data.conditioned_on_labels`.
    labels_per_class: how many labels of each class training sees, drawn under `seed`; its other labels and all of
        validation's are hidden (-1), the test split keeps its own.
    unit: "words" or "characters" of text; by default words, unless lines are single ones. vocabulary: how many of them at
        most, the commonest; others are <unk> [10,000]. longest: lines of more of them are left out.

    Raises ValueError for what cannot be read, in one sentence that names it.
    """
    for argument, value in {"source": source, "labels": labels, "context": context, "lengths": lengths}.items():
        check_present(value, argument)
    said = wanted(shape, domain, levels, binarise, dequantise, standardise, timed)
    asked = from_files(size, fit, channels, unreadable, columns, memory, limit, unit, vocabulary, longest)
    seed, where, conditioned = seed_number(seed), folder_path(folder), truth(on_labels, "on_labels")
    if isinstance(labels, str) and not labels.lower().endswith(ARRAY_FILES):
        asked, labels = replace(asked, label_column=labels), None
    found = with_given(find(source, where, asked), given_array(labels), given_array(context), given_array(lengths))
    found = ended(over_time(found, said.shape, said.timed))
    decided = first(decide(found, said), asked.limit)
    held = {
        role: held_out(role, value, found, len(decided["train"])) for role, value in (("valid", valid), ("test", test))
    }
    rows = rows_by_role(decided["train"], held, seed)
    if is_standardised(said.standardise, found, decided.spec.domain, len(decided.spec.shape)):
        decided = scaled_by_training(decided, rows["train"].numpy())
    spec = after_noise(decided.spec, said)
    per_class = whole_number(labels_per_class, "labels_per_class", 1)
    splits, spec = partly_labelled(with_noise(split_up(decided, rows), spec, seed), spec, per_class, seed)
    record = {
        "source": recorded(source),
        "folder": None if where is None else str(where.resolve()),
        "labels": asked.label_column or recorded(labels),
        "context": recorded(context),
        "lengths": recorded(lengths),
        **said.record(),
        **asked.record(),
        **{role: None if role in found.own() else held[role] for role in held},
        "seed": seed,
        "on_labels": False,
        "labels_per_class": per_class,
    }
    words = opening_words(found, spec, decided.why, recorded(source))
    data = Data(splits["train"], splits.get("valid"), splits.get("test"), spec, record, words)
    return data.conditioned_on_labels() if conditioned else data


def check_present(value: Any, argument: str) -> None:
    """Raise for the record of a thing that is not in a file."""
    if isinstance(value, Mapping) and "memory" in value:
        raise ValueError(f"{argument} was in memory when it was recorded: give it again, it was {value['memory']}")


def with_given(
    found: Found, labels: np.ndarray | None, context: np.ndarray | None, lengths: np.ndarray | None
) -> Found:
    """The source with labels, context and lengths that the user brings."""
    arrays = {"labels": labels, "context": context, "lengths": lengths}
    given = {role: array for role, array in arrays.items() if array is not None}
    for role in given:
        if found.own() or getattr(found.train, role) is not None:
            raise ValueError(f"{role} must not be given for {found.name!r}, which brings its own")
    origin = found.labels_from if labels is None else "given with the source"
    return replace(found, train=replace(found.train, **given), labels_from=origin)


def held_out(role: str, asked: float | None, found: Found, n: int) -> int:
    """How many examples to hold out for a role, none where the source has its own."""
    if role not in found.own():
        return size_of(asked, found.valid_share if role == "valid" else found.test_share, n, role)
    if asked is not None:
        raise ValueError(f"{role} must not be given for {found.name!r}, which has its own {role} files, got {asked}")
    return 0


def first(decided: Decided, n: int | None) -> Decided:
    """At most the first n examples of every role."""
    if n is None:
        return decided
    return replace(decided, examples={role: one.first(n) for role, one in decided.examples.items()})


def rows_by_role(examples: Examples, held: Mapping[str, int], seed: int) -> dict[str, torch.Tensor]:
    """Which of the training examples each split gets."""
    labels = None if examples.labels is None else torch.from_numpy(examples.labels)
    return parts(len(examples), labels, held["valid"], held["test"], seeded(seed, 0), examples.origin)


def with_noise(splits: Mapping[str, Split], spec: DataSpec, seed: int) -> dict[str, Split]:
    """Splits whose noise is drawn once, under the seed and their role, but for the training noise of each visit."""
    return {
        role: split if keeps_noise(role, spec) else drawn_for_good(split, spec, (seed, 1, ROLES.index(role)))
        for role, split in splits.items()
    }


def split_up(decided: Decided, rows: dict[str, torch.Tensor]) -> dict[str, Split]:
    """The splits that hold any examples: those cut out of the training examples, and the source's own."""
    whole = as_split(decided["train"], decided.read, decided.visit)
    splits = {role: whole.select(rows[role]) for role in ROLES if len(rows[role])}
    own = {role: one for role, one in decided.examples.items() if role != "train"}
    return {**splits, **{role: as_split(one, decided.read, decided.visit) for role, one in own.items()}}


def recorded(value: Any) -> Any:
    """A source, labels or context as JSON has them."""
    if value is None or (isinstance(value, str) and not is_path(value)):
        return value
    return str(Path(value).resolve()) if is_path(value) else {"memory": described(value)}
