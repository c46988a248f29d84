"""The table of a run: one row per epoch, the same bytes whenever the run is the same."""

import csv
import io
import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from vaekit.training.checkpoint import write_text
from vaekit.training.failures import Unwritable, writing
from vaekit.training.reading import read_text

__all__ = ["Metrics", "judged_by", "read_metrics"]


def judged_by(columns: Collection[str]) -> str | None:
    """The column whose lowest figure tells the best epoch: the held-out bound where it differs from the loss."""
    return next((name for name in ("valid/bound", "valid/loss") if name in columns), None)


class Metrics:
    """Rows of numbers, and the file `metrics.csv` where there is a folder. Nothing in it depends on the clock."""

    def __init__(self, path: Path | None) -> None:
        self.path, self.rows = path, list[dict[str, float]]()

    def add(self, row: Mapping[str, float]) -> None:
        """Append a row; the first one names the columns, and every later one must have them."""
        columns = list(self.rows[0]) if self.rows else list(row)
        if columns != list(row):
            raise ValueError(f"a row of metrics must have the columns {', '.join(columns)}, got {', '.join(row)}")
        self.rows.append(dict(row))
        if self.path is not None:
            append(self.path, written(row, header=len(self.rows) == 1))

    def rewind(self, rows: int) -> None:
        """Read the file back and drop all rows after the first `rows`: those a resumed run will write again."""
        assert self.path is not None
        self.rows = read_metrics(self.path)[:rows] if self.path.is_file() else []
        write_text(self.path, "".join(written(row, header=i == 0) for i, row in enumerate(self.rows)))


def written(row: Mapping[str, float], header: bool) -> str:
    """A row as CSV, with the columns' names above it on demand; numbers in a form that reads back exactly."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    if header:
        writer.writerow(row)
    writer.writerow([repr(value) for value in row.values()])
    return out.getvalue()


def append(path: Path, text: str) -> None:
    """Write behind a file's end; `Unwritable`, with the file as it was, where there is no room for all of it."""
    before = path.stat().st_size if path.is_file() else 0
    try:
        with writing(path), path.open("a", newline="") as file:
            file.write(text)
    except Unwritable:
        with suppress(OSError):
            os.truncate(path, before)
        raise


def read_metrics(path: Path) -> list[dict[str, float]]:
    """The rows of a metrics file; a last line cut short by a kill is left out. ValueError where it is no table."""
    text = read_text(path)
    whole = text[: text.rfind("\n") + 1]
    try:
        rows = list(csv.DictReader(io.StringIO(whole), strict=True))
    except csv.Error as error:
        raise ValueError(f"{path} is no table of numbers: {error}") from None
    return [parsed(row, path, line) for line, row in enumerate(rows, 2)]


def parsed(row: Mapping[str | Any, Any], path: Path, line: int) -> dict[str, float]:
    """A row's numbers by column."""
    try:
        return {name: number(value) for name, value in row.items()}
    except (ValueError, TypeError, AttributeError):
        raise ValueError(f"{path} is no table of numbers: look at row {line}") from None


def number(text: str) -> float:
    """An int where it is written as one, else a float."""
    return int(text) if text.lstrip("-").isdigit() and len(text) < 19 else float(text)
