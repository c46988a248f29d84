"""The course of a run: one panel per term, training and validation over epochs."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from vaekit.report.style import BLUE, SOFT, VERMILION, dress, new_figure, number, styled
from vaekit.training.metrics import judged_by

__all__ = ["curves"]

Rows = Sequence[Mapping[str, float]]
PER_EXAMPLE = ("loss", "bound", "distortion", "rate")
MEANS = {"distortion": "−log p(x|z)", "rate": "KL(q‖p)", "loss": "weighted sum of the terms"}
ACTIVE = "active"
SAID = {
    ACTIVE: "active dimensions of {}",
    "used": "codes of {} in use",
    "perplexity": "perplexity of the codes of {}",
}
LINES_NAMED = 6  # lines of a panel that are named one by one
TRAIN: dict[str, Any] = {"color": "#94a0ac", "linewidth": 1.4, "linestyle": (0, (4, 1.2))}
VALID: dict[str, Any] = {"color": BLUE, "linewidth": 1.8}
LINES = {"train": TRAIN, "valid": VALID}


@styled
def curves(rows: Rows, unit: str = "nats", marked: bool = True) -> Figure:
    """One panel per term of `rows` ("epoch", "train/TERM", "valid/TERM"), loss first.

    The epoch of the best validation figure is `marked` in every panel, with the term's value there. Where the first
    tenth of the epochs would take most of a panel's height, it runs out of the picture. `unit` names that of the loss,
    distortion and rate; other terms have units of their own, which are not written.
    """
    table = as_table(rows)
    single, families = apart(ordered({column.partition("/")[2] for column in table if "/" in column}, list(table)))
    judge = judged_by(table)
    best = int(table[judge].argmin()) if judge is not None and marked else None
    n = len(single) + len(families)
    columns = n if n <= 3 else 2 if n == 4 else 3
    height = math.ceil(n / columns)
    figure = new_figure(max(5.0, 3.8 * columns), 2.7 * height + 0.4)
    panels = figure.subplots(height, columns, squeeze=False, sharex=True).ravel()
    for panel, term in zip(panels, single, strict=False):
        draw_term(panel, table, term, best, unit)
    for panel, family in zip(panels[len(single) :], families, strict=False):
        draw_family(panel, table, family, unit)
    for blank in panels[n:]:
        blank.set_axis_off()
    for panel in panels[max(0, n - columns) : n]:
        panel.set_xlabel("epoch")
        panel.tick_params(labelbottom=True)
    figure.align_ylabels(list(panels))
    figure.legend(handles=key(table, best), loc="outside upper right", ncols=3, handlelength=2.2, columnspacing=1.6)
    return figure


def as_table(rows: Rows) -> dict[str, np.ndarray]:
    """Rows as columns, checked."""
    if not rows or not any(name.startswith(("train/", "valid/")) for name in rows[0]):
        raise ValueError(f"rows must hold an epoch with some train/TERM or valid/TERM, got {list(rows[:1])}")
    if any(set(row) != set(rows[0]) for row in rows):
        raise ValueError("rows must all have the columns of the first one")
    table = {name: np.array([row[name] for row in rows], float) for name in rows[0]}
    table.setdefault("epoch", np.arange(1.0, len(rows) + 1))
    for name, values in table.items():
        broken = np.flatnonzero(~np.isfinite(values))
        if broken.size:
            epoch = int(broken[0]) + 1
            raise ValueError(f"rows must be finite to be drawn, got {name} {values[broken[0]]} in row {epoch}")
    return table


def ordered(terms: set[str], columns: list[str]) -> list[str]:
    """Loss, bound, distortion and rate, then other terms as they come, then counts of active dimensions."""

    def place(term: str) -> tuple[int, int]:
        kind = term.partition(":")[0]
        group = PER_EXAMPLE.index(kind) if kind in PER_EXAMPLE else len(PER_EXAMPLE) + (kind == ACTIVE)
        return group, next(i for i, column in enumerate(columns) if column.endswith(f"/{term}"))

    return sorted(terms, key=place)


def apart(terms: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """Terms that have a panel each, and those of single latents ("rate:z1", "rate:z2", ...) that share one, by kind."""
    families = {kind: [t for t in terms if t.startswith(f"{kind}:")] for kind in ("rate", ACTIVE)}
    several = [family for family in families.values() if len(family) > 1]
    shared = {term for family in several for term in family}
    return [term for term in terms if term not in shared], several


def draw_family(axes: Axes, table: Mapping[str, np.ndarray], terms: Sequence[str], unit: str) -> None:
    """One line for each latent, on the validation examples where there are any: the first pale, the last dark."""
    dress(axes)
    epochs, many, ends = table["epoch"], len(terms), dict[str, float]()
    for i, term in enumerate(terms):
        values = table[f"valid/{term}"] if f"valid/{term}" in table else table[f"train/{term}"]
        name, shade = term.partition(":")[2], 0.25 + 0.75 * i / (many - 1)
        axes.plot(epochs, values, color=BLUE, alpha=shade, linewidth=1.6, marker="o" if len(epochs) == 1 else "")
        if many <= LINES_NAMED or i in (0, many - 1):
            ends[name] = float(values[-1])
    for name, end in together(ends).items():
        axes.annotate(
            name, (float(epochs[-1]), end), (4, 0), textcoords="offset points", size=8, color=SOFT, va="center"
        )
    axes.set_xlim(float(epochs[0]) - 0.1, float(epochs[-1]) + 0.12 * max(float(np.ptp(epochs)), 1.0))
    axes.set_ylim(bottom=0.0)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=is_count(terms[0])))
    axes.set_ylabel(unit_of(terms[0], unit))
    axes.set_title("active dimensions by latent" if is_count(terms[0]) else "rate by latent", weight="bold")


def together(ends: Mapping[str, float]) -> dict[str, float]:
    """Where lines end, by their names; those nearer than a sixteenth of the highest share one label."""
    near, groups = max(ends.values()) / 16, list[list[str]]()
    for name in sorted(ends, key=lambda name: ends[name]):
        if groups and ends[name] - ends[groups[-1][0]] < near:
            groups[-1].append(name)
        else:
            groups.append([name])
    return {", ".join(sorted(group, key=list(ends).index)): ends[group[0]] for group in groups}


def draw_term(axes: Axes, table: Mapping[str, np.ndarray], term: str, best: int | None, unit: str) -> None:
    """One panel."""
    dress(axes)
    epochs, series = table["epoch"], {role: table.get(f"{role}/{term}") for role in LINES}
    given = {role: values for role, values in series.items() if values is not None}
    for role, values in given.items():
        axes.plot(epochs, values, label=role, marker="o" if len(epochs) == 1 else "", markersize=5, **LINES[role])
    axes.set_ylim(*(limits(list(given.values()), best) if not is_count(term) else counted(list(given.values()))))
    margin = max(0.02 * float(np.ptp(epochs)), 0.1)
    axes.set_xlim(epochs[0] - margin, epochs[-1] + margin)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=is_count(term)))
    axes.set_ylabel(unit_of(term, unit))
    name_panel(axes, term)
    if best is not None and "valid" in given:
        mark(axes, float(epochs[best]), float(given["valid"][best]), is_count(term))


def name_panel(axes: Axes, term: str) -> None:
    """The term in bold, with what it is beside it."""
    title = axes.set_title(spelled_out(term), weight="bold")
    if term in MEANS:
        axes.annotate(
            MEANS[term], (1, 0), (6, 0), xycoords=title, textcoords="offset points", color=SOFT, fontsize=9, va="bottom"
        )


def spelled_out(term: str) -> str:
    """A term's name for people."""
    kind, _, name = term.partition(":")
    return SAID[kind].format(name) if kind in SAID and name else term


def mark(axes: Axes, epoch: float, value: float, count: bool) -> None:
    """The best epoch: a dot on the line, and the value there at the panel's right upper corner."""
    axes.axvline(epoch, color=VERMILION, linewidth=0.8, alpha=0.35, zorder=1)
    axes.plot([epoch], [value], "o", color=VERMILION, markersize=5.5, markeredgecolor="white", label="best", zorder=4)
    axes.set_title(f"{value:.0f}" if count else number(value), loc="right", color=VERMILION, weight="bold")


def limits(series: Sequence[np.ndarray], best: int | None) -> tuple[float, float]:
    """The range of all epochs, or of those behind the first tenth if these would leave them less than half of it."""
    n = len(series[0])
    start = math.ceil(n / 10) if n > 3 else 0
    whole, late = np.stack(series), np.stack(series)[:, start if best is None else min(start, best) :]
    shown = late if np.ptp(whole) > 2 * np.ptp(late) else whole
    low, high = float(shown.min()), float(shown.max())
    margin = 0.07 * (high - low) or max(0.05 * abs(high), 0.1)
    return low - margin, high + margin


def counted(series: Sequence[np.ndarray]) -> tuple[float, float]:
    """From nothing to a little above the most."""
    return 0.0, 1.12 * max(1.0, float(np.max(series)))


def key(table: Mapping[str, np.ndarray], best: int | None) -> list[Line2D]:
    """What the lines and the dot are."""
    there = {column.partition("/")[0] for column in table}
    handles = [Line2D([], [], label=role, **line) for role, line in LINES.items() if role in there]
    if best is not None:
        label = f"lowest {str(judged_by(table)).replace('/', ' ')}, epoch {table['epoch'][best]:.0f}"
        handles.append(Line2D([], [], linestyle="", marker="o", color=VERMILION, markersize=5.5, label=label))
    return handles


def is_count(term: str) -> bool:
    """Whether the term counts active dimensions."""
    return term.partition(":")[0] == ACTIVE


def unit_of(term: str, unit: str) -> str:
    """What the panel's axis measures."""
    if is_count(term):
        return "dimensions"
    return f"{unit} per example" if term.partition(":")[0] in PER_EXAMPLE else ""
