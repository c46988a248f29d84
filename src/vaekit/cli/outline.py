"""`vaekit train ... --dry-run`: what would be trained, without training it or taking memory for it."""

import json
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from vaekit.data import Data
from vaekit.models import parameter_counts
from vaekit.recipes.recipe import Recipe
from vaekit.runs.building import blueprint

__all__ = ["outline"]


def outline(chosen: Recipe, data: Data, arguments: Mapping[str, Any], as_json: bool) -> None:
    """Print the data, the objective, and how many numbers each part would train."""
    given = chosen.arguments(arguments)
    system = blueprint(lambda: chosen(data.spec, **given))
    counts = parameter_counts(system.model)
    objective, total = repr(1.0 * system.objective), sum(counts.values())
    if as_json:
        said = {"recipe": chosen.name, "arguments": given, "objective": objective, "parameters": total, "parts": counts}
        print(json.dumps(said))
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("part", no_wrap=True)
    table.add_column("parameters", justify="right")
    for name, count in counts.items():
        table.add_row(name, f"{count:,}")
    table.add_row("in all", f"{total:,}", style="bold")
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{data}\n{chosen.name}: {objective}\n", markup=False)
    console.print(table)
