"""Tables of numbers: CSV, TSV and Parquet files, and anything in memory that has columns."""

import csv
import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv
from pyarrow import parquet

from vaekit.data.asked import FromFiles
from vaekit.data.nearest import nearest
from vaekit.data.sources import Examples, Found

__all__: list[str] = []

NAMELESS = "the first column, which has no name, is taken for the numbers of the rows and left out"
CSV_FILES = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
TABLE_FILES = (*CSV_FILES, ".parquet")
BROKEN = (pa.ArrowException, OSError, EOFError, UnicodeDecodeError, ValueError, csv.Error)


@dataclass(frozen=True)
class Table:
    """Columns by name, all of one length, as numpy has them; missing values of numbers are NaN, of others None."""

    name: str
    columns: Mapping[str, np.ndarray]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))


def from_table_file(path: Path, asked: FromFiles) -> Found:
    """A file's columns as examples."""
    return as_found(table_of_file(path), asked)


def from_frame(frame: Any, asked: FromFiles) -> Found:
    """The columns of a thing in memory as examples."""
    return as_found(table_of_frame(frame), asked)


def as_found(table: Table, asked: FromFiles) -> Found:
    """The chosen columns as one array, and the labels among them."""
    labels, label_names = label_column(table, asked.label_column)
    others = [name for name in table.columns if name != asked.label_column]
    columns = tuple(others) if asked.columns is None else asked.columns
    x = numbers(table, columns, asked.label_column is None)
    origin = None if labels is None else f"the column {asked.label_column!r}"
    examples = Examples(x, labels)
    return Found(
        table.name,
        examples,
        label_names=label_names,
        labels_from=origin,
        columns=columns,
        notes=table.notes,
    )


def table_of_file(path: Path) -> Table:
    """All columns of a file. Raises ValueError, naming it, where it is no whole table."""
    if not path.is_file():
        raise ValueError(f"source must name a file that is there, got {path}")
    try:
        read = parquet.read_table(path) if path.name.lower().endswith(".parquet") else read_csv(path)
    except BROKEN as error:
        raise ValueError(f"{path} must be a whole table, got: {' '.join(str(error).split())}") from error
    name = path.name.split(".")[0] or path.name
    return table_of_arrow(read, name, str(path))


def read_csv(path: Path) -> pa.Table:
    """A table whose first row is its header, unless every cell of that row is a number.

    A header may be 0, 1, 2, ..., and its first cell may be empty: both are what a DataFrame without names is saved as.
    """
    first, separator = first_row(path)
    counted = [cell.strip() for cell in first]
    bare = counted[1:] if counted[0] == "" else counted
    headed = counted[0] == "" or bare == [str(i) for i in range(len(bare))] or not all(map(is_number, first))
    options = arrow_csv.ReadOptions(column_names=None if headed else [f"c{i + 1}" for i in range(len(first))])
    missing = arrow_csv.ConvertOptions(strings_can_be_null=True, null_values=["", "NA", "N/A", "NaN", "nan", "null"])
    return arrow_csv.read_csv(path, options, arrow_csv.ParseOptions(delimiter=separator), missing)


def first_row(path: Path) -> tuple[list[str], str]:
    """The cells of the first row and what separates them: a tab in .tsv, else the first found of comma, ; and tab."""
    unzip = path.name.lower().endswith(".gz")
    with gzip.open(path, "rt", encoding="utf-8-sig") if unzip else path.open(encoding="utf-8-sig") as file:
        line = file.readline(1 << 20)
    separator = "\t" if ".tsv" in path.name.lower() else next((s for s in ",;\t" if s in line), ",")
    cells = next(csv.reader([line], delimiter=separator), [])
    if not cells:
        raise ValueError("an empty first row")
    return cells, separator


def table_of_arrow(read: pa.Table, name: str, called: str) -> Table:
    """An Arrow table's columns, but for a first one without a name, the index of a saved DataFrame."""
    indexed = read.column_names[:1] == [""]
    if indexed:
        read = read.select(range(1, read.num_columns))
    names = [column.strip() for column in read.column_names]
    check_columns(names, len(read), called)
    columns = {column: as_numpy(read.column(i)) for i, column in enumerate(names)}
    return Table(name, columns, (NAMELESS,) if indexed else ())


def as_numpy(column: pa.ChunkedArray) -> np.ndarray:
    """Numbers and truth values as they are, decimals as floats, anything else as objects."""
    if pa.types.is_decimal(column.type):
        column = column.cast(pa.float64())
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    number = pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_boolean(column.type)
    if not number:
        return np.array(column.to_pylist(), dtype=object)
    if column.null_count:
        column = column.cast(pa.float64()) if not pa.types.is_boolean(column.type) else column.cast(pa.int8())
    return column.to_numpy()


def is_frame(source: Any) -> bool:
    """Whether a thing in memory is a table: it has columns and to_numpy(), or is Arrow's."""
    return isinstance(source, pa.Table) or (hasattr(source, "columns") and callable(getattr(source, "to_numpy", None)))


def table_of_frame(frame: Any) -> Table:
    """The columns of a DataFrame or an Arrow table."""
    if isinstance(frame, pa.Table):
        return table_of_arrow(frame, "table", "the table")
    names, values = [str(name) for name in frame.columns], frame.to_numpy()
    check_columns(names, len(values), "the table")
    return Table("table", {name: narrowed(values[:, i]) for i, name in enumerate(names)})


def narrowed(column: np.ndarray) -> np.ndarray:
    """A column of objects as numbers where all of them are, a missing one NaN."""
    if column.dtype.kind != "O":
        return column
    if all(value is None or isinstance(value, int | float | np.number | np.bool_) for value in column):
        return np.array([np.nan if value is None else value for value in column])
    return column


def check_columns(names: Sequence[str], rows: int, called: str) -> None:
    """Raise for a table without rows or columns, or with two columns of one name."""
    if rows == 0 or not names:
        raise ValueError(f"{called} must hold rows and columns, got {rows:,} rows of {len(names)} columns")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{called}: columns must have names of their own, got {', '.join(map(repr, twice))} twice")


def label_column(table: Table, name: str | None) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Labels from a column: numbers as they are, words as their positions among the sorted words, and those words.

    An empty cell is a label that is not known: NaN among numbers, -1 among words.
    """
    if name is None:
        return None, ()
    values = column_of(table, name, "labels")
    if values.dtype.kind in "biuf":
        return values, ()
    known = np.array([value is not None for value in values])
    labels = np.full(len(values), -1)
    names, labels[known] = np.unique([str(value).strip() for value in values[known]], return_inverse=True)
    return labels, tuple(names.tolist())


def numbers(table: Table, columns: Sequence[str], hint_labels: bool) -> np.ndarray:
    """Columns as one array (N, D). Raises ValueError for columns that are not there, not numbers, or have gaps."""
    found = [column_of(table, name, "columns") for name in columns]
    if not found:
        raise ValueError(f"{table.name} must hold a column of numbers beside its labels, got none")
    words = {n: values for n, values in zip(columns, found, strict=True) if values.dtype.kind not in "biuf"}
    if words:
        said = ", ".join(f"{name!r} (such as {example(values)})" for name, values in list(words.items())[:10])
        rest = f" and {len(words) - 10} more" if len(words) > 10 else ""
        label = " or name one with labels=" if hint_labels else ""
        raise ValueError(f"{table.name}: columns must be numbers, got {said}{rest}: pick others with columns={label}")
    check_complete(table, columns)
    return np.stack([values.astype(np.int8) if values.dtype.kind == "b" else values for values in found], 1)


def column_of(table: Table, name: str, argument: str) -> np.ndarray:
    """A column by its name."""
    if name not in table.columns:
        close = nearest(name, tuple(table.columns))
        raise ValueError(f"{argument} must name columns of {table.name}, got {name!r}: there are {close}")
    return table.columns[name]


def check_complete(table: Table, columns: Sequence[str]) -> None:
    """Raise for a value that is missing, with its column and row."""
    for name in columns:
        values = table.columns[name]
        missing = np.isnan(values) if values.dtype.kind == "f" else np.array([value is None for value in values])
        if values.dtype.kind in "biu" or not missing.any():
            continue
        row, more = int(missing.argmax()) + 1, int(missing.sum()) - 1
        rest = f" and in {more:,} more rows" if more else ""
        raise ValueError(
            f"{table.name}: column {name!r} must have a value in every row, it lacks one in row {row}{rest}"
        )


def example(values: np.ndarray) -> str:
    """The first value that is there, in a few letters."""
    found = next((repr(value) for value in values if value is not None), "nothing")
    return found if len(found) <= 24 else f"{found[:21]}..."


def is_number(cell: str) -> bool:
    """Whether a cell of a table holds a number, or nothing."""
    try:
        float(cell or 0)
    except ValueError:
        return False
    return True


def table_of(source: Any) -> Table:
    """The columns of a file or of a thing in memory."""
    return table_of_file(Path(source)) if isinstance(source, str | Path) else table_of_frame(source)
