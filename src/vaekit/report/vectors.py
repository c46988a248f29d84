"""Charts of examples that are series, vectors or points in the plane."""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup
from torch import Tensor

from vaekit.report.charts import square
from vaekit.report.style import number
from vaekit.report.svg import Chart, padded, short

__all__ = ["arrows", "curve", "fan", "histograms", "identity", "points", "rows_of"]

SHADES = 5  # classes s0 to s4 of a page, from one end of a path to the other
BINS = 24


def rows_of(x: Tensor) -> np.ndarray:
    """Examples as vectors, (N, D)."""
    return (x.flatten(1) if x.ndim > 1 else x[:, None]).double().numpy()


def curve(data: np.ndarray | None, model: np.ndarray, i: int) -> Markup:
    """One example by element: the data in grey, the model's in its colour."""
    places = np.arange(len(model))
    drawn = [model] if data is None else [data, model]
    chart = Chart((0, len(model) - 1), padded(*drawn), tall=160)
    chart.grid(whole=(True, False), most=(6, 4))
    chart.named("element")
    if data is not None:
        chart.line(places, data, "soft thick")
    chart.line(places, model, "model")
    return chart.svg(f"example {i + 1}, {len(model)} elements, from {number(model.min())} to {number(model.max())}")


def fan(x: Tensor, alt: str, even: bool = False) -> Markup:
    """Several examples by element, shaded from the first to the last unless they are all alike."""
    rows = rows_of(x)
    chart = Chart((0, max(rows.shape[1] - 1, 1)), padded(rows))
    chart.grid(whole=(True, False))
    chart.named("element")
    for i, row in enumerate(rows):
        shade = SHADES // 2 if even else round(i * (SHADES - 1) / max(len(rows) - 1, 1))
        chart.line(np.arange(len(row)), row, f"s{shade}")
    return chart.svg(alt)


def points(data: Tensor, model: Tensor, joined: bool) -> Markup:
    """Points in the plane, the model's over those of the data; `joined` ties the two of each example."""
    ours, theirs = rows_of(model), rows_of(data)
    chart = square(np.concatenate([theirs, ours]))
    if joined:
        for pair in zip(theirs, ours, strict=True):
            x, y = np.stack(pair).T
            chart.line(x, y, "faint thin")
    chart.dots(theirs[:, 0], theirs[:, 1], "data", 3.4)
    chart.dots(ours[:, 0], ours[:, 1], "model", 3.4)
    return chart.svg(f"{len(theirs)} points of the data and {len(ours)} of the model")


def identity(data: np.ndarray, model: np.ndarray, name: str) -> Markup:
    """Reconstructed against original values of a column, with the line where they are equal."""
    low, high = np.quantile(np.concatenate([data, model]), [0.002, 0.998])
    chart = Chart(padded([low, high]), padded([low, high]), tall=240, left=52)
    chart.grid(most=(5, 5))
    chart.named("original")
    chart.line([low, high], [low, high], "faint")
    chart.dots(data, model, "model", 2.8)
    return chart.svg(f"{name}: {len(data)} reconstructed values against the original ones")


def histograms(data: np.ndarray, model: np.ndarray, name: str) -> Markup:
    """The data's values of a column as grey bars, the model's as a blue outline, as shares of each."""
    low, high = np.quantile(data, [0.002, 0.998])
    edges = np.linspace(*padded([low, high], share=0.08), BINS + 1)
    theirs, ours = (np.histogram(values, edges)[0] / len(values) for values in (data, model))
    chart = Chart((edges[0], edges[-1]), (0.0, 1.08 * max(theirs.max(), ours.max(), 1e-3)), tall=180)
    chart.grid(most=(5, 3))
    chart.bars((edges[1:] + edges[:-1]) / 2, theirs, edges[1] - edges[0], "faint")
    chart.steps(edges, ours, "model")
    outside = float(((model < edges[0]) | (model > edges[-1])).mean())
    return chart.svg(
        f"{name}: histogram of {len(data)} values and {len(model)} samples, {outside:.0%} of these outside"
    )


def arrows(low: Tensor, high: Tensor, names: Sequence[str], alt: str) -> Markup:
    """From a dot to a head for each column: where it goes as something rises. The columns that move most, first."""
    order = (high - low).abs().argsort(descending=True, stable=True)[:8]
    a, b = low[order].double().numpy(), high[order].double().numpy()
    places = -np.arange(len(order), dtype=float)
    chart = Chart(padded(a, b, [0.0]), (places[-1] - 0.6, 0.6), tall=36 + 22 * len(order), left=112)
    chart.along(chart.x.ticks(5))
    chart.beside(places, [short(names[i], 16) for i in order])
    chart.upright(0.0, "faint thin")
    for start, end, y in zip(a, b, places, strict=True):
        chart.line([start, end], [y, y], "model")
    chart.dots(a, places, "soft", 5)
    chart.dots(b, places, "model", 8)
    return chart.svg(alt)
