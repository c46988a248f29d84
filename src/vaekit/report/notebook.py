"""A run as a notebook shows it."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from vaekit.training.metrics import judged_by

__all__ = ["run_as_html"]


def run_as_html(record: Mapping[str, Any], rows: Sequence[Mapping[str, float]]) -> str:
    """What a run is and its last figures, as a small table: `record` is what run.json says, `rows` its metrics.

    No picture and no style of its own, so that it reads in light and dark notebooks alike. Every text is escaped.
    """
    lines = [*about(record), *figures(rows)]
    body = "".join(f"<tr><th style='text-align:left'>{escape(a)}</th><td>{escape(b)}</td></tr>" for a, b in lines)
    return f"<table><tbody>{body}</tbody></table>"


def about(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Recipe, data, objective, size and status, those that are known."""
    spec, parameters = record["spec"], record.get("parameters")
    shape = "×".join(map(str, spec.get("shape", ())))
    reason = record.get("reason")
    known = {
        "recipe": record["recipe"] or "composed by hand",
        "data": f"{spec.get('name')}: {shape} {spec.get('domain')}",
        "objective": record.get("objective"),
        "parameters": None if parameters is None else f"{parameters:,}",
        "status": record["status"] + (f" ({reason})" if reason else ""),
    }
    return [(name, str(value)) for name, value in known.items() if value is not None]


def figures(rows: Sequence[Mapping[str, float]]) -> list[tuple[str, str]]:
    """The epochs trained, and the last and the best held-out loss in nats per example."""
    if not rows:
        return []
    said = [("epochs", f"{rows[-1].get('epoch', len(rows)):,}")]
    judge = judged_by(rows[-1]) or "none"
    losses = [row[judge] for row in rows if math.isfinite(row.get(judge, math.nan))]
    if losses:
        said.append(
            (f"validation {judge.removeprefix('valid/')}", f"{losses[-1]:.2f} nats/example, best {min(losses):.2f}")
        )
    elif "train/loss" in rows[-1]:
        said.append(("training loss", f"{rows[-1]['train/loss']:.2f} nats/example"))
    return said
