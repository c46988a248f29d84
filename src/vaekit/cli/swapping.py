"""Some latents of one example with the rest of another: `vaekit swap RUN A B`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import torch
from cyclopts import Parameter
from torch import Tensor

from vaekit.cli.given import example, examples_in
from vaekit.cli.options import Json, Lengths, Out
from vaekit.cli.output import announce, check_events, default_for, write_array, write_events
from vaekit.data import Split
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
    lengths: Lengths = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """The content of one example with the motion of another: A, B and the new one side by side, or every pair of more."""
    opened = load(run)
    where = default_for(opened.spec, "swap") if out is None else out
    check_events(where, opened.spec)
    both = examples_in(opened, [a, b], None, lengths)
    if more:
        everyone(opened, [number(a), number(b), *more], latent, where)
    else:
        pair(opened, both, latent, where)
    said = list(opened.latents)[:1] if latent is None else list(latent)
    announce({"file": str(where), "latents": said}, as_json, where)


def pair(run: Run, both: Sequence[int | Split], latent: tuple[str, ...] | None, where: Path) -> None:
    """The new example; in a picture beside the two that it was made of."""
    a, b = both
    made = run.swap(a, b, latent=latent)
    if where.suffix.lower() == ".npy":
        write_array(made.numpy(), where)
        return
    write_events(stacked([*map(run.example, both), made]), run.spec, where, 3)


def stacked(examples: Sequence[Tensor]) -> Tensor:
    """Examples as one tensor, sequences with blank steps behind their ends."""
    longest = max(map(len, examples))
    return torch.stack([torch.cat([x, x.new_zeros(longest - len(x), *x.shape[1:])]) for x in examples])


def everyone(run: Run, numbers: list[int], latent: tuple[str, ...] | None, where: Path) -> None:
    """A table: contents in rows, all else in columns, the examples themselves along its edges."""
    made = run.swaps(numbers, latent=latent)
    if where.suffix.lower() == ".npy":
        write_array(made.numpy(), where)
        return
    x = torch.stack([run.example(i) for i in numbers])
    corner = torch.full_like(x[:1], float(x.max()))
    lines = [torch.cat([corner, x]), *(torch.cat([x[i : i + 1], row]) for i, row in enumerate(made))]
    write_events(torch.cat(lines), run.spec, where, len(numbers) + 1)


def number(given: str) -> int:
    """The number of a held-out example."""
    found = example(given)
    if not isinstance(found, int):
        raise ValueError(f"more than two examples are given by the numbers of held-out ones, got {given}")
    return found
