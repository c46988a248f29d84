"""The likelihood by annealed importance sampling: a stochastic lower bound, and an upper one where z is known."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from vaekit.data import Split
from vaekit.distributions.hamiltonian import first_step, hamiltonian_move, tuned
from vaekit.evaluation.bridge import Bridge, bridge
from vaekit.evaluation.figure import NATS, Figure, finite
from vaekit.evaluation.likelihood import PerExample, fitting
from vaekit.evaluation.passes import Batch, batches, check_count, check_split, evaluating
from vaekit.models.choices import FromPrior, Infer, Observe
from vaekit.models.model import Model
from vaekit.training.step import Choices

__all__ = ["AnnealedLikelihood", "Annealing", "Bidirectional", "annealed_likelihood", "bidirectional"]

STEEPNESS = 4.0  # of the sigmoid: it runs from -4 to 4
PILOT, SETTLING = 100, 20  # steps in which lengths of moves are learned, and more before them at the first
ROWS = 1 << 12  # chains at a time, at most


@dataclass(frozen=True)
class Annealing:
    """In `steps` from p0(z) to p(x, z), by `chains` of moves with `leapfrogs` gradients each, for every example.

    `start`: p0, `FromPrior()` for p(z) or `Infer()` for q(z|x).
    """

    steps: int = 1000
    chains: int = 16
    leapfrogs: int = 10
    start: FromPrior | Infer = FromPrior()  # noqa: RUF009  (frozen)

    def __post_init__(self) -> None:
        for name in ("steps", "chains", "leapfrogs"):
            check_count(name, getattr(self, name))
        if self.start not in (FromPrior(), Infer()):
            raise ValueError(f"start must be FromPrior() or Infer(), got {self.start}")

    def schedule(self) -> list[float]:
        """The share of p(x, z) at each step, 0 to 1 along a sigmoid: slow where densities change most."""
        ends = [1 / (1 + math.exp(-STEEPNESS * (2 * t / self.steps - 1))) for t in range(self.steps + 1)]
        return [(b - ends[0]) / (ends[-1] - ends[0]) for b in ends]

    def __str__(self) -> str:
        start = "" if self.start == FromPrior() else ", from q(z|x)"
        return f"{self.steps:,} steps, {self.chains:,} chain{'s' if self.chains > 1 else ''}{start}"


@dataclass(frozen=True, eq=False)
class AnnealedLikelihood:
    """log (1/K) sum_k w_k of every example over K chains, E w = p(x): below log p(x) on average, a stochastic lower bound.

    `acceptance` (N,): the share of moves that were accepted.
    """

    per_example: PerExample
    acceptance: Float[Tensor, " N"]
    settings: Annealing

    @property
    def mean(self) -> float:
        """Nats per example."""
        return self.per_example.mean

    @property
    def standard_error(self) -> float:
        """Over the examples, nats."""
        return self.per_example.standard_error

    @property
    def figure(self) -> Figure:
        """The mean, and what it is."""
        what = f"lower bound of log p(x), annealed importance sampling: {self.settings}"
        return Figure(self.mean, NATS, what, self.standard_error)

    def to_dict(self) -> dict[str, Any]:
        """How it was made, as JSON has it."""
        made = {name: getattr(self.settings, name) for name in ("steps", "chains", "leapfrogs")}
        start = "p(z)" if self.settings.start == FromPrior() else "q(z|x)"
        return {**made, "start": start, "acceptance": finite(float(self.acceptance.mean()))}


@dataclass(frozen=True, eq=False)
class Bidirectional:
    """Bounds of log p(x) from below and above, nats, of examples that the model generated, so that z given x is known.

    Each holds on average over chains; `gap`, the upper less the lower, is at least how far annealing stays below
    log p(x) on such examples.
    """

    lower: PerExample
    upper: PerExample
    acceptance: Float[Tensor, " N"]
    settings: Annealing

    @property
    def gap(self) -> PerExample:
        """The upper bound less the lower, of every example."""
        return PerExample(self.upper.values - self.lower.values)

    @property
    def figure(self) -> Figure:
        """The mean gap, and what it is."""
        gap, n = self.gap, len(self.lower.values)
        what = f"upper less lower bound of log p(x), annealing {n:,} generated example{'s' if n > 1 else ''} back and forth"
        return Figure(gap.mean, NATS, what, gap.standard_error)

    def to_dict(self) -> dict[str, Any]:
        """Both bounds, as JSON has them."""
        examples, unit = len(self.lower.values), NATS
        return {"examples": examples, "unit": unit, "lower": finite(self.lower.mean), "upper": finite(self.upper.mean)}


def annealed_likelihood(
    model: Model,
    split: Split,
    settings: Annealing = Annealing(),
    *,
    seed: int = 0,
    batch_size: int | None = None,
    at: Choices | None = None,
) -> AnnealedLikelihood:
    """Annealed importance sampling of log p(x): Neal 2001, with Hamiltonian moves as in Wu et al. 2017.

    For models whose latents are points of real spaces under densities, one or several, one below the other or along
    time; else ValueError. `at` may observe latents. The lengths of moves are learned for each example in a pilot with
    noise of its own and then held, since chains that adapt as they go have weights that average to something else.
    Examples are taken `batch_size` at a time (by default as many as fit the cache with their chains).
    """
    values, accepted = list[Tensor](), list[Tensor]()
    with evaluating(model):
        size = examples_at_once(model, split, settings, batch_size)
        for batch in batches(model, split, size, seed, at):
            way = bridge(model, batch, settings.chains, settings.start)
            log_w, acceptance = travel(way, way.draw(), settings.schedule(), learned_lengths(way, settings), settings)
            values.append(log_mean_exp(log_w))
            accepted.append(acceptance)
    return AnnealedLikelihood(PerExample(torch.cat(values).cpu()), torch.cat(accepted).cpu(), settings)


def bidirectional(
    model: Model,
    split: Split,
    settings: Annealing = Annealing(),
    *,
    n: int = 20,
    seed: int = 0,
    batch_size: int | None = None,
    at: Choices | None = None,
) -> Bidirectional:
    """Annealing forth and back on examples that the model generates; Grosse et al. 2015; Wu et al. 2017.

    As many as the first `n` of the split, which gives their contexts and how many steps sequences take. What an example
    was generated from is one draw of p(z|x): all chains back start there, and 1 / w averages to 1 / p(x) over them.
    """
    check_count("n", n)
    lower, upper, accepted = list[Tensor](), list[Tensor](), list[Tensor]()
    with evaluating(model):
        size = examples_at_once(model, split, settings, batch_size)
        for batch in batches(model, split.first(n), size, seed, at):
            simulated, z = generated(model, batch)
            way, there = bridge(model, simulated, settings.chains, settings.start), settings.schedule()
            lengths = learned_lengths(way, settings)
            forth, _ = travel(way, way.draw(), there, lengths, settings)
            known = way.flat(z).repeat_interleave(settings.chains, 0)
            back, acceptance = travel(way, known, there[::-1], lengths.flip(0), settings)
            lower.append(log_mean_exp(forth))
            upper.append(-log_mean_exp(back))
            accepted.append(acceptance)
    below, above = (PerExample(torch.cat(values).cpu()) for values in (lower, upper))
    return Bidirectional(below, above, torch.cat(accepted).cpu(), settings)


def travel(
    way: Bridge, z: Float[Tensor, "R D"], shares: Sequence[float], lengths: Float[Tensor, "S B"], settings: Annealing
) -> tuple[Float[Tensor, "B K"], Float[Tensor, " B"]]:
    """log w of every chain along `shares` of p(x, z), nats, and how many of an example's moves were accepted.

    w = prod_t f_t(z_(t-1)) / f_(t-1)(z_(t-1)), where z_t is moved by what leaves f_t as it is: E w is the normaliser of
    the last f over that of the first, if z is drawn from the first; Neal 2001, eq. 11. `lengths` of moves at all shares
    but the ends.
    """
    log_w = torch.zeros(len(z), dtype=torch.float64, device=z.device)
    accepted = torch.full_like(z[:, 0], 0.0 if len(lengths) else math.nan)
    for i, (now, then) in enumerate(pairwise(shares)):
        log_w += (then - now) * way.log_ratio(z)
        if i < len(lengths):
            by = lengths[i].repeat_interleave(settings.chains)
            z, chance = hamiltonian_move(way.log_density(then), z, by, settings.leapfrogs)
            accepted += chance / len(lengths)
    return log_w.view(-1, settings.chains), accepted.view(-1, settings.chains).mean(1)


def learned_lengths(way: Bridge, settings: Annealing) -> Float[Tensor, "S B"]:
    """The length of a leapfrog step for each example at all shares but the ends, from a pilot of 100 steps.

    Tuned from step to step towards an acceptance of 0.65, of all chains of the example together.
    """
    z = way.draw()
    length = torch.full((len(z) // settings.chains,), first_step(z.shape[1]), dtype=z.dtype, device=z.device)
    shares, found = replace(settings, steps=PILOT).schedule()[1:-1], []
    for share in [shares[0]] * SETTLING + shares:
        by = length.repeat_interleave(settings.chains)
        z, chance = hamiltonian_move(way.log_density(share), z, by, settings.leapfrogs)
        length = tuned(length, chance.view(-1, settings.chains).mean(1))
        found.append(length)
    times = torch.arange(1, settings.steps) * (PILOT / settings.steps)
    return torch.stack(found[SETTLING:])[(times.round().long() - 1).clamp(0, PILOT - 2)]


def generated(model: Model, batch: Batch) -> tuple[Batch, dict[str, Tensor]]:
    """Examples drawn from the model in the contexts of a batch, and the latents they were drawn from.

    Latents that the batch observes are observed at what was drawn.
    """
    seen = model.infer(batch.data, batch.context, at=batch.at, default=FromPrior())
    x = next(iter(batch.data.values()))
    timed = any(likelihood.timed for likelihood in seen.likelihoods.values())
    drawn = model.generate(len(x), batch.context, length=x.shape[1] if timed else None)
    data = {name: likelihood.value for name, likelihood in drawn.likelihoods.items()}
    at = {name: Observe(drawn.latents[name].value) for name in batch.at or {}}
    return Batch(data, batch.context, at), {name: latent.value for name, latent in drawn.latents.items()}


def log_mean_exp(log_w: Float[Tensor, "B K"]) -> Float[Tensor, " B"]:
    """log (1/K) sum_k w_k."""
    return log_w.logsumexp(1) - math.log(log_w.shape[1])


def examples_at_once(model: Model, split: Split, settings: Annealing, asked: int | None) -> int:
    """How many examples to take at a time, as asked for or as fit with their chains; to be asked inside `evaluating`."""
    check_split(split)
    if asked is not None:
        check_count("batch_size", asked)
        return asked
    one = next(batches(model, split.first(1), 1, 0, None))
    return max(1, min(ROWS, fitting(one.data)) // settings.chains)
