"""A table's columns by name: how well each is reconstructed, and whether samples have its distribution."""

import torch
from torch import Tensor

from vaekit.data import DataSpec
from vaekit.report.numbers import table
from vaekit.report.pictures import device_of
from vaekit.report.style import number
from vaekit.report.subject import Exhibit, Section, Subject
from vaekit.report.vectors import histograms, identity
from vaekit.report.views import Views

__all__ = ["column_names", "is_table", "marginals", "reconstructed_columns", "spreads"]

CHARTS, MOST = 9, 64  # columns that are drawn, and that make a table rather than a series
ENOUGH = 600  # points in a chart
SAMPLES = 2000


def is_table(spec: DataSpec) -> bool:
    """Whether examples are rows of a table: named columns, or a few numbers."""
    return (
        len(spec.shape) == 1 and not spec.words and spec.shape != (2,) and (bool(spec.columns) or spec.shape[0] <= MOST)
    )


def column_names(spec: DataSpec) -> list[str]:
    """The columns' names, else their numbers."""
    return list(spec.columns or ()) or [f"column {i}" for i in range(spec.shape[0])]


def reconstructed_columns(subject: Subject, views: Views) -> Section | None:
    """Error and explained variance of every column, and the worst ones drawn."""
    spec = subject.data.spec
    if views.x_hat is None:
        return None
    x, x_hat = spec.restore(views.batch["x"]).double(), spec.restore(views.x_hat).double()
    names, error = column_names(spec), (x - x_hat).square().mean(0).sqrt()
    spread = x.std(0, correction=0)
    share = torch.where(spread > 0, 1 - (error / spread).square(), torch.inf)  # constant columns come last
    order = share.argsort(stable=True).tolist()
    lines = [
        (names[i], number(float(error[i])), number(float(spread[i])), percent(float(share[i])) if spread[i] else "–")
        for i in order
    ]
    head = ("column", "error (root mean square)", "standard deviation", "variance explained")
    drawn = [
        Exhibit(identity(x[:ENOUGH, i].numpy(), x_hat[:ENOUGH, i].numpy(), names[i]), names[i]) for i in order[:CHARTS]
    ]
    text = (
        f"Held-out rows ({views.role} split) and the mean of p(x|z) at the mean of q(z|x), in the units of the data; "
        "columns that keep least come first. Points on the line are met exactly."
    )
    exhibits = [*drawn, Exhibit(table(head, lines, "columns"), kind="strip")]
    return Section("reconstructions", "What it reconstructs, column by column", text, exhibits, left_out(spec))


def marginals(subject: Subject, views: Views) -> Section | None:
    """Every column's distribution in samples and in the data."""
    spec = subject.data.spec
    if not views.priors or views.x_hat is None:
        return None
    x, made = spec.restore(views.batch["x"]).double(), spec.restore(drawn_rows(subject, views)).double()
    names, distance = column_names(spec), quantile_distance(x, made)
    order = distance.argsort(descending=True, stable=True).tolist()
    exhibits = [Exhibit(histograms(x[:, i].numpy(), made[:, i].numpy(), names[i]), names[i]) for i in order[:CHARTS]]
    text = (
        f"Each column in {len(x):,} held-out rows (grey bars) and in {len(made):,} samples of the model, "
        "noise of p(x|z) included (blue line), as shares; columns that differ most come first."
    )
    return Section("samples", "What it generates, column by column", text, exhibits, left_out(spec))


def drawn_rows(subject: Subject, views: Views) -> Tensor:
    """Samples of x, not means, in the contexts of held-out rows where the model takes one."""
    context = None if views.context is None else views.context.to(device_of(subject.model))
    return subject.model.generate(SAMPLES, context).likelihoods["x"].value.cpu().float()


def quantile_distance(a: Tensor, b: Tensor) -> Tensor:
    """The mean distance between the quantiles of two sets of rows, in standard deviations of the first, by column."""
    levels = torch.linspace(0.02, 0.98, 25, dtype=a.dtype)
    apart = (torch.quantile(a, levels, dim=0) - torch.quantile(b, levels, dim=0)).abs().mean(0)
    return apart / spreads(a)


def spreads(x: Tensor) -> Tensor:
    """The standard deviation of every column, that of constant ones taken as a tenth of the median column's."""
    found = x.std(0, correction=0)
    return found.clamp(min=max(0.1 * float(found.median()), torch.finfo(found.dtype).tiny))


def left_out(spec: DataSpec) -> list[str]:
    """How many columns have no chart."""
    rest = spec.shape[0] - CHARTS
    return [f"{rest} more columns are not drawn."] if rest > 0 else []


def percent(share: float) -> str:
    """As people write it."""
    return f"{100 * share:.0f}%" if share > -1 else "below 0%"
