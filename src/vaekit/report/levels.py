"""On a page, what each of several latents tells: nats, dimensions in use, and examples from the first few alone."""

from collections.abc import Mapping

import numpy as np
from markupsafe import Markup

from vaekit.latent import from_priors, typical, worth_showing
from vaekit.report.by_level import NAMED, worded
from vaekit.report.grids import range_of
from vaekit.report.images import picture, small
from vaekit.report.showing import THUMBNAIL, shows_images
from vaekit.report.style import number
from vaekit.report.subject import Exhibit, Section, Subject
from vaekit.report.svg import Chart
from vaekit.report.views import Views, inferred

__all__ = ["added_by_each", "told_by_each"]

EXAMPLES, COLUMNS, WIDE = 8, 8, 72  # in the picture of what each level adds; pixels of an image, at least


def told_by_each(subject: Subject) -> Section | None:
    """The rate of each latent as a bar, and how much of each is in use; None where there is only one."""
    rates = subject.evaluation.rates
    if len(rates) < 2:
        return None
    told = {name: figure.value for name, figure in rates.items()}
    text = (
        f"How many nats each latent tells of an example beyond those before it, from {next(iter(told))}, which the model "
        "draws first: its KL(q(z|x) || p(z)), averaged over held-out examples. They sum to the rate."
    )
    exhibits = [Exhibit(bars(told), "nats per latent")]
    uses = subject.evaluation.latents
    shares = {name: uses[name].active / uses[name].dimensions for name in told if name in uses}
    if shares:
        text += " A dimension is active where its code, beside its prior, really differs between examples."
        active, whole = (sum(getattr(uses[n], what) for n in shares) for what in ("active", "dimensions"))
        caption = f"share of dimensions that are active: {active:,} of {whole:,} in all"
        exhibits.append(Exhibit(bars({n: 100 * s for n, s in shares.items()}, percent=True), caption))
    return Section("levels", "What each latent tells", text, exhibits)


def bars(values: Mapping[str, float], percent: bool = False) -> Markup:
    """A bar for each latent, in order; of percentages what is left to the whole stands behind, in grey."""
    heights, places = np.array(list(values.values())), np.arange(1, len(values) + 1)
    top = 100.0 if percent else 1.08 * max(float(heights.max()), 1e-3)
    chart = Chart((0.3, max(len(values), 4) + 0.7), (min(0.0, float(heights.min())), top))
    chart.across()
    if len(values) <= NAMED:
        chart.along(places, list(values))
    else:
        shown = [round(tick) for tick in chart.x.ticks(6, True) if 1 <= tick <= len(values)]
        chart.along(shown, [list(values)[tick - 1] for tick in shown])
    width = 0.76 if len(values) <= 90 else 1.0
    if percent:
        chart.bars(places, np.full(len(places), 100.0), width, "ghost")
    chart.bars(places, heights, width, "model")
    unit = "% active" if percent else "nats"
    return chart.svg("; ".join(f"{name} {number(value)} {unit}" for name, value in values.items()))


def added_by_each(subject: Subject, views: Views) -> Section | None:
    """The same examples from the first latent, the first two, and so on; None for one latent, or what is no picture."""
    names, rates = list(views.all_codes), subject.evaluation.rates
    if len(names) < 2 or not views.priors or views.x_hat is None or not shows_images(subject.data.spec):
        return None
    told = [rates[name].value if name in rates else 0.0 for name in names]
    batch = {name: t[:EXAMPLES] for name, t in views.batch.items()}
    made = {
        n: typical(inferred(subject.model, batch, from_priors(names, n))).cpu().float()
        for n in worth_showing(told, COLUMNS)
    }
    between = range_of(batch["x"])
    columns = [("original", Markup("original<br>&nbsp;"), batch["x"])]
    for n, x in made.items():
        which = worded(names, n)
        columns.append((which, Markup("{}<br>{:.1f} nats").format(which, sum(told[:n])), x))
    exhibits = [
        Exhibit(picture(small(x, THUMBNAIL), 1, alt, between=between, tile=WIDE), caption, "tile")
        for alt, caption, x in columns
    ]
    text = (
        f"Each column rebuilds the {views.role} examples at the left from the first latents alone, with the nats that these "
        "tell: the others are the means of their priors, given those before them. What a column has and the one before "
        "it has not is what its latents add."
    )
    return Section("by-level", "What each latent adds", text, exhibits)
