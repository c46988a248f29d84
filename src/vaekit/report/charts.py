"""The charts of a page: each is one panel about as wide as a phone."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float
from markupsafe import Markup
from torch import Tensor

from vaekit.models.statistics import ACTIVE
from vaekit.report.curves import MEANS, is_count, limits, spelled_out, unit_of
from vaekit.report.style import number
from vaekit.report.svg import Chart, padded, short

__all__ = [
    "COLOURS",
    "bars_of_rates",
    "cloud",
    "course",
    "course_caption",
    "course_of_several",
    "emptiness",
    "plane",
    "square",
]

COLOURS = 10  # classes c0 to c9 of a page
NAMED = 12  # bars that are named one by one
DEPTHS = (-math.inf, -math.log(30), -math.log(10), -math.log(3), 0.0, math.inf)  # log ratios that colours stand for


def course(table: Mapping[str, np.ndarray], term: str, best: int | None) -> Markup:
    """One term over the epochs, in training and validation, the best epoch marked."""
    epochs, count = table["epoch"], is_count(term)
    series = {role: table[f"{role}/{term}"] for role in ("train", "valid") if f"{role}/{term}" in table}
    top = max(float(values.max()) for values in series.values())
    y = (0.0, 1.1 * max(top, 1.0)) if count else limits(list(series.values()), best)
    chart = Chart((float(epochs[0]), float(epochs[-1])), y)
    chart.grid(whole=(True, count))
    chart.named("epoch")
    if best is not None:
        chart.upright(float(epochs[best]), "matter thin")
    for role, values in series.items():
        chart.line(epochs, values, role)
        if len(epochs) == 1:
            chart.dots(epochs, values, role, 6)
    if best is not None and "valid" in series:
        chart.dots(epochs[best : best + 1], series["valid"][best : best + 1], "matter", 7)
    return chart.svg(f"{term} by epoch: {spoken(series, epochs)}")


def course_of_several(table: Mapping[str, np.ndarray], terms: Sequence[str], best: int | None) -> tuple[Markup, Markup]:
    """A line for each latent of one kind of term ("rate:z1", ...), in validation; the chart and its caption."""
    epochs, count, many = table["epoch"], is_count(terms[0]), len(terms)
    roles = {term: "valid" if f"valid/{term}" in table else "train" for term in terms}
    series = {term.partition(":")[2]: table[f"{role}/{term}"] for term, role in roles.items()}
    top = max(float(values.max()) for values in series.values())
    chart = Chart((float(epochs[0]), float(epochs[-1])), (0.0, 1.1 * max(top, 1.0 if count else 1e-3)))
    chart.grid(whole=(True, count))
    chart.named("epoch")
    if best is not None:
        chart.upright(float(epochs[best]), "matter thin")
    kinds = [f"c{i}" if many <= COLOURS else f"s{round(4 * i / (many - 1))}" for i in range(many)]
    for kind, values in zip(kinds, series.values(), strict=True):
        chart.line(epochs, values, kind)
        if len(epochs) == 1:
            chart.dots(epochs, values, kind, 6)
    ends = "; ".join(f"{name} {number(float(values[-1]))}" for name, values in series.items())
    said = "active dimensions by latent" if count else "rate by latent"
    return chart.svg(f"{said} at the end: {ends}"), Markup("<b>{}</b> {}").format(said, key_of(kinds, list(series)))


def key_of(kinds: Sequence[str], names: Sequence[str]) -> Markup:
    """Which line is which latent's; of many the first and the last."""
    pairs = list(zip(kinds, names, strict=True))
    shown = pairs if len(pairs) <= COLOURS else [pairs[0], pairs[-1]]
    return Markup(" ").join(Markup('<span class="key"><i class="{}"></i>{}</span>').format(*pair) for pair in shown)


def spoken(series: Mapping[str, np.ndarray], epochs: np.ndarray) -> str:
    """The ends of the curves, for those who cannot see them."""
    names = {"train": "training", "valid": "validation"}
    ends = [f"{names[role]} from {number(v[0])} to {number(v[-1])}" for role, v in series.items()]
    return f"{'; '.join(ends)}, epochs {epochs[0]:.0f} to {epochs[-1]:.0f}"


def course_caption(table: Mapping[str, np.ndarray], term: str, best: int | None, unit: str) -> Markup:
    """What the term is, its unit and its best value."""
    words = [spelled_out(term), MEANS.get(term, "")]
    words += [unit_of(term, unit) if not is_count(term) else ""]
    if best is not None and f"valid/{term}" in table:
        value = float(table[f"valid/{term}"][best])
        words += [f"{f'{value:.0f}' if is_count(term) else number(value)} at the best epoch"]
    return Markup("<b>{}</b> {}").format(words[0], ", ".join(word for word in words[1:] if word))


def bars_of_rates(rate: Float[Tensor, "*event"], variance: Float[Tensor, "*event"]) -> Markup:
    """The mean KL of every dimension, the largest first; active ones in the model's colour."""
    nats, active = rate.flatten().double(), (variance.flatten() > ACTIVE).numpy()
    order = nats.argsort(descending=True, stable=True).numpy()
    heights, places = nats.numpy()[order], np.arange(1, len(order) + 1)
    chart = Chart((0.3, max(len(order), 4) + 0.7), (min(0.0, heights.min()), 1.08 * max(heights.max(), 1e-3)))
    chart.across()
    few = len(order) <= NAMED
    if few:
        chart.along(places, [str(i) for i in order])
    else:
        chart.along([tick for tick in chart.x.ticks(6, True) if tick >= 1])
    chart.named("latent dimension" if few else "dimensions in order of KL")
    for kind, mask in (("model", active[order]), ("faint", ~active[order])):
        if mask.any():
            chart.bars(places[mask], heights[mask], 0.76 if len(order) <= 90 else 1.0, kind)
    return chart.svg(
        f"KL per dimension, nats: {active.sum()} of {len(order)} active, {number(float(nats.sum()))} in all"
    )


def plane(codes: Float[Tensor, "N D"]) -> tuple[Float[Tensor, "N 2"], Float[Tensor, "D 2"], Float[Tensor, " D"], str]:
    """Codes in the plane: as they are in two dimensions, else on their first two principal axes.

    Returns also the axes and the centre, to put other values in the same plane, and what was done in words.
    """
    size = codes.shape[1]
    if size == 2:
        return codes, torch.eye(2), torch.zeros(2), "the two dimensions of the latent themselves"
    centre = codes.mean(0)
    spread, axes = torch.linalg.eigh(torch.cov((codes - centre).T, correction=0).reshape(size, size).double())
    axes = axes[:, [-1, max(-2, -size)]].float()
    axes = axes * axes.gather(0, axes.abs().argmax(0, keepdim=True)).sign()
    share = float(spread[-2:].sum() / spread.sum().clamp(min=1e-30))
    said = f"the first two principal components of the {size} dimensions, which hold {share:.0%} of their variance"
    return (codes - centre) @ axes, axes, centre, said


def cloud(points: Float[Tensor, "N 2"], labels: Tensor | None, names: Sequence[str]) -> Markup:
    """Codes in the plane, coloured by label, each label's name at its median."""
    xy = points.double().numpy()
    chart = square(xy)
    size = 3.4 if len(xy) <= 1000 else 2.6
    if labels is None:
        chart.dots(xy[:, 0], xy[:, 1], "model", size)
        return chart.svg(f"{len(xy):,} codes in the plane")
    kept = labels.numpy()
    if (kept < 0).any():  # labels that are not known
        chart.dots(xy[kept < 0, 0], xy[kept < 0, 1], "ghost", size)
    for label in range(len(names)):
        mine = xy[kept == label]
        if len(mine):
            chart.dots(mine[:, 0], mine[:, 1], f"c{label % COLOURS}", size)
    for label, name in enumerate(names):
        mine = xy[kept == label]
        if len(mine) and len(names) <= 2 * COLOURS:
            middle = np.median(mine, axis=0)
            chart.text(middle[0], middle[1], short(name, 14), "halo")
    return chart.svg(f"{len(xy):,} codes in the plane, coloured by their {len(names)} labels")


def emptiness(points: Float[Tensor, "N 2"], log_ratio: Float[Tensor, " N"], background: Float[Tensor, "M 2"]) -> Markup:
    """Draws of the prior, the redder the emptier it is around them, over the codes of the data."""
    xy, data = points.double().numpy(), background.double().numpy()
    chart = square(np.concatenate([xy, data]))
    chart.dots(data[:, 0], data[:, 1], "ghost", 2.6)
    for i, (low, high) in reversed(list(enumerate(pairwise(DEPTHS)))):
        mine = xy[((log_ratio >= low) & (log_ratio < high)).numpy()]
        if len(mine):
            chart.dots(mine[:, 0], mine[:, 1], f"h{i}", 4.0)
    return chart.svg(f"{len(xy):,} draws of the prior in the plane, coloured by how empty it is around them")


def square(xy: np.ndarray) -> Chart:
    """A panel for points in the plane, cut to the range of nearly all of them."""
    low, high = np.quantile(xy, [0.002, 0.998], axis=0)
    chart = Chart(padded([low[0], high[0]]), padded([low[1], high[1]]), tall=330)
    chart.grid(most=(5, 5))
    return chart
