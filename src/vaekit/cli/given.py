"""What a command is given: files, standard input, codes, numbers of examples."""

import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import torch
from cyclopts import Parameter
from torch import Tensor

from vaekit.cli.options import Context, Label, Labels, Lengths
from vaekit.data import Split
from vaekit.data.arrays import given_array
from vaekit.runs import Run

__all__ = ["NOTHING", "STDIN", "Beside", "codes_in", "example", "examples_in", "files", "temperatures"]

STDIN = "-"


@contextmanager
def files(given: Sequence[str]) -> Iterator[str | list[str]]:
    """One file or folder as it is, several pictures as a list, and "-" as the CSV that stands on standard input."""
    if STDIN not in given:
        yield given[0] if len(given) == 1 else list(given)
        return
    if len(given) > 1:
        raise ValueError("'-' stands for standard input and must be the only file")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stdin.csv"
        path.write_bytes(sys.stdin.buffer.read())
        try:
            yield str(path)
        except ValueError as error:
            raise ValueError(str(error).replace(str(path), "standard input")) from None


@Parameter(name="*")
@dataclass(frozen=True)
class Beside:
    """What stands beside new examples, for the runs that need it."""

    labels: Labels = None
    label: Label = None
    context: Context = None
    lengths: Lengths = None

    def read(self, run: Run, given: Any) -> Split:
        """The examples as the run reads them."""
        return run.read(given, self.labels, label=self.label, context=self.context, lengths=self.lengths)


NOTHING = Beside()


def example(given: str) -> int | str:
    """The number of a held-out example, or a file that holds one."""
    return int(given) if given.lstrip("-").isdigit() else given


def examples_in(run: Run, given: Sequence[str], label: str | None, lengths: str | None) -> list[int | Split]:
    """Numbers of held-out examples, or what stands in files of one each; `lengths` has one for each of those files."""
    named = [example(one) for one in given]
    paths = [one for one in named if isinstance(one, str)]
    array = given_array(lengths)
    ends = [None] * len(paths) if array is None else [np.atleast_1d(end) for end in np.atleast_1d(array)]
    if len(ends) != len(paths):
        raise ValueError(f"lengths must be one for each of {len(paths)} files, got {len(ends)}")
    each = iter(ends)
    return [one if isinstance(one, int) else run.read(one, label=label, lengths=next(each)) for one in named]


def codes_in(given: str) -> tuple[Tensor | dict[str, Tensor], Tensor | None]:
    """Codes from .npy, CSV or Parquet (one row each), or CSV on standard input, from .npz those of several latents by
    name; and labels from a column, or an array, "label".
    """
    with files([given]) as path:
        where = Path(str(path))
        if not where.is_file():
            raise ValueError(f"FILE must be there, got {given}")
        arrays, labels = arrays_in(where) if where.suffix.lower() == ".npz" else array_in(where)
        found = {name: numbers(array, where) for name, array in arrays.items()}
    known = None if labels is None else torch.from_numpy(labels.astype(np.int64))
    return found.get("", found), known


def numbers(array: np.ndarray, where: Path) -> Tensor:
    """An array of numbers in single precision."""
    if array.dtype.kind not in "iuf":
        raise ValueError(f"{where} must hold numbers, got {array.dtype}")
    return torch.from_numpy(array.astype(np.float32))


def arrays_in(path: Path) -> tuple[dict[str, np.ndarray], np.ndarray | None]:
    """The arrays of an .npz file by name, and its labels, where it has them."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} must hold codes by the names of latents: {str(error).splitlines()[0]}") from None
    labels = arrays.pop("label", None)
    return arrays, labels


def array_in(path: Path) -> tuple[dict[str, np.ndarray], np.ndarray | None]:
    """The codes of a file, of no named latent, and its labels, where it has a column of them."""
    suffix = path.suffix.lower()
    if suffix not in (".npy", ".csv", ".parquet"):
        raise ValueError(f"FILE must be .npy, .npz, .csv or .parquet, got {path}")
    try:
        if suffix == ".npy":
            return {"": np.load(path, allow_pickle=False)}, None
        table = pa.parquet.read_table(path) if suffix == ".parquet" else pa.csv.read_csv(path)
        columns = {name: table.column(name).to_numpy() for name in table.column_names}
        labels = columns.pop("label", None)
        return {"": np.stack(list(columns.values()), 1)}, labels
    except (ValueError, OSError, pa.ArrowException) as error:
        raise ValueError(f"{path} must hold one code in each row: {str(error).splitlines()[0]}") from None


def temperatures(words: Sequence[str]) -> float | list[float] | dict[str, float]:
    """One number, a number for each latent, or numbers by name from NAME=NUMBER; ValueError for anything else."""
    pairs = [word.partition("=") for word in words]
    try:
        if all(mark for _, mark, _ in pairs):
            return {name: float(value) for name, _, value in pairs}
        values = [float(word) for word in words]
    except ValueError:
        said = " ".join(words)
        raise ValueError(f"temperature must be numbers, or NAME=NUMBER for some latents, got {said}") from None
    return values[0] if len(values) == 1 else values
