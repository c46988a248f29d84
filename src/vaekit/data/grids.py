"""`shapes` by name: which of its grid's values are wanted, and whether its pictures are held or drawn when asked for."""

import re

import numpy as np

from vaekit.data.asked import FromFiles
from vaekit.data.factors import Factors
from vaekit.data.rows import fits, in_memory
from vaekit.data.shapes import GRID, SHAPES, Values, shapes
from vaekit.data.sources import Examples, Found
from vaekit.data.values import Values as Range

__all__: list[str] = []

NAME = "shapes"
PART = re.compile(r"(?P<count>\d{1,3})|(?P<first>\d{1,3})-(?P<last>\d{1,3})|\d{1,3}(,\d{1,3})*,?")
HELD = 0.25  # GiB of pictures, up to which they are drawn at once
LAST = GRID["orientation"] - 1


def from_grid(name: str, asked: FromFiles) -> Found:
    """`shapes`, or `shapes:3x6x40x32x32`: of each factor so many values, evenly spread, or FIRST-LAST, or A,B,C (one: A,)."""
    made = shapes(*values_in(name), size=side_of(asked.size))
    table = made.factors(np.arange(len(made)))
    moving = [i for i, size in enumerate(made.sizes) if size > 1]
    held = fits(made.nbytes, min(HELD, asked.memory))
    twice = {0, LAST} <= set(made.values[2])
    return Found(
        NAME,
        Examples(
            in_memory(made) if held else made,
            table[:, 0] if made.sizes[0] > 1 else None,
            factors=table[:, moving] if moving else None,
        ),
        values=Range(0, 1, True, True),
        test_share=0.1,
        label_names=tuple(SHAPES[i] for i in made.values[0]) if made.sizes[0] > 1 else (),
        labels_from="what was drawn: the shape",
        notes=("its first and last orientations look the same",) if twice else (),
        factors=Factors(tuple(list(GRID)[i] for i in moving), tuple(made.sizes[i] for i in moving)) if moving else None,
    )


def values_in(name: str) -> list[Values]:
    """The values of each factor that a name asks for; all of them where it is the set's alone."""
    kind, colon, said = name.partition(":")
    if not colon:
        return list(GRID.values())
    parts = [PART.fullmatch(part) for part in said.split("x")]
    if len(parts) != len(GRID) or not all(parts):
        raise ValueError(
            f"source {name!r} must be {kind} or {kind}:{'x'.join(map(str, GRID.values()))}, {' x '.join(GRID)}, each how many "
            "values, or FIRST-LAST, or some with commas"
        )
    return [values_of(part) for part in parts if part is not None]


def values_of(part: re.Match[str]) -> Values:
    """One factor's values: how many, or which."""
    if part["count"] is not None:
        return int(part["count"])
    if part["first"] is not None:
        return range(int(part["first"]), int(part["last"]) + 1)
    return [int(value) for value in part[0].rstrip(",").split(",")]


def side_of(size: tuple[int, int] | None) -> int:
    """The side of a picture, 64 pixels if not said."""
    if size is None:
        return 64
    if size[0] != size[1]:
        raise ValueError(f"size of {NAME} must be one side, as its pictures are square, got {size[0]} and {size[1]}")
    return size[0]
