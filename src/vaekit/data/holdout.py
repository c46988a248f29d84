"""Which examples are kept for validation and for the test."""

import math
from numbers import Real

import numpy as np
import torch
from torch import Tensor

__all__: list[str] = []


def held_out(n: int, labels: Tensor | None, size: int, generator: torch.Generator) -> Tensor:
    """`size` of n rows at random, in order; with labels (n,), each label in its proportion to within one example.

    A systematic sample: rows shuffled, sorted by label, and taken at even distances.
    """
    order = torch.randperm(n, generator=generator)
    if labels is not None:
        order = order[labels[order].argsort(stable=True)]
    midpoints = (2 * torch.arange(size) + 1) * n // max(2 * size, 1)
    return order[midpoints].sort().values


def size_of(wanted: float | None, share: float, n: int, argument: str) -> int:
    """A number of examples from a count, a share in (0, 1), or None for the source's own share."""
    wanted = share if wanted is None else wanted
    if (
        isinstance(wanted, bool)
        or not isinstance(wanted, Real)
        or not math.isfinite(wanted)
        or wanted < 0
        or (wanted >= 1 and wanted != int(wanted))
    ):
        raise ValueError(f"{argument} must be a count, or a share below 1, got {wanted!r}")
    return round(wanted * n) if 0 < wanted < 1 else int(wanted)


def held_out_whole(
    origin: Tensor, labels: Tensor | None, size: int, generator: torch.Generator, argument: str
) -> Tensor:
    """As `held_out`, with all rows of an origin (n,) or none: up to `size`, as near to it as their numbers allow."""
    each = torch.zeros_like(origin) if labels is None else labels
    wanted = each[held_out(len(origin), labels, size, generator)].bincount()
    taken, missing = list[Tensor](), 0
    for label, share in enumerate(wanted.tolist()):
        missing += share
        there = origin[each == label].unique()
        for one in there[torch.randperm(len(there), generator=generator)].tolist():
            rows = (origin == one).nonzero().flatten() if missing else origin[:0]
            if 0 < len(rows) <= missing:
                taken, missing = [*taken, rows], missing - len(rows)
    if size and not taken:
        raise ValueError(f"{argument} must hold all examples of at least one origin, got {size}")
    return torch.cat(taken).sort().values if taken else torch.empty(0, dtype=torch.long)


def parts(
    n: int,
    labels: Tensor | None,
    valid: int,
    test: int,
    generator: torch.Generator,
    origin: np.ndarray | None = None,
) -> dict[str, Tensor]:
    """Rows of train, valid and test: every row in exactly one, each in order; those of one origin (n,) together."""
    if valid + test >= n:
        raise ValueError(f"valid and test must leave an example to train on, got {valid} and {test} of {n}")
    rows, found = torch.arange(n), {}
    for role, size in (("test", test), ("valid", valid)):
        own = None if labels is None else labels[rows]
        if origin is None:
            taken = held_out(len(rows), own, size, generator)
        else:
            taken = held_out_whole(torch.from_numpy(origin)[rows], own, size, generator, role)
        left = torch.ones(len(rows), dtype=torch.bool).index_fill_(0, taken, False)
        found[role], rows = rows[taken], rows[left]
    return {"train": rows, **found}
