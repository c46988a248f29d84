"""`vaekit predict`: the label of each example, and how probable each label is."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from vaekit.cli.given import NOTHING, Beside, files
from vaekit.cli.options import Examples, Json
from vaekit.cli.output import STDOUT, announce, check_table, write_table
from vaekit.cli.scoring import named
from vaekit.runs import Run, load

__all__ = ["predict"]

PREDICTIONS = Path("predictions.csv")


def predict(
    run: Annotated[Path, Parameter(help="the run's folder")],
    file: Examples,
    /,
    *,
    out: Annotated[
        Path,
        Parameter(name=["-o", "--out"], allow_leading_hyphen=True, help="a .csv, .parquet or .npy file, or - for CSV"),
    ] = PREDICTIONS,
    draws: Annotated[
        int, Parameter(help="average over so many draws of the code that a label is read from; 0 for its mean")
    ] = 0,
    beside: Beside = NOTHING,
    as_json: Json = False,
) -> None:
    """The label that the model takes each example for, its probability, and that of every label: a row for each."""
    check_table(out)
    opened = load(run)
    with files([file]) as path:
        columns = predicted(opened, beside.read(opened, path), numbers=out.suffix.lower() == ".npy", draws=draws)
    write_table(named(columns, file) if out.suffix.lower() != ".npy" else columns, out)
    counts = counted(opened, columns["label"])
    if as_json:
        announce({"file": str(out), "examples": len(columns["row"]), "labels": counts}, as_json, out)
        return
    if out != STDOUT:
        Console(soft_wrap=True, stderr=True).print(table(counts, len(columns["row"])))
    announce({}, False, out)


def predicted(run: Run, split: Any, numbers: bool = False, draws: int = 0) -> dict[str, np.ndarray]:
    """The row's number, the label by its name (by its number, where `numbers`), its probability, and that of each."""
    labels, probabilities = run.predict(split, draws)
    names = label_names(run, probabilities.shape[1])
    shown = labels.numpy() if numbers or not run.spec.label_names else np.array(names)[labels.numpy()]
    each = {f"p_{name}": column for name, column in zip(names, probabilities.T.numpy(), strict=True)}
    likeliest = probabilities.max(1).values.numpy()
    return {"row": np.arange(len(labels)), "label": shown, "probability": likeliest, **each}


def label_names(run: Run, classes: int) -> list[str]:
    """What labels are called: their names, else their numbers."""
    return list(run.spec.label_names) or [str(label) for label in range(classes)]


def counted(run: Run, labels: np.ndarray) -> dict[str, int]:
    """How many examples were taken for each label."""
    found = {str(label): int(n) for label, n in zip(*np.unique(labels, return_counts=True), strict=True)}
    names = label_names(run, run.spec.classes or 0)
    return {name: found.get(name, 0) for name in names}


def table(counts: Mapping[str, int], examples: int) -> Table:
    """For people: how many of each."""
    made = Table(title=f"labels of {examples:,} examples")
    made.add_column("label")
    made.add_column("examples", justify="right")
    for name, n in counts.items():
        made.add_row(name, f"{n:,}")
    return made
