"""What the dimensions of a latent carry."""

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from vaekit.models.statistics import ACTIVE
from vaekit.report.style import BLUE, FAINT, dress, new_figure, number, styled
from vaekit.report.values import drawable

__all__ = ["kl_per_dimension"]

NAMED = 40  # more dimensions than this are not named one by one


@styled
def kl_per_dimension(rate: Float[Tensor, "*event"], variance: Float[Tensor, "*event"]) -> Figure:
    """Bars of the mean KL of every dimension in nats, the largest first, active ones in blue.

    A dimension is active where `variance`, that of its posterior mean over examples, exceeds 0.01 (Burda et al. 2016).
    """
    if rate.shape != variance.shape:
        raise ValueError(f"rate and variance must have one shape, got {tuple(rate.shape)} and {tuple(variance.shape)}")
    nats, spread = drawable(rate, "rate").ravel(), drawable(variance, "variance").ravel()
    order = np.argsort(-nats, kind="stable")
    active = spread[order] > ACTIVE
    figure = new_figure(7.6, 3.4)
    axes = figure.subplots()
    dress(axes)
    n = len(order)
    places = np.arange(1, n + 1)
    axes.bar(places, nats[order], width=0.72 if n <= 4 * NAMED else 1.0, color=np.where(active, BLUE, FAINT))
    axes.set_xlim(0.2, max(n, 6) + 0.8)
    axes.set_ylabel("KL, nats per example")
    if n <= NAMED:
        axes.set_xticks(places, [str(i) for i in order])
        axes.tick_params(axis="x", length=0)
        axes.set_xlabel("latent dimension, largest KL first")
    else:
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        axes.set_xlabel("latent dimensions, largest KL first")
    title = f"{active.sum():,} of {n:,} dimensions active, {number(float(nats.sum()))} nats in all"
    axes.set_title(title, weight="bold")
    keys = [Patch(color=BLUE, label=f"active: variance of E[z|x] above {ACTIVE}"), Patch(color=FAINT, label="inactive")]
    axes.set_ylim(min(0.0, float(nats.min())), 1.2 * max(float(nats.max()), 1e-3))
    axes.legend(
        handles=keys,
        loc="upper right",
        ncols=2,
        handlelength=1.0,
        handleheight=0.9,
        frameon=True,
        framealpha=1.0,
        edgecolor="none",
        borderaxespad=0.2,
    )
    return figure
