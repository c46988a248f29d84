"""`vaekit score`, and the scores that `vaekit train` writes: how likely each example is."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table
from rich.text import Text

from vaekit.cli.given import NOTHING, STDIN, Beside, files
from vaekit.cli.options import Examples, Json, Seed
from vaekit.cli.output import STDOUT, announce, check_table, write_table
from vaekit.data.folders import picture_names
from vaekit.runs import Run, load

__all__ = ["score", "write_scores"]

Columns = dict[str, np.ndarray]
ROWS = (".csv", ".tsv", ".gz", ".parquet", ".npy", ".npz")


def score(
    run: Annotated[Path, Parameter(help="the run's folder")],
    file: Examples,
    /,
    *,
    out: Annotated[
        Path | None,
        Parameter(name=["-o", "--out"], allow_leading_hyphen=True, help="a .csv, .parquet or .npy file, or - for CSV"),
    ] = None,
    samples: Annotated[int, Parameter(help="draws per example in the log-likelihood estimate")] = 100,
    top: Annotated[int, Parameter(help="how many of the most unusual examples to show")] = 10,
    beside: Beside = NOTHING,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """How likely each example is under the model, in nats: the lower, the more unusual. With -o, a row for each."""
    if out is not None:
        check_table(out)
    if top < 0:
        raise ValueError(f"top must be at least 0, got {top}")
    opened = load(run)
    with files([file]) as path:
        split = beside.read(opened, path)
        columns = scores_of(opened, split, samples, seed)
    scored(named(columns, file), out, top, as_json)


def scores_of(run: Run, split: Any, samples: int = 100, seed: int = 0) -> Columns:
    """Scores as arrays, with the number of the row in front."""
    found = {name: column.numpy() for name, column in run.score(split, samples, seed).items()}
    return {"row": np.arange(len(split)), **found}


def named(columns: Columns, source: str) -> Columns:
    """With the file of every row, where the rows are pictures in a folder."""
    if source == STDIN or not Path(source).is_dir():
        return columns
    try:
        names = picture_names(Path(source))
    except ValueError:  # shards or arrays
        return columns
    return {"file": np.array(names), **columns} if len(names) == len(columns["row"]) else columns


def write_scores(run: Run, source: str, options: Mapping[str, Any], out: Path) -> None:
    """Every example of the data that a run was trained on: a file's rows in its order, else split by split."""
    if Path(source).suffix.lower() in ROWS and Path(source).is_file():
        given = {name: options.get(name) for name in ("labels", "context", "lengths")}
        split = run.read(source, **given)
        limit = options.get("limit")
        write_table(scores_of(run, split if limit is None else split.first(limit)), out)
        return
    parts = {role: scores_of(run, split) for role, split in run.data.splits().items()}
    whole = {name: np.concatenate([part[name] for part in parts.values()]) for name in next(iter(parts.values()))}
    roles = np.concatenate([np.full(len(part["row"]), role) for role, part in parts.items()])
    write_table({"split": roles, **whole}, out)


def scored(columns: Columns, out: Path | None, top: int, as_json: bool) -> None:
    """Scores into a file, and the most unusual examples for people (or in JSON)."""
    ranking = columns.get("log_likelihood", columns.get("elbo", -columns["distortion"]))
    if out is not None:
        write_table(columns, out)
    if out == STDOUT:
        return
    rows = [{name: column[i].item() for name, column in columns.items()} for i in ranking.argsort()[:top]]
    if as_json:
        means = {name: float(c.mean()) for name, c in columns.items() if name not in ("row", "file")}
        record = {"examples": len(ranking), "unit": "nats/example", "most_unusual": rows, "means": means}
        print(json.dumps({**record, "file": None if out is None else str(out)}))
        return
    if rows:
        Console(soft_wrap=True, stderr=out is not None).print(unusual(rows, len(ranking)))
    announce({}, False, out)


def unusual(rows: list[dict[str, Any]], examples: int) -> Table:
    """The most unusual examples, for people."""
    table = Table(title=f"the most unusual of {examples:,} examples, nats (rows count from 0)")
    for name in rows[0]:
        table.add_column(name.replace("_", " "), justify="left" if name == "file" else "right", overflow="fold")
    for row in rows:
        table.add_row(*(Text(f"{v:,.2f}" if isinstance(v, float) else str(v)) for v in row.values()))
    return table
