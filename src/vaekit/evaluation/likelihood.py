"""The likelihood of held-out data: an importance-sampled estimate, and the bound with its two parts."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from vaekit.data import Split
from vaekit.distributions.of_symbols import is_exact
from vaekit.distributions.point_mass import PointMass
from vaekit.distributions.tails import misses_mass
from vaekit.evaluation.passes import Batch, batches, check_count, check_split, evaluating, walks
from vaekit.models.inference import Inference, Latent, total
from vaekit.models.model import Model
from vaekit.training.step import Choices

__all__ = ["Bound", "LogLikelihood", "PerExample", "bound", "log_likelihood"]

AT_ONCE = {"cpu": 1 << 20}  # elements of x in one walk: on a CPU 4 MiB of logits stay in the cache
AT_ONCE_ELSEWHERE = 1 << 24


@dataclass(frozen=True, eq=False)
class PerExample:
    """A figure of every example, (N,) nats in float64."""

    values: Float[Tensor, " N"]

    @property
    def mean(self) -> float:
        """Over the examples."""
        return float(self.values.mean())

    @property
    def standard_error(self) -> float:
        """Of the mean over examples: sd / sqrt(N); nan of one example."""
        return float(self.values.std() / math.sqrt(len(self.values))) if len(self.values) > 1 else math.nan


@dataclass(frozen=True, eq=False)
class LogLikelihood:
    """log (1/L) sum_l p(x, z_l) / q(z_l|x) of every example, with L = `samples`; below log p(x) on average.

    `exact`: nothing was drawn (every latent is enumerated or observed), so this is log p(x) itself.
    """

    per_example: PerExample
    samples: int
    exact: bool

    @property
    def mean(self) -> float:
        """Nats per example."""
        return self.per_example.mean

    @property
    def standard_error(self) -> float:
        """Over the examples, nats."""
        return self.per_example.standard_error


@dataclass(frozen=True, eq=False)
class Bound:
    """Distortion, rate and the evidence lower bound of every example, with `draws` draws of each.

    `distortions` by likelihood and `rates` by latent sum to the two (of no latent, the rate is zero); `closed_form` says
    by latent whether its rate is one, and `below_draws` which latents' rates are those at values drawn for others (of a
    latent over time, at earlier steps), so that even a closed form is an estimate. `without_rate`: latents that are
    computed, not drawn, or have no prior; with any of them, `rate` and `elbo` are None and `rates` leaves them out.
    `coded`: every latent is a deterministic code that a prior prices; `bounded`: those whose prior does so by a bound.
    `uncovering`: latents whose posterior misses mass of the prior, so that weights of draws have no estimate of log p(x).
    """

    distortion: PerExample
    rate: PerExample | None
    elbo: PerExample | None
    distortions: Mapping[str, PerExample]
    rates: Mapping[str, PerExample]
    closed_form: Mapping[str, bool]
    below_draws: frozenset[str]
    without_rate: tuple[str, ...]
    coded: bool
    bounded: frozenset[str]
    uncovering: tuple[str, ...]
    draws: int


def log_likelihood(
    model: Model,
    split: Split,
    samples: int = 5000,
    *,
    seed: int = 0,
    batch_size: int = 100,
    chunk: int | None = None,
    at: Choices | None = None,
    compile: bool = False,
) -> LogLikelihood:
    """The importance-sampled estimate of log p(x) with exactly `samples` draws; Burda et al. 2016, eq. 8.

    Each batch of `batch_size` examples is encoded once; its draws are taken `chunk` at a time (by default as many as
    fit the cache), so memory does not grow with `samples`. Both change which draws an example gets, never what is
    estimated, and nothing where the weights do not vary. `at` makes, of a batch, what happens at latents. `compile`:
    compile the walk first, which pays for itself after some seconds of work.
    """
    check_count("samples", samples)
    check_count("batch_size", batch_size)
    check_split(split)
    if chunk is not None:
        check_count("chunk", chunk)
    sums: Callable[..., tuple[Tensor, bool]] = torch.compile(log_sum_w, dynamic=False) if compile else log_sum_w
    found, drawn = [], False
    with evaluating(model):
        for batch in batches(model, split, batch_size, seed, at):
            log_p, drawn = estimate(model, batch, samples, chunk, sums)
            found.append(log_p)
    return LogLikelihood(PerExample(torch.cat(found).cpu()), samples, exact=not drawn)


def estimate(
    model: Model, batch: Batch, samples: int, chunk: int | None, sums: Callable[..., tuple[Tensor, bool]]
) -> tuple[Float[Tensor, " B"], bool]:
    """log p-hat of one batch, nats in float64, and whether anything was drawn: one walk is enough where not."""
    evidence = model.evidence(batch.data, batch.context)
    running: Tensor | None = None
    for draws in chunks(samples, chunk or fitting(batch.data)):
        log_sum, drawn = sums(model, batch.data, batch.context, draws, batch.at, evidence)
        if not drawn:
            return log_sum.double() - math.log(draws), False
        running = log_sum.double() if running is None else torch.logaddexp(running, log_sum.double())
    assert running is not None
    return running - math.log(samples), True


def log_sum_w(
    model: Model, data: Mapping[str, Tensor], context: Tensor | None, draws: int, at: object, evidence: object
) -> tuple[Float[Tensor, " B"], bool]:
    """log sum_l w_l over `draws` draws, (B,) nats, and whether the walk drew anything."""
    inference = model.infer(data, context, samples=draws, at=at, evidence=evidence)  # type: ignore[arg-type]
    check_weighable(inference)
    return inference.log_mean_w() + math.log(draws), inference.axes.draws is None


def chunks(samples: int, size: int) -> Iterator[int]:
    """`samples` in parts of `size`, the last one shorter where it must be."""
    for done in range(0, samples, size):
        yield min(size, samples - done)


def fitting(data: Mapping[str, Tensor]) -> int:
    """How many draws of every example of a batch to walk at once: 2^20 elements of data on a CPU, 2^24 elsewhere."""
    elements = sum(t.numel() for t in data.values())
    device = next(iter(data.values())).device.type
    return max(1, AT_ONCE.get(device, AT_ONCE_ELSEWHERE) // elements)


def bound(
    model: Model,
    split: Split,
    *,
    draws: int = 1,
    seed: int = 0,
    batch_size: int = 500,
    at: Choices | None = None,
) -> Bound:
    """Distortion E_q[-log p(x|z)], rate KL(q||p) and ELBO = -(distortion + rate) of every example, nats.

    Averages over `draws` draws of q; unbiased for the bound at any number of them. Rates are closed forms where torch
    has one, else log q - log p at the draws.
    """
    check_count("draws", draws)
    check_count("batch_size", batch_size)
    check_split(split)
    columns: dict[str, list[Tensor]] = {}
    with evaluating(model):
        for inference in walks(model, split, draws, seed, batch_size, at):
            for name, value in parts(inference).items():
                columns.setdefault(name, []).append(value.double().cpu())
        return gathered({name: torch.cat(values) for name, values in columns.items()}, inference, draws)


def parts(inference: Inference) -> dict[str, Float[Tensor, " B"]]:
    """Distortion by likelihood and rate by latent, averaged over draws."""
    size = inference.axes.shape[-1]
    distortions = {f"distortion:{name}": -part.log_prob() for name, part in inference.likelihoods.items()}
    rates = {f"rate:{name}": latent.rate() for name, latent in inference.latents.items() if latent.has_rate}
    return {name: inference.expect(value).expand(size) for name, value in (distortions | rates).items()}


def gathered(columns: dict[str, Tensor], last: Inference, draws: int) -> Bound:
    """The bound from its parts; `last` is any inference of the pass, for what all have in common."""
    distortions = {name: PerExample(columns[f"distortion:{name}"]) for name in last.likelihoods}
    rates = {name: PerExample(columns[f"rate:{name}"]) for name in last.latents if f"rate:{name}" in columns}
    unpriced = tuple(name for name in last.latents if name not in rates)
    distortion = total(part.values for part in distortions.values())
    rate = None if unpriced else total([torch.zeros_like(distortion), *(part.values for part in rates.values())])
    return Bound(
        PerExample(distortion),
        None if rate is None else PerExample(rate),
        None if rate is None else PerExample(-(distortion + rate)),
        distortions,
        rates,
        {name: closed_form(last.latents[name]) for name in rates},
        frozenset(below_draws(last.latents)),
        unpriced,
        bool(rates)
        and all(isinstance(latent.posterior, PointMass) for latent in last.latents.values())
        and not unpriced,
        frozenset(name for name in rates if not all(is_exact(step.prior) for step in last.latents[name].steps)),
        tuple(uncovering(last)),
        draws,
    )


def closed_form(latent: Latent) -> bool:
    """Whether the latent's rate is computed without its draws."""
    return all(step.analytic or step.posterior is None for step in latent.steps)


def below_draws(latents: Mapping[str, Latent]) -> Iterator[str]:
    """Latents that stand below a drawn one: after it, beside one that was proposed first, or over time after itself."""
    drawn = any(latent.proposed and is_drawn(latent) for latent in latents.values())
    for name, latent in latents.items():
        if drawn or (len(latent.steps) > 1 and is_drawn(latent)):
            yield name
        drawn = drawn or is_drawn(latent)


def is_drawn(latent: Latent) -> bool:
    """Whether its value is drawn from a posterior that is no single point."""
    return any(s.choice.drawn is not False and not isinstance(s.posterior, PointMass) for s in latent.steps)


def check_weighable(inference: Inference) -> None:
    """Every latent must have a rate: without one there is no weight, and no likelihood."""
    without = [name for name, latent in inference.latents.items() if not latent.has_rate]
    if without:
        raise ValueError(
            f"log p(x) needs a prior and a posterior that draws, latent {without[0]!r} lacks one: "
            "a deterministic code has a distortion alone"
        )
    if names := uncovering(inference):
        raise ValueError(
            f"log p(x) needs a posterior with density wherever the prior has mass, that of latent {names[0]!r} has none "
            "outside its box: draws never see what lies there, so their weights have no estimate; the ELBO is one bound"
        )


def uncovering(inference: Inference) -> list[str]:
    """Latents whose posterior misses mass of the prior."""
    return [
        name
        for name, latent in inference.latents.items()
        if any(step.posterior is not None and misses_mass(step.posterior) for step in latent.steps)
    ]
