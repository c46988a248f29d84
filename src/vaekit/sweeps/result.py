"""What a sweep found: a table of cells with intervals over seeds, and the best of them."""

import html
import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from vaekit.sweeps.intervals import Interval
from vaekit.sweeps.record import SweepFolder
from vaekit.sweeps.rows import FIGURES, Row, chosen_metric, metric_name, ranked, rows_of

__all__ = ["Sweep"]

DIGITS = {"active units": 1, "bits/dim": 3, "bits/dim (bound)": 3}
LARGE = 1e7
APART = "≈ best"


class Sweep:
    """A sweep's folder and what is known so far; `metric` ranks the cells, on the validation split.

    Opens any folder that holds a sweep.json; ValueError where it holds none, or one that is broken.
    """

    def __init__(self, folder: Path | str, metric: str | None = None) -> None:
        self.path = Path(folder)
        self.record = SweepFolder(folder).read()
        self._metric = metric or self.record["metric"]
        if self._metric is not None:
            self._metric = metric_name(self._metric)

    @cached_property
    def metric(self) -> str:
        """What ranks the cells: as asked, else the log-likelihood, the ELBO, or the distortion, as the runs have it."""
        return self._metric or chosen_metric(rows_of(self.record["runs"], self.path))

    @cached_property
    def rows(self) -> list[Row]:
        """One for every cell, best first."""
        return ranked(rows_of(self.record["runs"], self.path), self.metric)

    @property
    def best(self) -> Row:
        """The cell with the best mean: its `settings`, `paths`, and figures; ValueError where no run has finished."""
        if not self.rows or not self.rows[0].by_seed(self.metric):
            raise ValueError(f"no run of {self.path} has finished with a figure {self.metric!r}")
        return self.rows[0]

    @property
    def best_path(self) -> Path:
        """The run with the best validation figure in the best cell: for `vaekit.load`."""
        return self.best.best_path(self.metric)

    @property
    def failures(self) -> dict[str, str]:
        """By run folder, the sentence that a run ended with, of those that broke or failed."""
        ended = [run for run in self.record["runs"] if run["status"] in ("broken", "failed")]
        return {run["folder"]: str(run.get("reason")) for run in ended}

    def verdict(self, row: Row) -> str:
        """How a cell stands to the best one: best, ≈ best (not told apart), one seed, none finished; empty for worse."""
        found = row.against(self.rows[0], self.metric)
        if found is None:
            return "none finished"
        if row is self.rows[0]:
            return "best"
        if found.half is None:
            return "one seed"
        return APART if found.covers_zero else ""

    def table(self) -> Table:
        """For people: a row for every cell, best first, means with 95% intervals over seeds."""
        columns, rows = self._cells()
        table = Table(
            title=f"{self.path.name}: {self._progress()}",
            caption="\n".join(map(escape, self.notes())),
            caption_justify="left",
            box=SIMPLE_HEAD,
            pad_edge=False,
        )
        for i, name in enumerate(columns):
            table.add_column(name, justify="right" if i else "left")
        for row in rows:
            table.add_row(*row, style="bold" if row[0] == "best" else None)
        return table

    def notes(self) -> list[str]:
        """What a reader must know of the table."""
        chosen = f"Best by {self.metric} on the validation split; the test split chose nothing."
        several = any(len(row.finished) > 1 for row in self.rows)
        spread = "± is a 95% Student-t interval over seeds; the data's split is the same for all."
        apart = "≈ best: not told apart, as the interval of the difference to the best, paired by seed, holds 0."
        one = "One seed: no interval, and a difference may be chance. Give more seeds to tell cells apart."
        notes = [chosen, *([spread, apart] if several else [one]), "ELBO, likelihood, rate and distortion in nats."]
        return notes + [f"{folder}: {reason}" for folder, reason in self.failures.items()]

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON has it: the record, and a summary of every cell, best first."""
        finished = bool(self.rows) and bool(self.rows[0].by_seed(self.metric))
        best = {"settings": self.best.settings, "run": str(self.best_path)} if finished else None
        rows = [self._summary(row) for row in self.rows]
        return {**self.record, "folder": str(self.path), "metric": self.metric, "best": best, "cells": rows}

    def __repr__(self) -> str:
        return f"Sweep({str(self.path)!r}, {self._progress()})"

    def __str__(self) -> str:
        console = Console(width=200, color_system=None)
        with console.capture() as written:
            console.print(self.table())
        return written.get().rstrip()

    def _repr_html_(self) -> str:
        columns, rows = self._cells()
        head = "".join(f"<th>{html.escape(name)}</th>" for name in columns)
        body = "".join(f"<tr>{''.join(f'<td>{html.escape(text)}</td>' for text in row)}</tr>" for row in rows)
        notes = "<br>".join(map(html.escape, self.notes()))
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table><p>{notes}</p>"

    def _progress(self) -> str:
        finished, failed = (sum(values) for values in zip(*self._counts(), strict=True))
        text = f"{finished} of {len(self.record['runs'])} runs finished"
        return text + (f", {failed} failed" if failed else "")

    def _counts(self) -> list[tuple[int, int]]:
        return [(len(row.finished), row.failed) for row in self.rows] or [(0, 0)]

    def _cells(self) -> tuple[list[str], list[list[str]]]:
        """The table's columns, and its rows as text."""
        names = list(self.record["grid"])
        shown = self._figures()
        columns = ["", *names, "seeds", *(["failed"] if self.failures else []), *shown, f"test {self.metric}"]
        return columns, [self._texts(row, names, shown) for row in self.rows]

    def _texts(self, row: Row, names: Sequence[str], shown: Sequence[str]) -> list[str]:
        """A row as text."""
        counts = [str(len(row.finished)), *([str(row.failed or "")] if self.failures else [])]
        figures = [written(row.over_seeds(figure), figure) for figure in shown]
        test = written(row.over_seeds(self.metric, "test"), self.metric)
        return [self.verdict(row), *(in_words(row.settings.get(n)) for n in names), *counts, *figures, test]

    def _figures(self) -> list[str]:
        """The figures that any run has; bits/dim of the bound only where there is no better one."""
        found = [name for name in FIGURES if any(row.by_seed(name) for row in self.rows)]
        bound = "bits/dim (bound)"
        return [name for name in found if name != bound or "bits/dim" not in found or self.metric == bound]

    def _summary(self, row: Row) -> dict[str, Any]:
        """A cell as JSON has it."""
        splits = {
            split: {name: as_dict(row.over_seeds(name, split)) for name in FIGURES} for split in ("valid", "test")
        }
        found = {split: {n: d for n, d in figures.items() if d is not None} for split, figures in splits.items()}
        behind = row.against(self.rows[0], self.metric)
        counts = {"finished": len(row.finished), "failed": row.failed, "unfinished": row.unfinished}
        return {
            "settings": row.settings,
            **counts,
            "verdict": self.verdict(row),
            "best_minus_this": as_dict(behind),
            **found,
        }


def as_dict(interval: Interval | None) -> dict[str, Any] | None:
    """As JSON has it."""
    return None if interval is None else {"mean": interval.mean, "half": interval.half, "seeds": interval.count}


def written(interval: Interval | None, figure: str) -> str:
    """A mean with half its interval, to the digits that the figure deserves."""
    if interval is None:
        return ""
    form = f".{DIGITS.get(figure, 2)}f" if abs(interval.mean) < LARGE else ".2e"
    mean = format(interval.mean, form)
    return mean if interval.half is None else f"{mean} ± {interval.half:{form}}"


def in_words(value: Any) -> str:
    """A setting as a person writes it."""
    if isinstance(value, list | tuple):
        return "x".join(map(str, value))
    if isinstance(value, float):
        return f"{value:g}"
    return value if isinstance(value, str) else json.dumps(value)
