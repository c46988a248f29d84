"""Runs side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from vaekit.evaluation import Evaluation
from vaekit.runs.loading import load
from vaekit.runs.run import Run

__all__ = ["Comparison", "compare"]


@dataclass(frozen=True, eq=False)
class Comparison:
    """Evaluations of several runs by the names of their folders, and the page that shows them."""

    evaluations: dict[str, Evaluation]
    recipes: dict[str, str | None]
    page: Path
    notes: tuple[str, ...] = ()

    def table(self) -> Table:
        """A column for each run and a row for each figure, with its unit."""
        figures = {name: found.summary() for name, found in self.evaluations.items()}
        kinds = dict.fromkeys(kind for found in figures.values() for kind in found)
        table = Table(title="held-out data; ± one standard error over examples", caption="\n".join(self.notes))
        for column in ("", "unit", *(f"{name}\n{self.recipes[name] or 'by hand'}" for name in figures)):
            table.add_column(column, justify="left" if column in ("", "unit") else "right", overflow="fold")
        for kind in kinds:
            unit = next(found[kind].unit for found in figures.values() if kind in found)
            table.add_row(kind, unit, *(str(found[kind]) if kind in found else "" for found in figures.values()))
        return table

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        runs = {n: {"recipe": self.recipes[n], **found.to_dict()} for n, found in self.evaluations.items()}
        return {"page": str(self.page), "runs": runs, "notes": list(self.notes)}


def compare(
    runs: Sequence[Run | Path | str],
    page: Path | str = "comparison.html",
    *,
    samples: int = 100,
    limit: int | None = 2000,
    seed: int = 0,
) -> Comparison:
    """Evaluate runs alike and write one page that shows them side by side.

    Raises ValueError for fewer than two runs, or runs on events of different shapes.
    """
    from vaekit.report.comparison import distinct, warnings, write_comparison
    from vaekit.report.page import check_target

    if len(runs) < 2:
        raise ValueError(f"compare needs at least two runs, got {len(runs)}")
    place = check_target(Path(page))
    opened = [run if isinstance(run, Run) else load(run) for run in runs]
    shapes = {run.path: run.spec.shape for run in opened}
    if len(set(shapes.values())) > 1:
        raise ValueError(f"runs to compare must be on data of one shape, got {sorted(set(shapes.values()))}")
    subjects = [run.subject(samples=samples, limit=limit, seed=seed) for run in opened]
    written = write_comparison(subjects, place, seed)
    names = distinct(subjects)
    named = dict(zip(names, subjects, strict=True))
    return Comparison(
        {name: subject.evaluation for name, subject in named.items()},
        {name: run.record["recipe"] for name, run in zip(names, opened, strict=True)},
        written,
        tuple(warnings(named)),
    )
