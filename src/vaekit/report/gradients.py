"""A picture of how noisy estimators of a gradient are."""

from collections.abc import Mapping

from matplotlib.figure import Figure

from vaekit.evaluation import GradientNoise
from vaekit.report.style import BLUE, INK, SMALL, SOFT, VERMILION, dress, new_figure, styled

__all__ = ["draw_gradient_noise"]


@styled
def draw_gradient_noise(noise: Mapping[str, GradientNoise], draws: int) -> Figure:
    """One bar for each estimator, the quietest on top: its variance on a logarithmic scale, and its bias in words."""
    rows = sorted(noise.items(), key=lambda row: row[1].variance)
    figure = new_figure(7.2, 1.1 + 0.36 * len(rows))
    axes = figure.subplots()
    for place, (_, row) in enumerate(rows):
        axes.barh(place, row.variance, height=0.62, color=BLUE if row.bias is None else VERMILION)
        said = f"{row.variance:.3g}" + ("" if row.bias is None else f", bias {row.bias:.0%} of the gradient")
        axes.annotate(
            said, (row.variance, place), (4, 0), textcoords="offset points", va="center", size=SMALL, color=INK
        )
    axes.set_xscale("log")
    low, high = min(row.variance for row in noise.values()), max(row.variance for row in noise.values())
    axes.set_xlim(low / 3, high * 60)
    axes.set_yticks(range(len(rows)), [name for name, _ in rows])
    axes.invert_yaxis()
    dress(axes, "x")
    axes.tick_params(axis="y", labelcolor=INK)
    axes.set_title("variance of an estimate of q's gradient")
    axes.set_xlabel(f"summed over the parameters of q(z|x), {draws} draws for each estimate", color=SOFT)
    return figure
