"""The table of benchmarks/geometry.py: ways between two points of a ring."""

from collections.abc import Callable, Sequence
from typing import Any

Table = Callable[[Sequence[str], Sequence[Sequence[Any]]], str]


def geometry(record: dict[str, Any], table: Table) -> str:
    """Length and stray of each way, by seed."""
    settings, rows = record["settings"], []
    for seed, found in record["seeds"].items():
        for name, figures in found.items():
            if isinstance(figures, dict):
                rows.append([seed, name, f"{figures['length']:.2f}", f"{figures['stray']:.2f}"])
    return (
        f"A circle of radius 1 in R^20 with noise of {settings['noise']}; two points {settings['angle']} apart, so that is the "
        "length of the arc between them. Lengths are of what the decoder's mean makes of each way; how far it strays from "
        "the radius, at most.\n\n"
        + table(["seed", "way", "length", "strays"], rows)
        + "\n![geodesics](images/geodesic.png)\n"
    )
