"""All figures of a model on a split, each with its unit and what it is."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from rich.text import Text
from torch import Tensor

from vaekit.data import END, DataSpec, Split
from vaekit.evaluation.aggregate import Aggregate, aggregate_posterior
from vaekit.evaluation.annealed import AnnealedLikelihood, Annealing, Bidirectional, annealed_likelihood, bidirectional
from vaekit.evaluation.bits import bits_per_dim, elements, why_no_bits
from vaekit.evaluation.classifying import classified
from vaekit.evaluation.figure import BITS, NATS, PERCENT, WRITTEN, Figure, finite
from vaekit.evaluation.holes import Holes, holes
from vaekit.evaluation.latents import LatentUse, latent_use
from vaekit.evaluation.likelihood import Bound, LogLikelihood, PerExample, bound, log_likelihood
from vaekit.evaluation.passes import check_count, check_split, evaluating, walks
from vaekit.evaluation.profile import MOST, Told, profile
from vaekit.models.inference import Inference
from vaekit.models.model import Model
from vaekit.models.statistics import ACTIVE
from vaekit.training.step import Choices

__all__ = ["Evaluation", "evaluate"]

FEW = 32


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a model is worth on a split of `examples`; a figure that does not exist is None, and `notes` say why.

    `distortions` by likelihood and `rates` by latent, where there are several. Errors are over examples. Only where
    asked for: `annealed`, the bound that annealing gives, with `generated`, how far it can be trusted; `aggregate`, how
    codes fill a latent, with `holes`.
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
    perplexity_bound: Figure | None
    perplexity: Figure | None
    distortions: Mapping[str, Figure]
    rates: Mapping[str, Figure]
    latents: Mapping[str, LatentUse]
    notes: tuple[str, ...]
    classification_error: Figure | None = None
    label_log_loss: Figure | None = None
    calibration_error: Figure | None = None
    annealed: AnnealedLikelihood | None = None
    generated: Bidirectional | None = None
    bits_per_dim_annealed: Figure | None = None
    aggregate: Aggregate | None = None
    holes: Holes | None = None

    def figures(self) -> dict[str, Figure]:
        """Those that exist, by name."""
        named = {
            "distortion": self.distortion,
            **{f"distortion of {name}": figure for name, figure in self.distortions.items()},
            "rate": self.rate,
            **{f"rate of {name}": figure for name, figure in self.rates.items()},
            "ELBO": self.elbo,
            "log-likelihood": self.log_likelihood,
            "log-likelihood (annealed)": None if self.annealed is None else self.annealed.figure,
            "gap of annealing": None if self.generated is None else self.generated.figure,
            "bits/dim (bound)": self.bits_per_dim_bound,
            "bits/dim": self.bits_per_dim,
            "bits/dim (annealed)": self.bits_per_dim_annealed,
            "perplexity (bound)": self.perplexity_bound,
            "perplexity": self.perplexity,
            "classification error": self.classification_error,
            "log-loss of labels": self.label_log_loss,
            "calibration error": self.calibration_error,
            **({} if self.aggregate is None else self.aggregate.figures()),
            "holes": None if self.holes is None else self.holes.figure,
        }
        return {name: figure for name, figure in named.items() if figure is not None}

    def summary(self) -> dict[str, Figure]:
        """The figures, without those of each latent where there are more than a table of runs can hold."""
        many = len(self.rates) > MOST
        return {name: f for name, f in self.figures().items() if not (many and name.startswith("rate of "))}

    def profile(self) -> list[Told]:
        """How much each latent tells, where there are several; neighbours together where there are many."""
        return profile(self.rates, self.latents) if len(self.rates) > 1 else []

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON has it."""
        return {
            "data": self.data,
            "examples": self.examples,
            "seed": self.seed,
            "figures": {name: figure.to_dict() for name, figure in self.figures().items()},
            "latents": {name: use_as_dict(use) for name, use in self.latents.items()},
            "notes": list(self.notes),
            **{name: told.to_dict() for name, told in self._more().items() if told is not None},
        }

    def _more(self) -> dict[str, AnnealedLikelihood | Bidirectional | Aggregate | None]:
        return {"annealing": self.annealed, "generated": self.generated, "aggregate": self.aggregate}

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
        title, notes = f"{self.data}, {self.examples:,} examples, seed {self.seed}", "\n".join(self.notes)
        table = Table(title=Text(title, "table.title"), caption=Text(notes, "table.caption") if notes else None)
        for column in ("", "value", "unit", "what it is"):
            table.add_column(column, justify="right" if column == "value" else "left")
        for line in self.lines():
            table.add_row(*map(Text, line))
        return table

    def lines(self) -> Iterator[tuple[str, str, str, str]]:
        """What the table says: name, value, unit, and what it is."""
        told = self.profile()
        for name, figure in self.figures().items():
            if not (told and name.startswith("rate of ")):
                yield name, str(figure), figure.unit, figure.what
        for line in told:
            yield f"rate of {line.name}", line.value, NATS, line.use
        for name, use in () if told else self.latents.items():
            yield f"active units of {name}", f"{use.active}", f"of {use.dimensions} dimensions", use.verdict
            rates = use.rate.flatten()
            middle, low, high = float(rates.median()), float(rates.min()), float(rates.max())
            spread = f"KL per dimension, {low:.2f} to {high:.2f} nats"
            yield f"median rate of {name}", f"{middle:.2f}", "nats/dimension", spread


def evaluate(
    model: Model,
    split: Split,
    spec: DataSpec,
    *,
    samples: int = 1000,
    seed: int = 0,
    at: Choices | None = None,
    compile: bool = False,
    annealed: Annealing | None = None,
    aggregate: bool = False,
) -> Evaluation:
    """Bound, importance-sampled likelihood with `samples` draws, bits/dim and the use of latents, on a whole split.

    One draw per example for distortion and rate. `at` and `compile` as for `log_likelihood`. `annealed`: the bound by
    annealing too, and its gap on generated examples; `aggregate`: how codes fill the first latent that is suited, and
    the test for holes. ValueError, before the rest, for a model that has no such figures.
    """
    check_count("samples", samples)
    check_split(split)
    filled, hollow = whole_latent(model, split, seed, at) if aggregate else (None, None)
    closer, generated = by_annealing(model, split, annealed, seed, at) if annealed is not None else (None, None)
    parts = bound(model, split, seed=seed, at=at)
    weighed = parts.elbo is not None and not parts.coded and not parts.uncovering
    found = log_likelihood(model, split, samples, seed=seed, at=at, compile=compile) if weighed else None
    shown = first_inference(model, split, seed, at)
    no_bits, of = why_no_bits(shown, spec), elements(shown, spec)
    each = split.elements() if spec.ragged else torch.full((len(split),), of)
    words = words_in(split) if spec.words else None
    elbo, likelihood = elbo_figure(parts), None if found is None else likelihood_figure(found)
    several, rates = len(parts.distortions) > 1, parts.rates if len(parts.rates) > 1 else {}
    return Evaluation(
        spec.name,
        len(split),
        seed,
        distortion_figure(parts.distortion, parts),
        None if parts.rate is None or not parts.rates else rate_figure(parts.rate, parts, list(parts.rates)),
        elbo,
        likelihood,
        None if no_bits or elbo is None else in_bits(parts.elbo, spec, "upper bound: -ELBO in bits", each),
        None if no_bits or found is None else in_bits(found.per_example, spec, bits_said(found), each),
        None if words is None or elbo is None else in_perplexity(parts.elbo, "upper bound: of -ELBO", words, spec),
        None if words is None or found is None else in_perplexity(found.per_example, "estimate", words, spec),
        {name: distortion_figure(part, parts) for name, part in parts.distortions.items()} if several else {},
        {name: rate_figure(rate, parts, [name]) for name, rate in rates.items()},
        latent_use(model, split, seed=seed, at=at),
        tuple(notes_on(parts, split, no_bits, math.prod(spec.shape), of)),
        *of_labels(model, split, seed),
        closer,
        generated,
        None if no_bits or closer is None else in_bits(closer.per_example, spec, "upper bound, by annealing", each),
        filled,
        hollow,
    )


def by_annealing(
    model: Model, split: Split, settings: Annealing, seed: int, at: Choices | None
) -> tuple[AnnealedLikelihood, Bidirectional]:
    """The bound of the examples, and both bounds of as many generated ones, up to 20."""
    return (
        annealed_likelihood(model, split, settings, seed=seed, at=at),
        bidirectional(model, split, settings, seed=seed, at=at),
    )


def whole_latent(model: Model, split: Split, seed: int, at: Choices | None) -> tuple[Aggregate, Holes | None]:
    """The aggregate posterior of the first latent that is suited, and the test of its prior for holes."""
    found = aggregate_posterior(model, split, seed=seed, at=at)
    return found, holes(model, split, latent=found.latent, seed=seed, at=at)


def first_inference(model: Model, split: Split, seed: int, at: Choices | None) -> Inference:
    """A walk with the first few examples, for what all have in common."""
    few = split.first(min(FEW, len(split)))
    with evaluating(model):
        return next(walks(model, few, 1, seed, FEW, at))


def distortion_figure(distortion: PerExample, parts: Bound) -> Figure:
    """-log p(x|z), averaged over draws, or at the code."""
    if not parts.rates and not parts.without_rate:
        return Figure(distortion.mean, NATS, "-log p(x), exact", distortion.standard_error)
    how = "at the code" if parts.coded or parts.without_rate else f"estimate, {counted(parts.draws, 'draw')}"
    return Figure(distortion.mean, NATS, f"-log p(x|z), {how}", distortion.standard_error)


def rate_figure(rate: PerExample, parts: Bound, names: Sequence[str]) -> Figure:
    """KL(q||p) of these latents together; of codes, their length."""
    if parts.coded:
        how = "exact" if parts.bounded.isdisjoint(names) else "an estimate of an upper bound"
        return Figure(rate.mean, NATS, f"-log p(code) under the prior, {how}", rate.standard_error)
    how = "closed form" if all(parts.closed_form[name] for name in names) else "estimate at the draws"
    if how == "closed form" and not parts.below_draws.isdisjoint(names):
        how = f"closed form given {counted(parts.draws, 'draw')} of what stands above it"
    return Figure(rate.mean, NATS, f"KL(q(z|x) || p(z)), {how}", rate.standard_error)


def elbo_figure(parts: Bound) -> Figure | None:
    """-(distortion + rate)."""
    if parts.elbo is None or not parts.rates:
        return None
    what = f"lower bound of log p(x), {counted(parts.draws, 'draw')}"
    return Figure(parts.elbo.mean, NATS, what, parts.elbo.standard_error)


def of_labels(model: Model, split: Split, seed: int) -> tuple[Figure | None, Figure | None, Figure | None]:
    """How q(y|x) does on the labels that the split has; none of them is observed for it, or for any figure."""
    found = classified(model, split, seed=seed)
    if found is None:
        return None, None, None
    what = f"the likeliest label under q(y|x) is wrong, of {len(found.labels):,} labelled examples"
    losses = PerExample(found.log_losses)
    return (
        Figure(100 * found.error, PERCENT, what, 100 * found.standard_error),
        Figure(losses.mean, NATS, "-log q(y|x) of the labels", losses.standard_error),
        Figure(
            100 * found.calibration_error(), PERCENT, "likeliest label's probability against its being right, 15 bins"
        ),
    )


def likelihood_figure(found: LogLikelihood) -> Figure:
    """log p(x), estimated from below or exact."""
    estimate = f"estimate of log p(x), {counted(found.samples, 'sample')}; below it on average"
    return Figure(found.mean, NATS, "log p(x), exact" if found.exact else estimate, found.standard_error)


def bits_said(found: LogLikelihood | None) -> str:
    """What bits of log p(x) are."""
    if found is not None and found.exact:
        return "-log p(x) in bits, exact"
    return f"estimate: -log p(x) in bits, {counted(0 if found is None else found.samples, 'sample')}"


def in_bits(nats: PerExample | None, spec: DataSpec, what: str, each: Tensor) -> Figure | None:
    """log p(x) as bits per dimension, over the elements of x that it prices: `each` (N,), of every example.

    All nats over all elements: with examples of several lengths that is a ratio of means, whose error is linearised.
    """
    if nats is None:
        return None
    mean, ratio = each.double().mean(), nats.mean / float(each.double().mean())
    told = PerExample(ratio + (nats.values - ratio * each.to(nats.values)) / mean)
    return Figure(bits_per_dim(ratio, spec, 1), BITS, what, told.standard_error / math.log(2))


def words_in(split: Split) -> Tensor:
    """How many words each example of text has, its end among them: (N,)."""
    x = split.x
    return (x != END).sum(1) + 1


def in_perplexity(nats: PerExample | None, what: str, words: Tensor, spec: DataSpec) -> Figure | None:
    """exp of the nats of all examples over all of their words, ends included; its error is linearised."""
    if nats is None:
        return None
    mean = float(words.double().mean())
    value = math.exp(-nats.mean / mean)
    told = PerExample(value * (-nats.values + nats.mean / mean * words.to(nats.values)) / mean)
    unit = (spec.unit or "words").removesuffix("s")
    return Figure(value, f"per {unit}", f"{what}, as if from so many equally likely {spec.unit}", told.standard_error)


def notes_on(parts: Bound, split: Split, no_bits: str | None, whole: int, of: int) -> Iterator[str]:
    """What a reader must know of the figures, and why some are missing; they are of `of` of the `whole` elements."""
    if of < whole:
        yield f"all figures are of the {of:,} hidden elements of {whole:,}, given the {whole - of:,} observed ones"
    if not parts.rates and not parts.without_rate:
        yield "the model has no latent: the distortion is -log p(x) itself, and there is no rate"
    if parts.without_rate:
        names = " and ".join(parts.without_rate)
        yield f"{names}: a deterministic code, or no prior: no rate, hence neither ELBO nor likelihood"
    if parts.coded:
        yield "every latent is a deterministic code: the ELBO is log p(x, code), and draws would add nothing to it"
    if parts.uncovering:
        names = " and ".join(parts.uncovering)
        yield f"{names}: q(z|x) has no density outside its box, so draws miss mass of p(z): the ELBO, and no likelihood"
    if split.visit is not None:
        yield "the data's own noise was drawn once, under the seed"
    if no_bits is not None and not parts.without_rate:
        yield no_bits


def use_as_dict(use: LatentUse) -> dict[str, Any]:
    """As JSON has it; rates in nats, those of every dimension where it has no more than 4,096."""
    each = {"variance_of_mean": use.variance.tolist(), "rate_nats": use.rate.tolist()}
    return {
        "active": use.active,
        "dimensions": use.dimensions,
        "active_above": ACTIVE,
        "rate_nats_in_all": finite(float(use.rate.sum())),
        **(each if use.dimensions <= WRITTEN else {}),
        "verdict": use.verdict,
    }


def counted(n: int, what: str) -> str:
    """1 draw, 2 draws."""
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"
