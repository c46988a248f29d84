"""Runs beside each other: curves over each other, rate against distortion, and the same examples through each model."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from markupsafe import Markup, escape
from torch import Tensor

from vaekit.latent import typical
from vaekit.report.charts import COLOURS
from vaekit.report.columns import column_names, is_table
from vaekit.report.curves import apart, as_table, is_count, limits, ordered, spelled_out
from vaekit.report.grids import range_of
from vaekit.report.images import picture, small
from vaekit.report.numbers import table
from vaekit.report.pictures import with_context
from vaekit.report.showing import THUMBNAIL, generated, shows_images
from vaekit.report.style import number
from vaekit.report.subject import Exhibit, Section, Subject
from vaekit.report.svg import Chart, padded, short
from vaekit.report.vectors import rows_of
from vaekit.report.views import held_out, inferred, shown_batch
from vaekit.training.step import of_graph

__all__ = ["courses", "key_of", "latents_of_each", "rates_and_distortions", "samples_of_each", "through_each"]

Named = Mapping[str, Subject]
EXAMPLES, ROWS, SERIES, SAMPLES = 12, 2000, 6, 24
DIAGONALS = 7


def key_of(names: Sequence[str]) -> Markup:
    """Which colour is which run's."""
    shown = [f'<span class="key"><i class="c{i % COLOURS}"></i>{escape(name)}</span>' for i, name in enumerate(names)]
    return Markup(" ".join(shown))


def courses(named: Named) -> Section | None:
    """Every term in validation (in training, where there is no validation), the runs over each other."""
    tables = {name: as_table(subject.rows) for name, subject in named.items() if subject.rows}
    columns = list(dict.fromkeys(column for found in tables.values() for column in found if "/" in column))
    role = "valid" if any(column.startswith("valid/") for column in columns) else "train"
    terms = ordered({c.partition("/")[2] for c in columns if c.startswith(f"{role}/")}, columns)
    if not terms:
        return None
    single, families = apart(terms)
    exhibits = [Exhibit(over_each_other(named, tables, role, term), spelled_out(term)) for term in single]
    kind = "validation" if role == "valid" else "training"
    text = f"Every term on the {kind} examples, by epoch. Losses of different objectives are different things."
    notes = ["Curves of single latents are on the page of each run."] if families else []
    return Section(
        "curves", "How training went", text, [Exhibit(Markup(), key_of(list(named)), "strip"), *exhibits], notes
    )


def over_each_other(named: Named, tables: Mapping[str, Mapping[str, np.ndarray]], role: str, term: str) -> Markup:
    """One term of every run that has it."""
    lines = {name: (t["epoch"], t[f"{role}/{term}"]) for name, t in tables.items() if f"{role}/{term}" in t}
    ranges = [limits([values], int(values.argmin())) for _, values in lines.values()]
    ends = [epochs[[0, -1]] for epochs, _ in lines.values()]
    y = (min(low for low, _ in ranges), max(high for _, high in ranges))
    chart = Chart((float(np.min(ends)), float(np.max(ends))), (0.0, y[1]) if is_count(term) else y)
    chart.grid(whole=(True, is_count(term)))
    chart.named("epoch")
    for i, name in enumerate(named):
        if name in lines:
            chart.line(*lines[name], f"c{i % COLOURS}")
    ends_said = "; ".join(f"{name} ends at {number(float(values[-1]))}" for name, (_, values) in lines.items())
    return chart.svg(f"{term} by epoch: {ends_said}")


def rates_and_distortions(named: Named) -> Section | None:
    """Each run as a point; on the lines the ELBO is the same."""
    figures = {name: s.evaluation for name, s in named.items() if s.evaluation.rate is not None}
    points = {name: (found.rate.value, found.distortion.value) for name, found in figures.items() if found.rate}
    finite = {name: point for name, point in points.items() if np.isfinite(point).all()}
    if not finite:
        return None
    text = (
        "The rate is what z costs to send, the distortion what x costs once z is known, nats per example. A run further "
        "down keeps more of each example, one further left says less to do so; on each dashed line the ELBO is the same, "
        "and lower lines are better bounds (Alemi et al. 2018)."
    )
    left_out = [f"{name} has no rate." for name in named if name not in finite]
    exhibit = Exhibit(rate_distortion(named, finite), "distortion against rate", "square")
    return Section("rate-distortion", "Rate against distortion", text, [exhibit], left_out)


def latents_of_each(named: Named) -> Section | None:
    """How many nats each latent tells, in runs with several, from the first latent on."""
    told = {name: [f.value for f in s.evaluation.rates.values()] for name, s in named.items() if s.evaluation.rates}
    if not told or not np.isfinite(np.concatenate(list(told.values()))).all():
        return None
    chart = Chart((0.5, max(map(len, told.values())) + 0.5), (0.0, 1.08 * max(map(max, told.values())) + 1e-3))
    chart.grid(whole=(True, False))
    chart.named("latent")
    for i, name in enumerate(named):
        if name in told:
            places = np.arange(1, len(told[name]) + 1)
            chart.line(places, told[name], f"c{i % COLOURS}")
            chart.dots(places, told[name], f"c{i % COLOURS}", 6)
    said = "; ".join(f"{name}: {', '.join(map(number, nats))}" for name, nats in told.items())
    text = "The rate of each latent, nats per example, from the one that is drawn first: where a model keeps what it knows."
    left_out = [f"{name} has one latent." for name in named if name not in told]
    exhibits = [Exhibit(chart.svg(f"nats per latent: {said}"), key_of(list(named)))]
    return Section("levels", "What each latent tells", text, exhibits, left_out)


def rate_distortion(named: Named, points: Mapping[str, tuple[float, float]]) -> Markup:
    """The plot."""
    rates, distortions = (np.array(part) for part in zip(*points.values(), strict=True))
    chart = Chart(padded(rates, share=0.3), padded(distortions, share=0.2), tall=300)
    chart.grid(most=(5, 5))
    chart.named("rate")
    x, ends = np.array([chart.x.low, chart.x.high]), (chart.x.low + chart.y.low, chart.x.high + chart.y.high)
    for total in np.linspace(ends[0], ends[1], DIAGONALS + 2)[1:-1]:
        chart.line(x, total - x, "faint dashed")
    for i, name in enumerate(named):
        if name in points:
            rate, distortion = points[name]
            right = rate > (chart.x.low + chart.x.high) / 2
            chart.dots([rate], [distortion], f"c{i % COLOURS}", 9)
            away = (-0.025 if right else 0.025) * (chart.x.high - chart.x.low)
            chart.text(rate + away, distortion, short(name, 22), "halo", "end" if right else "start")
    said = "; ".join(f"{name}: rate {number(r)}, distortion {number(d)}" for name, (r, d) in points.items())
    return chart.svg(f"rate and distortion, nats per example: {said}")


def through_each(named: Named, seed: int) -> Section | None:
    """The same held-out examples through every model that can take them."""
    first = next(iter(named.values()))
    role, split = held_out(first)
    spec = first.data.spec
    images = shows_images(spec)
    if len(spec.shape) > 3:
        return None
    batch = shown_batch(split, seed, EXAMPLES if images else ROWS)
    made = {name: x_hat for name, s in named.items() if (x_hat := remade(s, batch)) is not None}
    text = f"The same examples of the {role} split through each model: the mean of p(x|z) at the mean of q(z|x)."
    if images:
        rows = {"original": batch["x"], **made}
        exhibits = [Exhibit(row_of(x, name, batch["x"]), name, "strip") for name, x in rows.items()]
    elif is_table(spec) or spec.shape == (2,):
        x, restored = spec.restore(batch["x"]), {name: spec.restore(x_hat) for name, x_hat in made.items()}
        exhibits = [Exhibit(errors_by_column(column_names(spec), x, restored), "root mean square errors", "strip")]
    else:
        key = Exhibit(Markup(), key_of(list(named)), "strip")
        shown = range(min(SERIES, len(batch["x"])))
        drawn = [Exhibit(several(named, batch["x"], made, i), f"example {i + 1}, original grey") for i in shown]
        exhibits = [key, *drawn]
    notes = [f"{name} cannot take these examples: its context is another." for name in named if name not in made]
    return Section("reconstructions", "The same examples through each model", text, exhibits, notes)


def row_of(x: Tensor, name: str, like: Tensor) -> Markup:
    """One model's images in a row."""
    return picture(small(x, THUMBNAIL), len(x), f"{len(x)} examples: {name}", between=range_of(like))


def remade(subject: Subject, batch: Mapping[str, Tensor]) -> Tensor | None:
    """The typical x at the posterior's mean; None for a model that wants a context which these examples lack."""
    given = of_graph(batch)
    wanted = subject.data.spec.context
    if wanted is not None:
        context = batch.get("labels") if wanted == () else batch.get("context")
        if context is None or tuple(context.shape[1:]) != wanted:
            return None
        given["context"] = context
    inference = inferred(subject.model, given)
    return typical(inference).cpu().float() if "x" in inference.likelihoods else None


def errors_by_column(names: Sequence[str], x: Tensor, made: Mapping[str, Tensor]) -> Markup:
    """How far each model is off in each column."""
    errors = {name: (x - x_hat).double().square().mean(0).sqrt().tolist() for name, x_hat in made.items()}
    lines = [(column, *(number(errors[name][i]) for name in made)) for i, column in enumerate(names)]
    return table(("column", *made), lines, "columns")


def several(named: Named, x: Tensor, made: Mapping[str, Tensor], i: int) -> Markup:
    """One series and every model's copy of it."""
    original, copies = rows_of(x[i : i + 1])[0], {name: rows_of(x_hat[i : i + 1])[0] for name, x_hat in made.items()}
    chart = Chart((0, max(len(original) - 1, 1)), padded(original, *copies.values()), tall=160)
    chart.grid(whole=(True, False), most=(6, 4))
    chart.line(np.arange(len(original)), original, "soft thick")
    for j, name in enumerate(named):
        if name in copies:
            chart.line(np.arange(len(original)), copies[name], f"c{j % COLOURS}")
    return chart.svg(f"example {i + 1} and the copies of {', '.join(copies)}")


def samples_of_each(named: Named) -> Section | None:
    """New examples from every model that has a prior."""
    spec = next(iter(named.values())).data.spec
    if not shows_images(spec):
        return None
    exhibits, left_out = list[Exhibit](), list[str]()
    for name, subject in named.items():
        try:
            made = generated(subject, SAMPLES, contexts(subject))
        except ValueError:
            left_out.append(f"{name} has no prior to draw from.")
            continue
        shown = picture(small(made, THUMBNAIL), SAMPLES // 2, f"samples of {name}", between=range_of(made))
        exhibits.append(Exhibit(shown, name, "strip"))
    if not exhibits:
        return None
    text = "z drawn from the prior, and the mean of p(x|z) there; every class in turn where a model is told the label."
    return Section("samples", "What each generates", text, exhibits, left_out)


def contexts(subject: Subject) -> Tensor | None:
    """Every class in turn, or the contexts of held-out examples; None for a model that takes none."""
    spec = subject.data.spec
    if spec.context == () and spec.classes is not None:
        return torch.arange(SAMPLES) % spec.classes
    batch = held_out(subject)[1].batch(torch.arange(SAMPLES) % len(held_out(subject)[1]))
    return with_context(subject.model, batch).get("context")
