"""The house style: data is dark, the model is blue, what matters most is vermilion, and the rest steps back.

Blue and vermilion are those of Okabe & Ito 2008, told apart under every common colour blindness; no two things differ
in hue alone.
"""

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

__all__ = ["BLUE", "DPI", "FAINT", "INK", "SOFT", "VERMILION", "dress", "new_figure", "number", "styled", "text_width"]

INK, SOFT, FAINT, GRID = "#1b2733", "#5f6b77", "#c2c9d0", "#e8ebee"
BLUE, VERMILION = "#0072b2", "#d55e00"
DPI = 200  # twice the pixels of a page, so that text stays sharp
FONT, SIZE, SMALL = "DejaVu Sans", 10.0, 9.0  # the font that comes with matplotlib: the same on every machine

SETTINGS = {
    "font.family": [FONT],
    "font.size": SIZE,
    "text.color": INK,
    "axes.labelcolor": SOFT,
    "axes.labelsize": SMALL,
    "axes.titlesize": SIZE,
    "axes.titlelocation": "left",
    "axes.titlepad": 8.0,
    "axes.unicode_minus": True,
    "legend.fontsize": SMALL,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "lines.solid_capstyle": "round",
    "lines.solid_joinstyle": "round",
}

styled = matplotlib.style.context(
    ["default", SETTINGS]
)  # decorates functions that draw; global settings come back after


def new_figure(width: float, height: float, layout: str | None = "constrained") -> Figure:
    """A white figure in inches that no pyplot knows of."""
    figure = Figure(figsize=(width, height), dpi=DPI, layout=layout, facecolor="white")  # type: ignore[arg-type]
    FigureCanvasAgg(figure)
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.set(w_pad=0.1, h_pad=0.1)  # type: ignore[call-arg]
    return figure


def dress(axes: Axes, grid: str = "y") -> None:
    """Pale lines behind the data along one axis, a thin base line, no box.

    Ticks are told all they need here, since matplotlib makes them as late as in drawing, under the caller's settings.
    """
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set(color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(
        length=0, pad=4, labelsize=SMALL, labelcolor=SOFT, labelfontfamily=FONT, grid_color=GRID, grid_linewidth=0.8
    )
    axes.tick_params(axis="x", length=3, width=0.8, color=FAINT)
    axes.tick_params(which="minor", length=0)
    axes.grid(True, axis=grid)  # type: ignore[arg-type]


def number(value: float) -> str:
    """A figure to about three digits, as people write it."""
    size = abs(value)
    return f"{value:,.0f}" if size >= 1000 else f"{value:.1f}" if size >= 10 else f"{value:.3g}"


def text_width(text: str, size: float = SIZE) -> float:
    """How many pixels a line of text takes."""
    if not text.strip():
        return 0.0
    path = TextPath((0, 0), text, size=size, prop=FontProperties(family=FONT))
    return float(path.get_extents().width) * DPI / 72
