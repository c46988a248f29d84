"""New examples for a model that is there: read the way its spec says."""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from vaekit.data.arrays import ARRAY_FILES, from_file, given_array
from vaekit.data.asked import FromFiles
from vaekit.data.blobs import OnDisk
from vaekit.data.contexts import context_for
from vaekit.data.deciding import as_split, drawn_for_good, reading_of, standardise
from vaekit.data.decoding import Look
from vaekit.data.domain import WHOLE, Domain
from vaekit.data.finding import check_belongs, kind_of
from vaekit.data.folders import grouped
from vaekit.data.layout import channels_first, checked, reshaped
from vaekit.data.lengths import at_ends
from vaekit.data.named import from_idx, from_name
from vaekit.data.noise import Reading, Visit, as_floats, binarise, dequantise
from vaekit.data.pictures import PICTURE_FILES, look_through
from vaekit.data.rows import Rows, changed
from vaekit.data.shard_names import expanded, shards_in
from vaekit.data.shards import examples_of
from vaekit.data.sources import Examples, from_memory
from vaekit.data.spec import DataSpec
from vaekit.data.split import Split
from vaekit.data.tables import Table, label_column, numbers, table_of
from vaekit.data.text import TEXT_FILES, is_text, lines_of, tokens_for
from vaekit.data.values import Values, as_type, check_values, is_integer, smallest, survey

__all__ = ["read"]

BYTE = 255
NO_PICTURES = (Domain.COUNTS, Domain.CATEGORIES, Domain.REAL)


def read(
    source: Any, spec: DataSpec, labels: Any = None, *, lengths: Any = None, seed: int = 0, memory: float = 2.0
) -> Split:
    """New examples, one or more, as `spec` says that those of its data were read.

    source: what `vaekit.data.open` takes, and one picture or a list of them, one example without the first axis, a list
    of numbers. Of a table the columns are found by their names, and others are left alone. Of a set with its own test
    examples those are read. labels: an array, an .npy path, a column's name, or words that the spec knows. lengths:
    those of sequences, which may have another number of steps than those of the spec had.

    Integers are levels where the spec has levels, and floats in [0, 1] are rounded to the nearest one. Noise that
    belongs to the data is drawn once under `seed`. Raises ValueError for another shape, other columns, other values.
    """
    if spec.words:
        return as_split(Examples(text_for(source, spec)), *as_seen(spec))
    asked = FromFiles(memory=memory, label_column=labels if names_column(labels) else None)
    examples = found_for(source, spec, asked)
    if labels is not None and not names_column(labels):
        examples = replace(examples, labels=labels_for(labels, spec))
    examples = replace(examples, factors=None)  # their numbers are those of the data's own values
    if lengths is not None:
        examples = replace(examples, lengths=np.atleast_1d(as_lengths(lengths, spec)))
    name = "the new examples"
    examples = at_ends(replace(examples, x=arranged(examples.x, spec)), name, spec.timed)
    x = examples.x
    values = survey(x, f"{name}: x")
    examples = checked(examples, name, least=1)
    check_labels(examples.labels, spec)
    examples = with_known_context(examples, spec)
    below, levels = beneath(spec)
    x, values = on_grid(x, values, below, levels)
    check_values(values, below, levels, f"{name}: x")
    if spec.scaling is not None:
        x = changed(x, partial(standardise, scaling=spec.scaling))
    else:
        whole = below in WHOLE or is_integer(x)
        x = changed(x, partial(as_type, dtype=smallest(values, x.dtype, whole)))
    split = as_split(replace(examples, x=x), *as_seen(spec))
    split = drawn_for_good(split, spec, (seed, 1, 2))
    return replace(split, context=split.labels) if spec.context == () else split


def text_for(source: Any, spec: DataSpec) -> np.ndarray:
    """Lines of a file, a sentence or a list of them, or strings of whole numbers as the spec has them."""
    if isinstance(source, Path) or (isinstance(source, str) and source.lower().endswith(TEXT_FILES)):
        return tokens_for(lines_of(Path(source)), spec)
    if isinstance(source, str) or is_text(source):
        return tokens_for([source] if isinstance(source, str) else source, spec)
    x = np.asarray(source)
    x = x[None] if x.ndim == 1 else x
    if x.dtype.kind not in "iu" or x.shape[1:] != spec.shape or x.min() < 0 or x.max() >= len(spec.words):
        raise ValueError(
            f"the new examples must be text, or whole numbers (N, {spec.shape[0]}) of its words, got {x.shape}"
        )
    return x.astype(np.int32)


def found_for(source: Any, spec: DataSpec, asked: FromFiles) -> Examples:
    """The source's examples, not yet in the spec's layout."""
    if isinstance(source, str | Path) and str(source).lower().endswith(PICTURE_FILES) and not Path(source).is_dir():
        source = [source]
    if isinstance(source, Sequence) and not isinstance(source, str) and source and all_paths(source):
        return pictures(OnDisk(Path(), [str(path) for path in source]), "the pictures", spec, asked)
    kind = kind_of(source)
    check_belongs(asked, kind, source)
    if kind in ("table", "frame"):
        return columns_for(table_of(source), spec, asked)
    if kind == "memory":
        return given(source)
    if kind == "array":
        return from_file(Path(source), asked.memory).train
    if kind in ("name", "idx"):
        size = (spec.shape[1], spec.shape[2]) if len(spec.shape) == 3 else None
        drawn_so = replace(asked, size=size)
        found = from_name(source, None, drawn_so) if kind == "name" else from_idx(Path(source).name, Path(source))
        return found.test or found.train
    return folder_for(Path(source), spec, asked) if kind == "pictures" else shards_for(str(source), spec, asked)


def given(source: Any) -> Examples:
    """A thing in memory: batches and data sets as when they are opened, anything else as an array."""
    if isinstance(source, list | tuple) and not any(hasattr(item, "shape") for item in source):
        return Examples(np.asarray(source))
    return from_memory(source, None).train


def pictures(blobs: OnDisk, name: str, spec: DataSpec, asked: FromFiles) -> Examples:
    """Picture files in the look of the spec's own, on the scale of its values."""
    look = look_of(spec)
    if missing := [file for file in blobs.names if not (blobs.root / file).is_file()]:
        raise ValueError(f"source must name files that are there, got {', '.join(missing[:10])}")
    return Examples(on_scale(look_through(blobs, name, asked, look).x, spec))


def folder_for(path: Path, spec: DataSpec, asked: FromFiles) -> Examples:
    """A folder of pictures; sub-folders are labels where all of them are called like classes of the spec."""
    groups = grouped(path)
    group = groups.get("test", groups["train"])
    examples = pictures(OnDisk(path, group.names), str(path), spec, asked)
    known = group.classes is not None and set(group.classes) <= set(spec.label_names)
    return replace(examples, labels=labels_for(list(group.classes or ()), spec)) if known else examples


def shards_for(source: str, spec: DataSpec, asked: FromFiles) -> Examples:
    """Shards of pictures or arrays, all of them as one set."""
    paths = shards_in(Path(source)) if Path(source).is_dir() else [Path(name) for name in expanded(source)]
    may_be = len(spec.shape) == 3 and spec.shape[0] in (1, 3) and spec.domain not in NO_PICTURES
    examples, look, _ = examples_of(paths, asked, look_of(spec) if may_be else None)
    if look is None:
        return examples
    check_pictures(spec)
    return replace(examples, x=on_scale(examples.x, spec))


def look_of(spec: DataSpec) -> Look:
    """What pictures must become for this spec."""
    check_pictures(spec)
    return Look(spec.shape[0], (spec.shape[1], spec.shape[2]), spec.fit)


def check_pictures(spec: DataSpec) -> None:
    """Raise for data that are no pictures, or whose scale pictures do not have."""
    if len(spec.shape) != 3 or spec.shape[0] not in (1, 3) or spec.domain in (Domain.COUNTS, Domain.CATEGORIES):
        raise ValueError(f"source must not be pictures for data that are none: {spec.describe()}")
    if spec.domain is Domain.REAL:
        raise ValueError(f"source must be on the scale of the data, which pictures do not say: {spec.describe()}")


def on_scale(x: np.ndarray | Rows, spec: DataSpec) -> np.ndarray | Rows:
    """Pictures in 8 bits, however dark, as fractions where the spec stores fractions."""
    return changed(x, of_bytes) if beneath(spec)[0] is Domain.UNIT else x


def columns_for(table: Table, spec: DataSpec, asked: FromFiles) -> Examples:
    """The spec's columns by name; of a spec without names, all that are no labels."""
    labels, names = label_column(table, asked.label_column)
    columns = spec.columns or tuple(name for name in table.columns if name != asked.label_column)
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise ValueError(f"{table.name} must have the columns that the data had, it lacks {', '.join(missing[:10])}")
    if labels is not None and names:
        known = labels >= 0
        labels[known] = labels_for([names[label] for label in labels[known]], spec)
    return Examples(numbers(table, columns, False), None if labels is None else labels_for(labels, spec))


def arranged(x: np.ndarray | Rows, spec: DataSpec) -> np.ndarray | Rows:
    """x as (N, *event): as it is, flat, without its only channel, with channels last, or one example alone."""
    event = spec.shape
    if tuple(x.shape[1:]) == event:
        return x
    if spec.timed and x.ndim >= 2:
        return sequences(x, spec)
    alone = isinstance(x, np.ndarray) and tuple(x.shape) in (event, event[1:] if event[:1] == (1,) else event)
    if alone and isinstance(x, np.ndarray):
        return x.reshape(1, *event)
    flat = x.ndim == 2 and x.shape[1] == math.prod(event)
    if flat or (len(event) == 3 and event[0] == 1 and tuple(x.shape[1:]) == event[1:]):
        return changed(x, partial(reshaped, event=event))
    if x.ndim == 4 and len(event) == 3 and tuple(x.shape[1:]) == (*event[1:], event[0]):
        return changed(x, channels_first)
    raise ValueError(f"the new examples must have the shape {event}, got {tuple(x.shape[1:])} (of {tuple(x.shape)})")


def sequences(x: np.ndarray | Rows, spec: DataSpec) -> np.ndarray | Rows:
    """x as (N, T, *frame) with any T: as it is, frames with channels last or without their only one, or one alone."""
    frame = spec.frame
    if isinstance(x, np.ndarray) and tuple(x.shape[1:]) == frame:
        return x[None]
    if tuple(x.shape[2:]) == frame:
        return x
    if len(frame) == 3 and frame[0] == 1 and tuple(x.shape[2:]) == frame[1:]:
        return changed(x, partial(reshaped, event=(x.shape[1], *frame)))
    if len(frame) == 3 and tuple(x.shape[2:]) == (*frame[1:], frame[0]):
        return changed(x, channels_first)
    raise ValueError(f"the new examples must be sequences (N, T, {', '.join(map(str, frame))}), got {tuple(x.shape)}")


def as_lengths(lengths: Any, spec: DataSpec) -> np.ndarray:
    """Lengths as an array, for data that are sequences."""
    array = given_array(lengths)
    if array is None or not spec.timed:
        raise ValueError(f"lengths belong to sequences, got them for {spec.describe()}")
    return array


def beneath(spec: DataSpec) -> tuple[Domain, int | None]:
    """The domain and levels of stored values, below the noise that makes them what the model sees."""
    if spec.dequantise:
        return Domain.LEVELS, spec.levels
    if spec.binarise is not None:
        return (Domain.UNIT, None) if spec.grey is None else (Domain.LEVELS, spec.grey)
    return spec.domain, spec.levels


def as_seen(spec: DataSpec) -> tuple[Reading, Visit | None]:
    """How a batch reads what is stored, and the noise that makes it what the model sees."""
    below, levels = beneath(spec)
    if spec.dequantise and levels is not None:
        return as_floats, partial(dequantise, levels=levels)
    return reading_of(below, levels), None if spec.binarise is None else binarise


def on_grid(
    x: np.ndarray | Rows, values: Values, domain: Domain, levels: int | None
) -> tuple[np.ndarray | Rows, Values]:
    """Values as the domain stores them: fractions of the top become levels, levels of pictures become fractions."""
    if domain is Domain.LEVELS and levels is not None and not values.integer and 0 <= values.low <= values.high <= 1:
        return changed(x, partial(to_levels, levels=levels)), Values(0, levels - 1, True, True)
    if domain is Domain.UNIT and values.integer and 1 < values.high <= BYTE and values.low >= 0 and x.ndim >= 4:
        return changed(x, of_bytes), Values(values.low / BYTE, values.high / BYTE, False, False)
    return x, values


def of_bytes(x: np.ndarray) -> np.ndarray:
    """A picture's 8 bits as fractions of the highest."""
    return x.astype(np.float32) / BYTE


def to_levels(x: np.ndarray, levels: int) -> np.ndarray:
    """Floats in [0, 1] as the nearest of the levels."""
    return np.rint(x.astype(np.float64) * (levels - 1)).astype(np.int64)


def labels_for(labels: Any, spec: DataSpec) -> np.ndarray:
    """Labels as numbers; words are looked up among the spec's names."""
    array = given_array(labels)
    assert array is not None
    if array.dtype.kind not in "UO":
        return np.atleast_1d(array)
    number = {name: i for i, name in enumerate(spec.label_names)}
    unknown = sorted({str(label) for label in array.ravel()} - set(number))
    if unknown:
        raise ValueError(
            f"labels must be some of {sorted(number)[:10]} or their numbers, got {', '.join(unknown[:10])}"
        )
    return np.array([number[str(label)] for label in np.atleast_1d(array)], dtype=np.int64)


def with_known_context(examples: Examples, spec: DataSpec) -> Examples:
    """Examples whose context, where they bring one, is such as the spec's; left out where the spec has none."""
    if examples.context is None or not spec.context:
        return replace(examples, context=None)
    return replace(examples, context=context_for(examples.context, spec).numpy())


def check_labels(labels: np.ndarray | None, spec: DataSpec) -> None:
    """Raise for a label that the data did not have."""
    if labels is not None and spec.classes is not None and labels.max() >= spec.classes:
        raise ValueError(f"labels must be in 0..{spec.classes - 1}, got {labels.max()}")


def names_column(labels: Any) -> bool:
    """Whether labels= is a column's name rather than labels or their file."""
    return isinstance(labels, str) and not labels.lower().endswith(ARRAY_FILES)


def all_paths(items: Sequence[Any]) -> bool:
    """Whether a list is one of files."""
    return all(isinstance(item, str | Path) for item in items)
