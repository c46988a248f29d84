"""Some latents of one example with the rest of another: `vaekit swap RUN A B`."""

from pathlib import Path
from typing import Annotated

import torch
from cyclopts import Parameter

from vaekit.cli.given import example
from vaekit.cli.options import Json, Out
from vaekit.cli.output import announce, check_events, default_for, write_array, write_events
from vaekit.runs import Run, load

__all__ = ["swap"]


def swap(
    run: Annotated[Path, Parameter(help="the run's folder")],
    a: Annotated[
        str, Parameter(help="the number of a held-out example, or a file that holds one: content comes from it")
    ],
    b: Annotated[str, Parameter(help="likewise: all else comes from it")],
    /,
    *more: Annotated[int, Parameter(help="further held-out examples: then every content is shown with every motion")],
    latent: Annotated[
        tuple[str, ...] | None,
        Parameter(help="what comes from A [default: the model's first latent]", consume_multiple=True),
    ] = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """The content of one example with the motion of another: A, B and the new one side by side, or every pair of more."""
    opened = load(run)
    where = default_for(opened.spec, "swap") if out is None else out
    check_events(where, opened.spec)
    if more:
        everyone(opened, [number(a), number(b), *more], latent, where)
    else:
        pair(opened, a, b, latent, where)
    said = list(opened.latents)[:1] if latent is None else list(latent)
    announce({"file": str(where), "latents": said}, as_json, where)


def pair(run: Run, a: str, b: str, latent: tuple[str, ...] | None, where: Path) -> None:
    """The new example; in a picture beside the two that it was made of."""
    made = run.swap(example(a), example(b), latent=latent)
    if where.suffix.lower() == ".npy":
        write_array(made.numpy(), where)
        return
    write_events(torch.stack([run.example(example(a)), run.example(example(b)), made]), run.spec, where, 3)


def everyone(run: Run, numbers: list[int], latent: tuple[str, ...] | None, where: Path) -> None:
    """A table: contents in rows, all else in columns, the examples themselves along its edges."""
    made = run.swaps(numbers, latent=latent)
    if where.suffix.lower() == ".npy":
        write_array(made.numpy(), where)
        return
    x = torch.stack([run.example(i) for i in numbers])
    lines = [torch.cat([torch.ones_like(x[:1]), x]), *(torch.cat([x[i : i + 1], row]) for i, row in enumerate(made))]
    write_events(torch.cat(lines), run.spec, where, len(numbers) + 1)


def number(given: str) -> int:
    """The number of a held-out example."""
    found = example(given)
    if not isinstance(found, int):
        raise ValueError(f"more than two examples are given by the numbers of held-out ones, got {given}")
    return found
