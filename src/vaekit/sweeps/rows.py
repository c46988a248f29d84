"""Rows of a sweep's table: a cell's runs, its figures over seeds, and whether it can be told from the best one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vaekit.recipes.recipe import nearest
from vaekit.sweeps.intervals import Interval, difference, mean_over

__all__ = ["FIGURES", "METRICS", "Row", "chosen_metric", "metric_name", "ranked", "rows_of"]

METRICS = {"log-likelihood": 1, "ELBO": 1, "distortion": -1, "bits/dim": -1, "bits/dim (bound)": -1}
FIGURES = ("log-likelihood", "ELBO", "rate", "distortion", "active units", "bits/dim", "bits/dim (bound)")
CHOICE = ("log-likelihood", "ELBO", "distortion")


@dataclass(frozen=True)
class Row:
    """A cell of the grid and the entries of its runs, one for each seed."""

    settings: Mapping[str, Any]
    runs: Sequence[Mapping[str, Any]]
    folder: Path

    @property
    def failed(self) -> int:
        """How many runs broke or failed."""
        return sum(run["status"] in ("broken", "failed") for run in self.runs)

    @property
    def unfinished(self) -> int:
        """How many runs are still to be done."""
        return len(self.runs) - self.failed - len(self.finished)

    @property
    def finished(self) -> list[Mapping[str, Any]]:
        """Entries of the runs that have figures."""
        return [run for run in self.runs if run["status"] == "finished"]

    @property
    def paths(self) -> list[Path]:
        """The folders of the finished runs."""
        return [self.folder / run["folder"] for run in self.finished]

    def by_seed(self, figure: str, split: str = "valid") -> dict[int, float]:
        """A figure of every run that has it."""
        found = {run["seed"]: run.get(split, {}).get(figure) for run in self.finished}
        return {seed: value for seed, value in found.items() if value is not None}

    def over_seeds(self, figure: str, split: str = "valid") -> Interval | None:
        """Its mean and 95% interval over seeds; None where no run has it."""
        values = list(self.by_seed(figure, split).values())
        return mean_over(values) if values else None

    def best_path(self, metric: str) -> Path:
        """The folder of the run with the best validation figure."""
        values = self.by_seed(metric)
        runs = [run for run in self.finished if run["seed"] in values]
        return self.folder / max(runs, key=lambda run: METRICS[metric] * values[run["seed"]])["folder"]

    def against(self, best: "Row", metric: str) -> Interval | None:
        """How far the best row's validation figure is ahead, paired by seed; None where this one has none."""
        ours, theirs = best.by_seed(metric), self.by_seed(metric)
        return difference(ours, theirs) if ours and theirs else None


def rows_of(runs: Sequence[Mapping[str, Any]], folder: Path) -> list[Row]:
    """The runs by cell, in the order of their first ones."""
    cells: dict[str, list[Mapping[str, Any]]] = {}
    for run in runs:
        cells.setdefault(run["folder"].rpartition("/")[0], []).append(run)
    return [Row(one[0]["settings"], sorted(one, key=lambda run: run["seed"]), folder) for one in cells.values()]


def ranked(rows: Sequence[Row], metric: str) -> list[Row]:
    """Best mean first; those without the figure last, in their own order."""

    def worth(row: Row) -> float:
        mean = row.over_seeds(metric)
        return float("-inf") if mean is None else METRICS[metric] * mean.mean

    return sorted(rows, key=worth, reverse=True)


def metric_name(given: str) -> str:
    """A metric by its name in any spelling; ValueError with the nearest names where cells cannot be chosen by it."""
    known = {name.casefold(): name for name in METRICS}
    said = given.casefold().replace("_", "-")
    if said not in known:
        raise ValueError(f"metric {given!r} is not one to choose by{nearest(given, METRICS)}")
    return known[said]


def chosen_metric(rows: Sequence[Row]) -> str:
    """The log-likelihood where every finished run has one, else the ELBO, else the distortion."""
    finished = [run for row in rows for run in row.finished]
    return next((name for name in CHOICE if all(name in run["valid"] for run in finished)), CHOICE[-1])
