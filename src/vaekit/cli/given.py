"""What a command is given: files, standard input, codes, numbers of examples."""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import torch
from torch import Tensor

__all__ = ["STDIN", "codes_in", "example", "files"]

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


def example(given: str) -> int | str:
    """The number of a held-out example, or a file that holds one."""
    return int(given) if given.lstrip("-").isdigit() else given


def codes_in(given: str) -> tuple[Tensor, Tensor | None]:
    """Codes from .npy, CSV or Parquet (one row each), or CSV on standard input; and labels from a column "label"."""
    with files([given]) as path:
        where = Path(str(path))
        if not where.is_file():
            raise ValueError(f"FILE must be there, got {given}")
        array, labels = array_in(where)
        if array.dtype.kind not in "iuf":
            raise ValueError(f"{where} must hold numbers, got {array.dtype}")
    found = None if labels is None else torch.from_numpy(labels.astype(np.int64))
    return torch.from_numpy(array.astype(np.float32)), found


def array_in(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """The codes of a file, and its labels, where it has a column of them."""
    suffix = path.suffix.lower()
    if suffix not in (".npy", ".csv", ".parquet"):
        raise ValueError(f"FILE must be .npy, .csv or .parquet, got {path}")
    try:
        if suffix == ".npy":
            return np.load(path, allow_pickle=False), None
        table = pa.parquet.read_table(path) if suffix == ".parquet" else pa.csv.read_csv(path)
        columns = {name: table.column(name).to_numpy() for name in table.column_names}
        labels = columns.pop("label", None)
        return np.stack(list(columns.values()), 1), labels
    except (ValueError, OSError, pa.ArrowException) as error:
        raise ValueError(f"{path} must hold one code in each row: {str(error).splitlines()[0]}") from None
