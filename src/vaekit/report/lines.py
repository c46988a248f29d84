"""Examples that are vectors, series or points: what the model made of them drawn over the data."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from vaekit.report.style import BLUE, FAINT, INK, SOFT, dress, new_figure, styled

__all__ = ["draw_points", "draw_vectors"]

BARS = 32  # longer vectors are drawn as lines
DATA, MODEL = "#8b96a1", BLUE


@styled
def draw_vectors(
    data: np.ndarray | None, model: np.ndarray, name: str, *, columns: int = 4, names: Sequence[str] = ()
) -> Figure:
    """A panel per example (N, D): data as grey bars or a grey line, the model's values as blue dots or a blue line."""
    n, size = model.shape
    columns = min(columns, n)
    height = math.ceil(n / columns)
    figure = new_figure(max(4.5, 2.3 * columns), max(2.6, 1.35 * height + 0.8))
    panels = figure.subplots(height, columns, squeeze=False, sharex=True, sharey=True)
    for i, axes in enumerate(panels.ravel()):
        if i >= n:
            axes.set_axis_off()
            continue
        draw_one(axes, None if data is None else data[i], model[i])
        axes.tick_params(labelbottom=i + columns >= n)
    for row, label in zip(panels, names, strict=False):
        row[0].set_title(label, weight="bold")
    figure.supxlabel("element", fontsize=9, color=SOFT)
    figure.supylabel("value", fontsize=9, color=SOFT)
    figure.legend(handles=vector_key(data is not None, name, size <= BARS), loc="outside upper right", ncols=2)
    return figure


def draw_one(axes: Axes, data: np.ndarray | None, model: np.ndarray) -> None:
    """One example."""
    dress(axes)
    places = np.arange(len(model))
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(3))
    few = len(model) <= BARS
    if data is not None and few:
        axes.bar(places, data, color=FAINT, width=0.7, label="original")
    elif data is not None:
        axes.plot(places, data, color=DATA, linewidth=2.2, label="original")
    axes.plot(places, model, color=MODEL, linewidth=0 if few else 1.1, marker="o" if few else "", markersize=3.5)


def vector_key(with_data: bool, name: str, few: bool) -> list[Line2D]:
    """What is data and what is the model's."""
    data = Line2D(
        [], [], color=FAINT if few else DATA, linewidth=6 if few else 2.2, solid_capstyle="butt", label="original"
    )
    model = Line2D(
        [], [], color=MODEL, linewidth=0 if few else 1.4, marker="o" if few else "", markersize=4, label=name
    )
    return [data, model] if with_data else [model]


@styled
def draw_points(data: np.ndarray | None, model: np.ndarray, name: str, joined: bool) -> Figure:
    """Points in the plane (N, 2), those of the model over those of the data; `joined` ties the two of each example."""
    figure = new_figure(5.0, 5.0)
    axes = figure.subplots()
    dress(axes, grid="both")
    axes.set_aspect("equal", adjustable="datalim")
    if data is not None and joined:
        axes.plot(*np.stack([data, model]).transpose(2, 0, 1), color=FAINT, linewidth=0.7, zorder=1)
    if data is not None:
        axes.plot(*data.T, "o", color=INK, markersize=3.2, markeredgewidth=0, alpha=0.55, label="original")
    axes.plot(*model.T, "o", color=MODEL, markersize=3.2, markeredgewidth=0, alpha=0.75, label=name)
    axes.set(xlabel="first element", ylabel="second element")
    figure.legend(loc="outside upper right", ncols=2, markerscale=1.8, handletextpad=0.2)
    return figure
