"""A picture of what models along beta pay for what they keep."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from vaekit.report.style import BLUE, INK, SMALL, SOFT, dress, new_figure, number, styled

__all__ = ["draw_rate_distortion"]


@styled
def draw_rate_distortion(
    betas: Sequence[float], points: Sequence[tuple[float, float]], said: str, curve: Sequence[tuple[float, float]] = ()
) -> Figure:
    """Rate (nats) against distortion, one dot for each beta, with the curve of a normal source where there is one."""
    figure = new_figure(6.4, 4.2)
    axes = figure.subplots()
    rates, distortions = zip(*points, strict=True)
    axes.plot(rates, distortions, color=BLUE, marker="o", markersize=5, linewidth=1.2, label="models", zorder=3)
    most, low, high = max(max(rates), 1e-3), min(distortions), max(distortions)
    if curve:
        shown = [(rate, error) for rate, error in curve if rate <= 1.15 * most]
        axes.plot(
            *zip(*shown, strict=True), color=SOFT, linewidth=1.2, label="normal source of the same covariance, exact"
        )
        axes.legend(loc="upper right")
        high, low = max(high, shown[0][1]), min(low, shown[-1][1])
    for beta, at in zip(betas, points, strict=True):
        axes.annotate(f"β = {number(beta)}", at, (6, 6), textcoords="offset points", size=SMALL, color=INK)
    margin = 0.08 * (high - low or 1.0)
    axes.set(xlim=(-0.02 * most, 1.2 * most), ylim=(low - margin, high + 1.5 * margin))
    dress(axes)
    axes.set_title(f"{said}, against the rate")
    axes.set_xlabel("rate KL(q(z|x) || p(z)), nats per example", color=SOFT)
    return figure
