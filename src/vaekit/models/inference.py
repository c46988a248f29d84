"""What one walk through a model leaves behind: everything an objective may ask for, nothing reduced."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.distributions import Distribution

from vaekit.distributions.elements import kl_per_element, log_prob_per_element, log_ratio
from vaekit.distributions.of_symbols import is_fitted
from vaekit.distributions.point_mass import PointMass, penalty_of
from vaekit.models.axes import Axes
from vaekit.models.choices import Along, Choice, Free, is_discrete

__all__ = ["Inference", "Latent", "Likelihood"]


class Record:
    """A named place in the graph. Its tensors have leading axes (..., B), then time where `timed`, then the event.

    Per-element figures always keep the event's rank; a family that does not factorise has axes of size 1 there.
    """

    def __init__(self, name: str, event_rank: int, mask: Tensor | None = None, timed: bool = False) -> None:
        self.name, self.event_rank, self.mask, self.timed = name, event_rank, mask, timed

    def masked(self, elements: Tensor) -> Tensor:
        """Zero at the steps that the mask (B, T) leaves out."""
        if self.mask is None:
            return elements
        return torch.where(self.mask.reshape(*self.mask.shape, *(1,) * self.event_rank), elements, 0.0)

    def total(self, elements: Tensor) -> Tensor:
        """Per-element figures summed to (..., B)."""
        inner = self.event_rank + self.timed
        return self.masked(elements).flatten(-inner).sum(-1) if inner else elements


class Likelihood(Record):
    """p(x | z) and the x it was shown (or, in generation, drew)."""

    def __init__(
        self, name: str, distribution: Distribution, value: Tensor, mask: Tensor | None = None, timed: bool = False
    ) -> None:
        super().__init__(name, len(distribution.event_shape), mask, timed)
        self.distribution, self.value = distribution, value

    def elements(self) -> Tensor:
        """log p(x|z) before independence is summed away, nats."""
        elements = log_prob_per_element(self.distribution, self.value)
        leading = max(len(self.distribution.batch_shape), self.value.ndim - self.event_rank)
        return kept(elements, leading, self.event_rank)

    def log_prob(self) -> Tensor:
        """log p(x|z) (..., B), nats."""
        return self.total(self.elements())


class Latent(Record):
    """A latent as the walk left it: its prior, posterior, value, and what the choice made there costs.

    `proposed`: other posteriors read its value before its prior was known. Its rate is then log q - log p at that
    value: a closed form would average over other values than those that its parents were inferred from.
    """

    def __init__(self, name: str, prior: Distribution | None, choice: Choice, event_rank: int = 1) -> None:
        super().__init__(name, event_rank if prior is None else len(prior.event_shape))
        self.prior, self.choice = prior, choice
        self.posterior: Distribution | None = None
        self.log_q: Tensor | None = None
        self.proposed = False
        self.asked: Callable[[], Distribution] | None = None
        self.value: Tensor
        self._rate_elements: Tensor | None = None

    @property
    def penalty(self) -> Tensor | None:
        """What the conditional charges for the value, of all steps together, (..., B); None where nothing."""
        charged = [penalty_of(step.posterior) for step in self.steps if step.posterior is not None]
        return total(known) if (known := [p for p in charged if p is not None]) else None

    @property
    def leading(self) -> int:
        """How many axes stand in front of the event (and time) in the value."""
        shown = self.posterior if self.posterior is not None else self.prior
        event_rank = self.event_rank if shown is None else len(shown.event_shape)
        return self.value.ndim - event_rank - self.timed

    @property
    def rate_elements(self) -> Tensor:
        """Rate before it is summed over the latent's elements (and time), nats."""
        if self._rate_elements is None:
            self._rate_elements = self.choice.rate_elements(self)
        return self._rate_elements

    def rate(self) -> Tensor:
        """Rate (..., B), nats per example."""
        return self.total(self.rate_elements)

    def log_ratio(self) -> Tensor:
        """log q(z) - log p(z) at the value, (..., B) nats: what the importance weight divides by."""
        return self.total(self.choice.log_ratio_elements(self))

    @property
    def steps(self) -> Sequence["Latent"]:
        """Its steps in order where it is timed, else itself alone."""
        return self.choice.steps if isinstance(self.choice, Along) else [self]

    @property
    def has_prior(self) -> bool:
        """Whether it has a prior that is meant to be drawn from, at every step."""
        return all(step.prior is not None and is_fitted(step.prior) for step in self.steps)

    @property
    def has_rate(self) -> bool:
        """Whether its value has a cost: it is drawn from q or observed, under a prior. A computed real code has none."""
        return all(isinstance(s.choice, Free) or (s.prior is not None and not s.computed) for s in self.steps)

    @property
    def discrete(self) -> bool:
        """Whether its values are categories or codes rather than points of a space."""
        known = [d for d in (self.steps[0].posterior, self.steps[0].prior) if d is not None]
        return any(is_discrete(d) or (isinstance(d, PointMass) and d.code is not None) for d in known)

    @property
    def computed(self) -> bool:
        """Whether its value is a real code that an encoder computes, without noise."""
        return isinstance(self.posterior, PointMass) and self.posterior.code is None

    @property
    def analytic(self) -> bool:
        """Whether the rate is a closed form, not an estimate at the draws."""
        if self.posterior is None or self.prior is None or self.proposed:
            return False
        return kl_per_element(*self._pair()) is not None

    def divergence_elements(self) -> Tensor:
        """KL(q || p) per element: log q - log p at the value where it was proposed, else as given the other latents."""
        return self.density_ratio_elements() if self.proposed else self.conditional_divergence_elements()

    def conditional_divergence_elements(self) -> Tensor:
        """KL(q || p) given the values of the others, in closed form where there is one, else log q - log p at the value."""
        q, p = self._pair()
        closed = kl_per_element(q, p)
        if closed is None:
            return self.density_ratio_elements()
        return kept(closed, max(len(q.batch_shape), len(p.batch_shape)), self.event_rank)

    def density_ratio_elements(self, drawn_from: Distribution | None = None) -> Tensor:
        """log q - log p at the value, per element where both can say so, else in one sum.

        `drawn_from`: what the value was drawn from, the posterior if not said.
        """
        q, p = self._pair(drawn_from)
        if isinstance(q, PointMass):
            return kept(log_ratio(q, p, self.value), max(len(q.batch_shape), len(p.batch_shape)), self.event_rank)
        if self.log_q is None:
            ours, theirs = log_prob_per_element(q, self.value), log_prob_per_element(p, self.value)
            if ours.ndim - self._leading_under(q) == theirs.ndim - self._leading_under(p):
                return kept(ours - theirs, self._leading_under(q, p), self.event_rank)
        log_q = q.log_prob(self.value) if self.log_q is None else self.log_q
        return kept(log_q - p.log_prob(self.value), self._leading_under(q, p), self.event_rank)

    def belief(self) -> Distribution:
        """q, also where the value is observed and nothing was drawn from it."""
        if self.posterior is not None:
            return self.posterior
        if self.asked is None:
            raise ValueError(f"latent {self.name!r} has no posterior here: it was drawn from its prior, or set")
        return self.asked()

    def prior_elements(self) -> Tensor:
        """log p at the value, per element."""
        if self.prior is None:
            raise ValueError(f"latent {self.name!r} has no prior, so its value has no cost")
        elements = log_prob_per_element(self.prior, self.value)
        return kept(elements, self._leading_under(self.prior), self.event_rank)

    def nothing(self) -> Tensor:
        """Zero nats for each element of the value."""
        return torch.zeros_like(self.value, dtype=torch.get_default_dtype())

    def _leading_under(self, *distributions: Distribution) -> int:
        return max(self.leading, *(len(d.batch_shape) for d in distributions))

    def _pair(self, drawn_from: Distribution | None = None) -> tuple[Distribution, Distribution]:
        q = self.posterior if drawn_from is None else drawn_from
        if self.prior is None or q is None:
            raise ValueError(f"latent {self.name!r} has no rate: it needs both a prior and a posterior")
        return q, self.prior


class Inference:
    """One walk: data, context, likelihoods and latents by name, with axes in the order (new axes, batch, time, event).

    All figures are nats. `distortion` is -log p(x|z) and `rate` is KL(q||p), each (..., B); `expect` averages what has
    more axes than the batch, exactly along enumerated ones. `model` is what was walked, for terms of its parameters.
    """

    def __init__(
        self,
        data: Mapping[str, Tensor],
        context: Tensor | None,
        likelihoods: dict[str, Likelihood],
        latents: dict[str, Latent],
        axes: Axes,
        model: nn.Module | None = None,
    ) -> None:
        self.data, self.context, self.model = data, context, model
        self.likelihoods, self.latents, self.axes = likelihoods, latents, axes
        self._distortion: Tensor | None = None
        self._rate: Tensor | None = None
        self._generated: Inference | None = None
        self._kept: dict[object, Any] = {}

    def once(self, key: Hashable, figure: Callable[[], Any]) -> Any:
        """A figure that several terms share, computed when the first of them asks."""
        if key not in self._kept:
            self._kept[key] = figure()
        return self._kept[key]

    def generated(self) -> "Inference":
        """A walk of the same model forwards, once for each example, in the same contexts."""
        if self._generated is None:
            assert self.model is not None
            generate: Callable[..., Inference] = self.model.generate  # type: ignore[assignment]
            self._generated = generate(self.axes.shape[-1], self.context, rows=self.axes.rows)
        return self._generated

    @property
    def distortion(self) -> Float[Tensor, "*lead B"]:
        """-log p(x|z), summed over the named likelihoods."""
        if self._distortion is None:
            if not self.likelihoods:
                raise ValueError("this inference has no likelihood, so no distortion")
            self._distortion = -total(likelihood.log_prob() for likelihood in self.likelihoods.values())
        return self._distortion

    @property
    def rate(self) -> Float[Tensor, "*lead B"]:
        """KL(q||p), summed over the latents; -log p(z) at an observed one; nothing at one from the prior, or without any."""
        if self._rate is None:
            rates = [latent.rate() for latent in self.latents.values()]
            self._rate = total(rates) if rates else torch.zeros_like(self.distortion)
        return self._rate

    def log_w(self) -> Float[Tensor, "*lead B"]:
        """log p(x, z) - log q(z|x): the log importance weight of every row."""
        return -total([self.distortion, *(latent.log_ratio() for latent in self.latents.values())])

    def log_mean_w(self) -> Float[Tensor, " B"]:
        """log of the average weight: below log p(x) on average, exact under enumeration (Burda et al. 2016)."""
        return self.axes.log_mean_exp(self.log_w())

    def expect(self, t: Tensor, inner: int = 0) -> Tensor:
        """Average over draws and enumerated values under their measure: (*lead, B, *inner) -> (B, *inner)."""
        return self.axes.expect(t, inner)

    def elbo(self) -> Float[Tensor, " B"]:
        """-(distortion + rate), averaged: the evidence lower bound, nats per example."""
        return -(self.expect(self.distortion) + self.expect(self.rate))


def kept(elements: Tensor, batch_rank: int, event_rank: int) -> Tensor:
    """Elements with exactly `event_rank` axes behind the batch: summed to size 1 where they had another number."""
    inner = elements.ndim - batch_rank
    if inner == event_rank:
        return elements
    summed = elements.flatten(batch_rank).sum(-1) if inner > 0 else elements
    return summed.reshape(*summed.shape, *(1,) * event_rank)


def total(parts: Iterable[Tensor]) -> Tensor:
    """The sum of tensors that broadcast; it starts from the first, so that dtype and device are theirs."""
    first, *others = parts
    for part in others:
        first = first + part
    return first
