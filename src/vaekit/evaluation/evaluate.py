"""All figures of a model on a split, each with its unit and what it is."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from rich.console import Console
from rich.table import Table

from vaekit.data import DataSpec, Split
from vaekit.evaluation.bits import bits_per_dim, why_no_bits
from vaekit.evaluation.latents import LatentUse, latent_use
from vaekit.evaluation.likelihood import Bound, LogLikelihood, PerExample, bound, log_likelihood
from vaekit.evaluation.passes import check_count, check_split, evaluating, walks
from vaekit.models.inference import Inference
from vaekit.models.model import Model
from vaekit.models.statistics import ACTIVE
from vaekit.training.step import Choices

__all__ = ["Evaluation", "Figure", "evaluate"]

NATS, BITS = "nats/example", "bits/dim"
FEW = 32


@dataclass(frozen=True)
class Figure:
    """A number, its unit, what it is in words, and its standard error over examples."""

    value: float
    unit: str
    what: str
    standard_error: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it; nan and infinity are null."""
        error = None if self.standard_error is None else finite(self.standard_error)
        return {"value": finite(self.value), "standard_error": error, "unit": self.unit, "what": self.what}

    def __str__(self) -> str:
        error = self.standard_error
        digits = 3 if self.unit == BITS else 2
        written = f"{self.value:.{digits}f}"
        return written if error is None or math.isnan(error) else f"{written} ± {error:.{digits}f}"


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a model is worth on a split of `examples`; a figure that does not exist is None, and `notes` say why.

    `distortions` by likelihood and `rates` by latent, where there are several. Errors are over examples.
    """

    data: str
    examples: int
    seed: int
    distortion: Figure
    rate: Figure | None
    elbo: Figure | None
    log_likelihood: Figure | None
    bits_per_dim_bound: Figure | None
    bits_per_dim: Figure | None
    distortions: Mapping[str, Figure]
    rates: Mapping[str, Figure]
    latents: Mapping[str, LatentUse]
    notes: tuple[str, ...]

    def figures(self) -> dict[str, Figure]:
        """Those that exist, by name."""
        named = {
            "distortion": self.distortion,
            **{f"distortion of {name}": figure for name, figure in self.distortions.items()},
            "rate": self.rate,
            **{f"rate of {name}": figure for name, figure in self.rates.items()},
            "ELBO": self.elbo,
            "log-likelihood": self.log_likelihood,
            "bits/dim (bound)": self.bits_per_dim_bound,
            "bits/dim": self.bits_per_dim,
        }
        return {name: figure for name, figure in named.items() if figure is not None}

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON has it."""
        return {
            "data": self.data,
            "examples": self.examples,
            "seed": self.seed,
            "figures": {name: figure.to_dict() for name, figure in self.figures().items()},
            "latents": {name: use_as_dict(use) for name, use in self.latents.items()},
            "notes": list(self.notes),
        }

    def __str__(self) -> str:
        console = Console(width=120, color_system=None)
        with console.capture() as written:
            console.print(self.table())
        return written.get().rstrip()

    def _repr_html_(self) -> str:
        """For notebooks: the same table."""
        table = self.table()
        head = "".join(f"<th>{escape(str(column.header))}</th>" for column in table.columns)
        lines = zip(*(map(str, column.cells) for column in table.columns), strict=True)
        body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in line)}</tr>" for line in lines)
        said = "".join(f"<p>{escape(note)}</p>" for note in self.notes)
        return f"<table><caption>{escape(str(table.title))}</caption><tr>{head}</tr>{body}</table>{said}"

    def table(self) -> Table:
        """For people: every number with its unit and what it is."""
        table = Table(title=f"{self.data}, {self.examples:,} examples, seed {self.seed}", caption="\n".join(self.notes))
        for column in ("", "value", "unit", "what it is"):
            table.add_column(column, justify="right" if column == "value" else "left")
        for name, figure in self.figures().items():
            table.add_row(name, str(figure), figure.unit, figure.what)
        for name, use in self.latents.items():
            table.add_row(f"active units of {name}", f"{use.active}", f"of {use.dimensions} dimensions", use.verdict)
            rates = use.rate.flatten()
            middle, low, high = float(rates.median()), float(rates.min()), float(rates.max())
            spread = f"KL per dimension, {low:.2f} to {high:.2f} nats"
            table.add_row(f"median rate of {name}", f"{middle:.2f}", "nats/dimension", spread)
        return table


def evaluate(
    model: Model,
    split: Split,
    spec: DataSpec,
    *,
    samples: int = 1000,
    seed: int = 0,
    at: Choices | None = None,
    compile: bool = False,
) -> Evaluation:
    """Bound, importance-sampled likelihood with `samples` draws, bits/dim and the use of latents, on a whole split.

    One draw per example for distortion and rate. `at` and `compile` as for `log_likelihood`.
    """
    check_count("samples", samples)
    check_split(split)
    parts = bound(model, split, seed=seed, at=at)
    weighed = parts.elbo is not None and not parts.coded
    found = log_likelihood(model, split, samples, seed=seed, at=at, compile=compile) if weighed else None
    no_bits = why_no_bits(first_inference(model, split, seed, at), spec)
    elbo, likelihood = elbo_figure(parts), None if found is None else likelihood_figure(found)
    several, rates = len(parts.distortions) > 1, parts.rates if len(parts.rates) > 1 else {}
    return Evaluation(
        spec.name,
        len(split),
        seed,
        distortion_figure(parts.distortion, parts),
        None if parts.rate is None else rate_figure(parts.rate, all(parts.closed_form.values())),
        elbo,
        likelihood,
        None if no_bits else in_bits(elbo, spec, "upper bound: -ELBO in bits"),
        None if no_bits else in_bits(likelihood, spec, f"estimate: -log p(x) in bits, {counted(samples, 'sample')}"),
        {name: distortion_figure(part, parts) for name, part in parts.distortions.items()} if several else {},
        {name: rate_figure(rate, parts.closed_form[name]) for name, rate in rates.items()},
        latent_use(model, split, seed=seed, at=at),
        tuple(notes_on(parts, split, no_bits)),
    )


def first_inference(model: Model, split: Split, seed: int, at: Choices | None) -> Inference:
    """A walk with the first few examples, for what all have in common."""
    few = split.first(min(FEW, len(split)))
    with evaluating(model):
        return next(walks(model, few, 1, seed, FEW, at))


def distortion_figure(distortion: PerExample, parts: Bound) -> Figure:
    """-log p(x|z), averaged over draws, or at the code."""
    how = "at the code" if parts.coded or parts.without_rate else f"estimate, {counted(parts.draws, 'draw')}"
    return Figure(distortion.mean, NATS, f"-log p(x|z), {how}", distortion.standard_error)


def rate_figure(rate: PerExample, closed_form: bool) -> Figure:
    """KL(q||p)."""
    how = "closed form" if closed_form else "estimate at the draws"
    return Figure(rate.mean, NATS, f"KL(q(z|x) || p(z)), {how}", rate.standard_error)


def elbo_figure(parts: Bound) -> Figure | None:
    """-(distortion + rate)."""
    if parts.elbo is None:
        return None
    what = f"lower bound of log p(x), {counted(parts.draws, 'draw')}"
    return Figure(parts.elbo.mean, NATS, what, parts.elbo.standard_error)


def likelihood_figure(found: LogLikelihood) -> Figure:
    """log p(x), estimated from below or exact."""
    estimate = f"estimate of log p(x), {counted(found.samples, 'sample')}; below it on average"
    return Figure(found.mean, NATS, "log p(x), exact" if found.exact else estimate, found.standard_error)


def in_bits(figure: Figure | None, spec: DataSpec, what: str) -> Figure | None:
    """A figure of log p(x) as bits per dimension of x."""
    if figure is None:
        return None
    error = None if figure.standard_error is None else figure.standard_error / (math.prod(spec.shape) * math.log(2))
    return Figure(bits_per_dim(figure.value, spec), BITS, what, error)


def notes_on(parts: Bound, split: Split, no_bits: str | None) -> Iterator[str]:
    """What a reader must know of the figures, and why some are missing."""
    if parts.without_rate:
        names = " and ".join(parts.without_rate)
        yield f"{names}: a deterministic code, or no prior: no rate, hence neither ELBO nor likelihood"
    if parts.coded:
        yield "every latent is a deterministic code: the ELBO is log p(x, code), and draws would add nothing to it"
    if split.visit is not None:
        yield "the data's own noise was drawn once, under the seed"
    if no_bits is not None and not parts.without_rate:
        yield no_bits


def use_as_dict(use: LatentUse) -> dict[str, Any]:
    """As JSON has it; rates in nats."""
    return {
        "active": use.active,
        "dimensions": use.dimensions,
        "active_above": ACTIVE,
        "variance_of_mean": use.variance.tolist(),
        "rate_nats": use.rate.tolist(),
        "verdict": use.verdict,
    }


def counted(n: int, what: str) -> str:
    """1 draw, 2 draws."""
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"


def finite(value: float) -> float | None:
    """JSON has neither nan nor infinity."""
    return value if math.isfinite(value) else None
