"""What happens at a latent, chosen by name at the call: infer, draw from the prior, observe, enumerate, set."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.distributions import Distribution

from vaekit.distributions.of_symbols import OfSymbols
from vaekit.distributions.sphere import is_curved, nearest_value
from vaekit.distributions.tails import middle_of
from vaekit.distributions.tempered import narrowed, tempered
from vaekit.models.axes import Axes
from vaekit.models.given_values import check_rows, check_value, step_of
from vaekit.models.sequences import along_time

if TYPE_CHECKING:
    from vaekit.models.inference import Latent

__all__ = ["Along", "Choice", "Draw", "Enumerate", "Free", "FromPrior", "Infer", "Mean", "Observe", "Set"]

Posterior = Callable[[], Distribution]


class Choice(ABC):
    """One way to give a latent its value, and what that value then costs."""

    @abstractmethod
    def take(self, latent: "Latent", axes: Axes, posterior: Posterior | None) -> None:
        """Set the latent's value (and posterior), opening an axis where the choice has several values."""

    @abstractmethod
    def rate_elements(self, latent: "Latent") -> Tensor:
        """Rate before it is summed: (..., B, [T,] elements of the latent), nats."""

    @abstractmethod
    def log_ratio_elements(self, latent: "Latent") -> Tensor:
        """log q - log p at the value, before it is summed, nats; its average is the rate."""

    def at_step(self, t: int | Tensor) -> "Choice":
        """The same choice at step t of a sequence, or at step t[b] in each row b."""
        return self

    def where_inferring_is(self, meant: "Choice") -> "Choice":
        """The same choice at a latent where to infer is to do as `meant`."""
        return meant if self == Infer() else self

    def check(self, who: str, event: Sequence[int | None], leading: Sequence[int]) -> None:
        """Raise ValueError where this cannot happen at the latent `who` (*leading, *event); None is any size."""

    @property
    def observed(self) -> Tensor | bool:
        """Which rows (B,) are data."""
        return False

    @property
    def drawn(self) -> Tensor | bool:
        """Which rows (B,) are draws from the posterior."""
        return False

    def proposal(self) -> "Choice":
        """What stands in for it where the prior is not known yet (`Walk.propose`); itself where it needs no prior."""
        return self

    def ahead(self) -> "Choice":
        """What stands in for it at steps that lie ahead of the data; itself where it needs no posterior."""
        return self


@dataclass(frozen=True)
class Infer(Choice):
    """Draw from the posterior; the rate is KL(q || p)."""

    def take(self, latent: "Latent", axes: Axes, posterior: Posterior | None) -> None:
        """A pathwise draw where the family has one."""
        latent.posterior = wanted(posterior, latent.name, "inferred")()
        latent.value, latent.log_q = axes.draw(latent.posterior)

    def ahead(self) -> Choice:
        """A draw from the prior."""
        return FromPrior()

    def rate_elements(self, latent: "Latent") -> Tensor:
        """The closed form where one is registered, else log q - log p at the draw, as always where it is proposed."""
        return latent.divergence_elements()

    def log_ratio_elements(self, latent: "Latent") -> Tensor:
        """At the draw."""
        return latent.density_ratio_elements()

    @property
    def drawn(self) -> Tensor | bool:
        """All of them."""
        return True


@dataclass(frozen=True)
class Draw(Infer):
    """Draw one value from the posterior, also of a latent that is summed where it is inferred."""


@dataclass(frozen=True)
class Mean(Infer):
    """Take the posterior's mean instead of a draw: for codes and reconstructions.

    On a sphere it is the mean direction. The rate is that of q, given the values of the other latents.
    """

    @property
    def drawn(self) -> Tensor | bool:
        """None."""
        return False

    def take(self, latent: "Latent", axes: Axes, posterior: Posterior | None) -> None:
        """No noise; a discrete family gives its mode."""
        q = latent.posterior = wanted(posterior, latent.name, "inferred")()
        latent.value = typical_of(q)

    def rate_elements(self, latent: "Latent") -> Tensor:
        """The closed form where one is registered, else log q - log p at the mean."""
        return latent.conditional_divergence_elements()

    def ahead(self) -> Choice:
        """The prior's mean."""
        return FromPrior(0.0)


class Free(Choice):
    """A value that nothing is known of and that costs nothing."""

    def rate_elements(self, latent: "Latent") -> Tensor:
        """Zero."""
        return latent.nothing()

    def log_ratio_elements(self, latent: "Latent") -> Tensor:
        """Zero."""
        return latent.nothing()


@dataclass(frozen=True)
class FromPrior(Free):
    """Draw from the prior, at a temperature: its scales are multiplied by it, or its logits divided.

    At temperature 0 the value is the prior's mean, or the mode of a discrete one. There is no density then, so no
    importance weight: ValueError. A prior over symbols may be cut to the `top_k` likeliest of each, or to the fewest that
    have at least `top_p` together.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None

    def take(self, latent: "Latent", axes: Axes, posterior: Posterior | None) -> None:
        """Ancestral sampling, one value for each row."""
        if latent.prior is None:
            raise ValueError(f"latent {latent.name!r} has no prior to draw from: give the model one")
        if self.temperature == 0:
            middle = typical_of(latent.prior)
            latent.value = middle.expand(*axes.shape[: len(axes.shape) - len(latent.prior.batch_shape)], *middle.shape)
        else:
            latent.value, latent.log_q = axes.draw(self._changed(latent.prior))

    def log_ratio_elements(self, latent: "Latent") -> Tensor:
        """log of the prior at the temperature over the prior, at the draw."""
        if self == FromPrior():
            return latent.nothing()
        if self.temperature == 0:
            raise ValueError(f"latent {latent.name!r} has no importance weight at temperature 0: draw it above 0")
        assert latent.prior is not None
        return latent.density_ratio_elements(self._changed(latent.prior))

    def _changed(self, prior: Distribution) -> Distribution:
        """The prior at the temperature, cut to the likeliest symbols."""
        return narrowed(tempered(prior, self.temperature), self.top_k, self.top_p)

    def proposal(self) -> Choice:
        """A draw from the posterior; its mean at temperature 0, where nothing is drawn."""
        return Mean() if self.temperature == 0 else Infer()


@dataclass(frozen=True)
class Set(Free):
    """Give the latent this value from outside (*leading, *event).

    Where its prior lies on a sphere, the value counts by its direction: paths and sums of codes lead back to it.
    """

    value: Tensor

    def take(self, latent: "Latent", axes: Axes, posterior: Posterior | None) -> None:
        """The value as given, or the nearest that the latent can have."""
        latent.value = self.value if latent.prior is None else nearest_value(latent.prior, self.value)

    def check(self, who: str, event: Sequence[int | None], leading: Sequence[int]) -> None:
        """The value must be (*leading, *event), or lack the first of these axes."""
        check_value(self.value, who, event, leading)

    def at_step(self, t: int | Tensor) -> "Choice":
        """The value at step t, from (B, T, *event)."""
        return Set(step_of(self.value, t))


@dataclass(frozen=True)
class Enumerate(Choice):
    """Take every value of a finite latent along a new axis, weighed by the posterior; sums over it are exact."""

    def take(self, latent: "Latent", axes: Axes, posterior: Posterior | None) -> None:
        """The support, (E, *shape, *event)."""
        q = latent.posterior = wanted(posterior, latent.name, "enumerated")()
        if not q.has_enumerate_support:
            raise ValueError(f"latent {latent.name!r} cannot be enumerated: {type(q).__name__} has no finite support")
        support = q.enumerate_support(expand=False)
        size = support.shape[0]
        blank = support.reshape(size, *(1,) * len(axes.shape), *q.event_shape)
        latent.value = blank.expand(size, *axes.shape, *q.event_shape)
        latent.log_q = q.log_prob(latent.value)
        axes.open(size, latent.log_q)

    def rate_elements(self, latent: "Latent") -> Tensor:
        """The closed form where one is registered, else log q - log p at each value."""
        return latent.divergence_elements()

    def log_ratio_elements(self, latent: "Latent") -> Tensor:
        """At each value."""
        return latent.density_ratio_elements()

    def at_step(self, t: int | Tensor) -> "Choice":
        """Refused: one axis for every step would grow without bound."""
        raise ValueError("a latent inside a Scan cannot be enumerated: E values at T steps are E^T rows")


class Along(Choice):
    """What happened at the steps of a sequence, one latent each; figures are stacked along time, behind the batch.

    `every` step: those of the data, `known` ones, then those ahead of them, whose figures are zero. `order` (B, T): which
    of them has its value at each place of a row; None where each has its own.
    """

    def __init__(self, every: Sequence["Latent"], known: int, order: Tensor | None) -> None:
        self.every, self.known, self.order = every, known, order
        self.steps = every if order is None else every[: order.shape[1]]

    def take(self, latent: "Latent", axes: Axes, posterior: Posterior | None) -> None:
        """The steps' values."""
        latent.value = along_time([step.value for step in self.every], self.order, self.every[0].event_rank)

    def rate_elements(self, latent: "Latent") -> Tensor:
        """The steps' rates."""
        return self._stack(latent, lambda step: step.rate_elements)

    def log_ratio_elements(self, latent: "Latent") -> Tensor:
        """The steps' log q - log p."""
        return self._stack(latent, lambda step: step.choice.log_ratio_elements(step))

    def _stack(self, latent: "Latent", figure: Callable[["Latent"], Tensor]) -> Tensor:
        elements = [figure(step) if t < self.known else step.nothing() for t, step in enumerate(self.steps)]
        whole = torch.broadcast_tensors(*split_alike(elements, latent.event_rank))
        return torch.stack(whole, dim=whole[0].ndim - latent.event_rank)


@dataclass(frozen=True)
class Observe(Choice):
    """The latent is data: `value` (B, *event), in the rows where `where` (B,) is True (all, if None).

    An observed row costs -log p(value), as q is then all on that value; the other rows do as `otherwise` says, or are
    inferred. Where that opens an axis, an observed row stands along it in equal copies.
    """

    value: Tensor
    where: Tensor | None = None
    otherwise: Choice | None = None

    @property
    def rest(self) -> Choice:
        """What happens in the other rows."""
        return Infer() if self.otherwise is None else self.otherwise

    def check(self, who: str, event: Sequence[int | None], leading: Sequence[int]) -> None:
        """The value must be (B, *event), and `where` a mask of the rows (B,)."""
        check_value(self.value, who, event, leading)
        check_rows(self.where, who, leading[-1])
        self.rest.check(who, event, leading)

    def where_inferring_is(self, meant: "Choice") -> "Choice":
        """Rows that are inferred do as `meant`."""
        return replace(self, otherwise=self.rest.where_inferring_is(meant))

    def take(self, latent: "Latent", axes: Axes, posterior: Posterior | None) -> None:
        """The value in its rows, what `otherwise` gives in the rest."""
        latent.asked = posterior
        if self.where is None:
            latent.value = self.value
            return
        before, measure = axes.shape, axes.log_measure
        self.rest.take(latent, axes, posterior)
        mask = self.where.reshape(*self.where.shape, *(1,) * latent.event_rank)
        latent.value = torch.where(mask, self.value, latent.value)
        opened = len(axes.shape) - len(before)
        if opened:
            assert axes.log_measure is not None
            copies = torch.tensor(-math.log(math.prod(axes.shape[:opened])), dtype=torch.float64)
            old = copies if measure is None else copies + measure
            axes.log_measure = torch.where(self.where, old.to(axes.log_measure), axes.log_measure)

    @property
    def observed(self) -> Tensor | bool:
        """Those that `where` says."""
        return True if self.where is None else self.where

    @property
    def drawn(self) -> Tensor | bool:
        """Those among the rest that `otherwise` draws."""
        return False if self.where is None or self.rest.drawn is False else ~self.where & self.rest.drawn

    def rate_elements(self, latent: "Latent") -> Tensor:
        """-log p(value) in the observed rows."""
        return self._choose(latent, self.rest.rate_elements)

    def log_ratio_elements(self, latent: "Latent") -> Tensor:
        """-log p(value) in the observed rows: q has no entropy there."""
        return self._choose(latent, self.rest.log_ratio_elements)

    def at_step(self, t: int | Tensor) -> "Choice":
        """Value and mask at step t, from (B, T, *event) and (B, T)."""
        where = None if self.where is None else step_of(self.where, t)
        return Observe(step_of(self.value, t), where, self.rest.at_step(t))

    def proposal(self) -> Choice:
        """The value in its rows, and in the rest what stands in for `otherwise`."""
        rest = self.rest
        stand_in = rest.proposal()
        return self if self.where is None or stand_in is rest else replace(self, otherwise=stand_in)

    def ahead(self) -> Choice:
        """The value in its rows, and in the rest what stands in for `otherwise`."""
        return replace(self, otherwise=self.rest.ahead())

    def _choose(self, latent: "Latent", otherwise: Callable[["Latent"], Tensor]) -> Tensor:
        surprise = -latent.prior_elements()
        if self.where is None:
            return surprise
        where = self.where.reshape(*self.where.shape, *(1,) * latent.event_rank)
        observed, rest = split_alike([surprise, otherwise(latent)], latent.event_rank)
        return torch.where(where, observed, rest)


def split_alike(figures: Sequence[Tensor], event_rank: int) -> Sequence[Tensor]:
    """Figures of one latent as they are where all split over its elements alike, else each summed to axes of size 1."""
    if event_rank == 0 or all(f.shape[-event_rank:] == figures[0].shape[-event_rank:] for f in figures):
        return figures
    return [f.sum(tuple(range(-event_rank, 0)), keepdim=True) for f in figures]


def typical_of(d: Distribution) -> Tensor:
    """The mean of d, or the mode where the mean is no value of d: of a discrete family, on a sphere, and of heavy tails.

    Of symbols in order the likeliest of each, given those before.
    """
    if isinstance(d, OfSymbols):
        return narrowed(d, top_k=1).sample()
    value: Tensor = d.mode if is_discrete(d) or is_curved(d) else middle_of(d)
    return value


def is_discrete(d: Distribution) -> bool:
    """Whether d's values are whole numbers or codes, so that it has a mode rather than a mean."""
    return d.support is not None and d.support.is_discrete


def wanted(posterior: Posterior | None, name: str, how: str) -> Posterior:
    """The posterior, which a latent that is to be inferred must have."""
    if posterior is None:
        raise ValueError(f"latent {name!r} has no posterior and cannot be {how}: set it, observe it or draw it")
    return posterior
