"""How the codes of all examples fill a latent: what they tell, how they hang together, how far they stray."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from rich.table import Table
from rich.text import Text
from torch import Tensor
from torch.distributions import Distribution

from vaekit.data import Split
from vaekit.distributions import (
    concatenated,
    log_aggregate,
    log_aggregate_and_marginals,
    log_prob_per_element,
    rows,
)
from vaekit.distributions.elements import without_independence
from vaekit.distributions.parameters import expanded_parameters
from vaekit.distributions.tails import middle_of
from vaekit.evaluation.figure import LOWER, NATS, UPPER, WRITTEN, Figure, Known
from vaekit.evaluation.likelihood import PerExample
from vaekit.evaluation.passes import batches, check_count, evaluating
from vaekit.models.inference import Latent
from vaekit.models.model import Model
from vaekit.models.statistics import ACTIVE
from vaekit.training.noise import seed_at
from vaekit.training.step import Choices

__all__ = ["Aggregate", "ByElement", "aggregate_posterior"]

AT_ONCE = 500  # examples in one walk
NEAR = 0.1  # nats from log N, within which the information is about as high as it can come out
PICKING, POINTS = 5, 6  # streams of random numbers
SAME = 1e-5  # by how much parameters that a network makes of one state may differ from row to row
SHOWN = 40  # elements that have a line each


@dataclass(frozen=True, eq=False)
class ByElement:
    """What each element of a latent (*event) does, nats, and the variance over examples of E[z_d|x].

    E KL(q(z_d|x)||p(z_d)) is `rate`, I(x; z_d) `information` and KL(q(z_d)||p(z_d)) `departure`: the first is the sum of
    the others. An element that has collapsed tells nothing; one that departs without telling costs nats for nothing.
    """

    rate: Float[Tensor, "*event"]
    information: Float[Tensor, "*event"]
    departure: Float[Tensor, "*event"]
    variance: Float[Tensor, "*event"]

    @property
    def active(self) -> Tensor:
        """Whether the variance exceeds 0.01 (*event); Burda et al. 2016, sec. 5.2."""
        return self.variance > ACTIVE

    def table(self, latent: str) -> Table:
        """For people: the elements that cost most, one a line."""
        order = self.rate.flatten().argsort(descending=True)
        shown, left = order[:SHOWN], order[SHOWN:]
        rest = f"{len(left)} others: {float(self.rate.flatten()[left].sum()):.2f} nats" if len(left) else None
        table = Table(title=f"dimensions of {latent}, nats", caption=rest)
        for column in ("", "rate", "tells of x", "off the prior", Text("variance of E[z|x]"), ""):
            table.add_column(column, justify="right")
        columns = [t.flatten()[shown].tolist() for t in (self.rate, self.information, self.departure, self.variance)]
        for i, active, *values in zip(shown.tolist(), self.active.flatten()[shown].tolist(), *columns, strict=True):
            table.add_row(str(i), *(f"{value:.3f}" for value in values), "active" if active else "collapsed")
        return table


@dataclass(frozen=True, eq=False)
class Aggregate:
    """The aggregate posterior q(z) = (1/N) sum_n q(z|x_n) of a latent, over N = `examples`, at draws from M of them.

    rate = I(x; z) + KL(q(z)||p(z)) and, where the prior factorises, KL(q(z)||p(z)) = TC + sum_d KL(q(z_d)||p(z_d)) with
    TC = KL(q(z)||prod_d q(z_d)): Hoffman & Johnson 2016; Chen et al. 2018, eq. 2. Each is a mean of M values, nats, by the
    full sum over N. `dimension_wise` and `by_element` are None where the prior does not factorise.

    That is exact for the N examples, of which none can be told from the others by more than log N. Of the data that they
    were drawn from, `information` is a lower bound on average, and `information_above`, which leaves a draw's own
    posterior out of q(z), an upper one (Poole et al. 2019).
    """

    latent: str
    examples: int
    rate: PerExample
    information: PerExample
    information_above: PerExample
    divergence: PerExample
    total_correlation: PerExample
    dimension_wise: PerExample | None
    by_element: ByElement | None

    @property
    def cap(self) -> float:
        """log N, nats."""
        return math.log(self.examples)

    @property
    def saturated(self) -> bool:
        """Whether the information is within 0.1 nats of its cap: then it is a lower bound and no estimate."""
        return self.information.mean > self.cap - NEAR

    def figures(self) -> dict[str, Figure]:
        """Each with what can be known of it."""
        of, n = f" of {self.latent}", f"{self.examples:,} examples"
        capped = f"at most log N = {self.cap:.2f}" + (", and at it: a lower bound" if self.saturated else "")
        below, above = (LOWER, UPPER) if self.saturated else (None, None)
        told = {
            f"mutual information{of}": figure(self.information, f"I(x; z) over {n}, {capped}", below),
            f"mutual information{of}, from above": figure(
                self.information_above, "the same, each code's own posterior left out of q(z)", UPPER
            ),
            f"aggregate KL{of}": figure(self.divergence, f"KL(q(z) || p(z)), q(z) over {n}", above),
            f"total correlation{of}": figure(self.total_correlation, "KL(q(z) || prod_d q(z_d))", above),
        }
        if self.dimension_wise is not None:
            told[f"dimension-wise KL{of}"] = figure(self.dimension_wise, "sum_d KL(q(z_d) || p(z_d))", None)
        return told

    def to_dict(self) -> dict[str, Any]:
        """What figures do not say, as JSON has it; elements where there are no more than 4,096."""
        told = {"latent": self.latent, "examples": self.examples, "points": len(self.rate.values), "cap": self.cap}
        each = self.by_element
        if each is None or each.rate.numel() > WRITTEN:
            return told
        return {
            **told,
            "by_element": {**{n: t.tolist() for n, t in vars(each).items()}, "active": each.active.tolist()},
        }

    def table(self) -> Table | None:
        """For people: each element of the latent, the highest rate first; None where there are no such figures."""
        return None if self.by_element is None else self.by_element.table(self.latent)


def aggregate_posterior(
    model: Model,
    split: Split,
    *,
    latent: str | None = None,
    n: int = 10_000,
    points: int = 1000,
    seed: int = 0,
    at: Choices | None = None,
) -> Aggregate:
    """The terms of a latent's rate over up to `n` examples, averaged over about `points` draws of q(z|x).

    A draw for each of as many examples, or several for each where there are fewer. O(n points) log-densities of posteriors.
    `latent`: by default the first that is suited. ValueError, in a sentence, for one that is not: discrete, a
    deterministic code, without one prior for all examples, or whose posterior does not factorise.
    """
    check_count("n", n)
    check_count("points", points)
    if min(n, len(split)) < 2:
        raise ValueError(f"an aggregate posterior needs at least 2 examples, got {min(n, len(split))}")
    picked = torch.randperm(len(split), generator=torch.Generator().manual_seed(seed_at(seed, PICKING)))[:n]
    name, found = latent, list[Distribution]()
    with evaluating(model):
        for batch in batches(model, split.select(picked), AT_ONCE, seed_at(seed, POINTS), at):
            inference = model.infer(batch.data, batch.context, at=batch.at)
            name = first_suited(inference.latents) if name is None else name
            q, p = suited(name, inference.latents)
            found.append(q)
        assert name is not None
        return decomposed(name, concatenated(found), p, points)


def decomposed(latent: str, q: Distribution, p: Distribution, points: int) -> Aggregate:
    """The terms under the N posteriors q, at draws of the first ones: of so many, or several of all where N is less."""
    n, m = q.batch_shape[0], min(points, q.batch_shape[0])
    own = torch.arange(m).repeat(points // m)
    of_own = rows(q, own)
    z = of_own.sample()
    log_own, each_own = of_own.log_prob(z).double(), log_prob_per_element(of_own, z).double()
    joint, each = (t.double() for t in log_aggregate_and_marginals(q, z))
    others = log_aggregate(q, z, weights_of_others(own, n).to(z)).double()
    log_p, each_p = p.log_prob(z).double(), log_prob_per_element(p, z).double()
    apart = each_p.shape == each.shape
    return Aggregate(
        latent,
        n,
        rate=per_example(log_own - log_p, m),
        information=per_example(log_own - joint, m),
        information_above=per_example(log_own - others, m),
        divergence=per_example(joint - log_p, m),
        total_correlation=per_example(joint - each.flatten(1).sum(1), m),
        dimension_wise=per_example((each - each_p).flatten(1).sum(1), m) if apart else None,
        by_element=by_element(each_own, each, each_p, q) if apart else None,
    )


def weights_of_others(own: Tensor, n: int) -> Float[Tensor, "M N"]:
    """log 1/(N-1) for every posterior but a draw's own, whose weight is 0."""
    weights = torch.full((len(own), n), -math.log(n - 1), dtype=torch.float64)
    return weights.scatter_(1, own.unsqueeze(1), -math.inf)


def by_element(own: Tensor, each: Tensor, prior: Tensor, q: Distribution) -> ByElement:
    """From log q(z_d|x), log q(z_d) and log p(z_d) at the draws, (M, *event)."""
    terms = ((own - prior).mean(0), (own - each).mean(0), (each - prior).mean(0))
    rate, information, departure = (term.cpu() for term in terms)
    return ByElement(rate, information, departure, middle_of(q).double().var(0, correction=0).cpu())


def figure(of: PerExample, what: str, bound: Known | None) -> Figure:
    """The mean over examples, with its standard error."""
    return Figure(of.mean, NATS, what, of.standard_error, bound)


def per_example(values: Tensor, m: int) -> PerExample:
    """The average over the draws of each of `m` examples."""
    return PerExample(values.view(-1, m).mean(0).cpu())


def first_suited(latents: dict[str, Latent]) -> str:
    """The first latent that has an aggregate posterior, else the first of all."""
    return next((name for name, latent in latents.items() if unsuited(latent) is None), next(iter(latents), ""))


def suited(name: str, latents: dict[str, Latent]) -> tuple[Distribution, Distribution]:
    """Posteriors of the examples and the prior of the latent of that name, which must have an aggregate posterior."""
    if name not in latents:
        raise ValueError(f"latent must be one of {', '.join(latents)}, got {name!r}")
    why = unsuited(latents[name])
    if why is not None:
        raise ValueError(
            f"an aggregate posterior needs a continuous latent of each example under one prior: {name!r} {why}"
        )
    q, p = latents[name].posterior, latents[name].prior
    assert q is not None
    assert p is not None
    return q, p if not p.batch_shape else rows(p, 0)


def unsuited(latent: Latent) -> str | None:
    """Why a latent has no aggregate posterior to speak of; None where it has."""
    q, p = latent.posterior, latent.prior
    if latent.timed:
        return "has a value at every step"
    if latent.discrete:
        return "is discrete"
    if latent.computed:
        return "is a deterministic code"
    if q is None or p is None:
        return "has no posterior here" if q is None else "has no prior"
    if latent.leading != 1 or len(q.batch_shape) != 1:
        return "depends on what others were enumerated or drawn as"
    if without_independence(q).event_shape:
        return f"has a posterior that does not factorise, {type(without_independence(q)).__name__}"
    return None if is_one(p) else "has another prior for each example"


def is_one(p: Distribution) -> bool:
    """Whether a prior is the same for all examples."""
    if not p.batch_shape:
        return True
    try:
        return all(torch.allclose(t, t[:1].expand_as(t), SAME, SAME) for t in expanded_parameters(p).values())
    except ValueError:  # of a kind that does not name its parameters
        return False
