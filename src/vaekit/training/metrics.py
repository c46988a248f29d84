"""The table of a run: one row per epoch, the same bytes whenever the run is the same."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path

__all__ = ["Metrics", "read_metrics"]


class Metrics:
    """Rows of numbers, and the file `metrics.csv` where there is a folder. Nothing in it depends on the clock."""

    def __init__(self, path: Path | None) -> None:
        self.path, self.rows = path, list[dict[str, float]]()

    def add(self, row: Mapping[str, float]) -> None:
        """Append a row; the first one names the columns, and every later one must have them."""
        columns = list(self.rows[0]) if self.rows else list(row)
        assert columns == list(row), (columns, list(row))
        self.rows.append(dict(row))
        if self.path is not None:
            with self.path.open("a", newline="") as file:
                file.write(written(row, header=len(self.rows) == 1))

    def rewind(self, rows: int) -> None:
        """Read the file back and drop all rows after the first `rows`: those a resumed run will write again."""
        assert self.path is not None
        self.rows = read_metrics(self.path)[:rows] if self.path.is_file() else []
        with self.path.open("w", newline="") as file:
            for i, row in enumerate(self.rows):
                file.write(written(row, header=i == 0))


def written(row: Mapping[str, float], header: bool) -> str:
    """A row as CSV, with the columns' names above it on demand; numbers in a form that reads back exactly."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    if header:
        writer.writerow(row)
    writer.writerow([repr(value) for value in row.values()])
    return out.getvalue()


def read_metrics(path: Path) -> list[dict[str, float]]:
    """The rows of a metrics file; a last line cut short by a kill is left out."""
    text = path.read_text()
    whole = text[: text.rfind("\n") + 1]
    rows = list(csv.DictReader(io.StringIO(whole)))
    return [{name: number(value) for name, value in row.items()} for row in rows]


def number(text: str) -> float:
    """An int where it is written as one, else a float."""
    return int(text) if text.lstrip("-").isdigit() else float(text)
