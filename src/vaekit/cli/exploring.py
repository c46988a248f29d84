"""`vaekit neighbours`, `attribute`, `arithmetic` and `manifold`: what lies where in a run's latent space."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import torch
from cyclopts import Parameter

from vaekit.cli.given import NOTHING, Beside, examples_in, files
from vaekit.cli.options import Json, Lengths, Out
from vaekit.cli.output import announce, check_events, default_for, write_events
from vaekit.runs import Run, load
from vaekit.runs.asking import originals

__all__ = ["EXPLORING"]

RunFolder = Annotated[Path, Parameter(help="the run's folder")]
One = Annotated[str, Parameter(help="the number of a held-out example, or a file that holds one")]
Latent = Annotated[str | None, Parameter(help="which latent, where the model has several")]
QUERIES = 8


def neighbours(
    run: RunFolder,
    /,
    *examples: Annotated[
        str, Parameter(help="pictures, or one file or folder; the first held-out examples if not said")
    ],
    k: Annotated[int, Parameter(name=["-k", "--nearest"], help="how many of each")] = 8,
    split: Annotated[str, Parameter(help="where they are looked for: train, valid or test")] = "train",
    latent: Latent = None,
    out: Out = None,
    beside: Beside = NOTHING,
    as_json: Json = False,
) -> None:
    """The examples whose codes lie nearest: each given one first in its row, the nearest next to it."""
    opened = load(run)
    where = chosen(out, opened, "neighbours")
    if examples:
        with files(examples) as named:
            given = beside.read(opened, named)
    else:
        held = opened.split()[1]
        given = held.first(min(QUERIES, len(held)))
    numbers, distances = opened.neighbours(given, k, split=split, latent=latent)
    among = opened.split(split)[1]
    shown = originals(opened, among.select(numbers[:QUERIES].flatten())).unflatten(0, (-1, k))
    own = originals(opened, given.first(min(QUERIES, len(given))))
    write_events(torch.cat([own[:, None], shown], 1).flatten(0, 1), opened.spec, where, k + 1)
    found = {"file": str(where), "split": split, "neighbours": numbers.tolist(), "distances": distances.tolist()}
    if as_json:
        print(json.dumps(found))
        return
    announce({"file": str(where)}, as_json, where)


def attribute(
    run: RunFolder,
    label: Annotated[str, Parameter(help="a label of the data, by number or name")],
    start: One = "0",
    /,
    *,
    steps: Annotated[int, Parameter(help="how many")] = 9,
    most: Annotated[float, Parameter(help="from -most to most times the vector")] = 1.5,
    latent: Latent = None,
    lengths: Lengths = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """An example moved along what tells the codes of one label from those of the others."""
    opened = load(run)
    where = chosen(out, opened, "attribute")
    (first,) = examples_in(opened, [start], None, lengths)
    x = opened.along_attribute(label, first, steps=steps, most=most, latent=latent)
    write_events(x, opened.spec, where, steps)
    announce({"file": str(where), "label": label, "shape": list(x.shape)}, as_json, where)


def arithmetic(
    run: RunFolder, a: One, b: One, c: One, /, *, lengths: Lengths = None, out: Out = None, as_json: Json = False
) -> None:
    """A - B + C in codes: the three examples and what comes of them, side by side."""
    opened = load(run)
    where = chosen(out, opened, "arithmetic")
    three = examples_in(opened, [a, b, c], None, lengths)
    made = opened.arithmetic(*three)
    shown = made[None] if where.suffix == ".npy" else torch.stack([*map(opened.example, three), made])
    write_events(shown, opened.spec, where, 4)
    announce({"file": str(where)}, as_json, where)


def manifold(
    run: RunFolder,
    /,
    *,
    side: Annotated[int, Parameter(help="how many along each side")] = 15,
    dimensions: Annotated[
        tuple[int, int] | None, Parameter(help="which two [default: those whose codes vary most]")
    ] = None,
    latent: Latent = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """The plane of two dimensions of the latent, decoded at even quantiles of the prior."""
    opened = load(run)
    where = chosen(out, opened, "manifold")
    write_events(opened.manifold(side, dimensions=dimensions, latent=latent), opened.spec, where, side)
    announce({"file": str(where), "side": side}, as_json, where)


def chosen(out: Path | None, run: Run, name: str) -> Path:
    """Where events go, refused before any work."""
    where = default_for(run.spec, name) if out is None else out
    check_events(where, run.spec)
    return where


EXPLORING: tuple[Callable[..., None], ...] = (neighbours, attribute, arithmetic, manifold)
