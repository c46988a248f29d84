"""From what latents are drawn from to what a model makes of them with an example: densities along the way."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Distribution, constraints

from vaekit.distributions import Coded, PointMass
from vaekit.evaluation.passes import Batch
from vaekit.models.choices import Choice, FromPrior, Observe, is_discrete
from vaekit.models.inference import Inference, Latent, total
from vaekit.models.model import Model

__all__ = ["Bridge", "bridge"]

T = TypeVar("T", Tensor, Tensor | None)


@dataclass(frozen=True, eq=False)
class Bridge:
    """The densities p0(z)^(1-b) p(x, z)^b of the latents of some examples, from b = 0 to 1, by rows.

    p0 is what `start` draws latents from: `FromPrior()` p(z), `Infer()` q(z|x). Values are rows (R, D) with all latents
    `shapes` names side by side; `evidence` is what the model's own method makes of the batch.
    """

    model: Model
    batch: Batch
    evidence: object
    start: Choice
    shapes: Mapping[str, torch.Size]

    def draw(self) -> Float[Tensor, "R D"]:
        """One draw of p0 in every row."""
        inference = self._walk(self.batch.at or {}, self.start)
        return self.flat({name: inference.latents[name].value for name in self.shapes})

    def log_ends(self, z: Float[Tensor, "R D"]) -> tuple[Float[Tensor, " R"], Float[Tensor, " R"]]:
        """log p0(z) and log p(x, z), nats."""
        values = {name: Observe(value) for name, value in self.named(z).items()}
        inference = self._walk({**(self.batch.at or {}), **values})
        latents = [inference.latents[name] for name in self.shapes]
        prior = isinstance(self.start, FromPrior)
        return total(-latent.rate() if prior else log_q(latent) for latent in latents), inference.log_w()

    def log_density(self, b: float) -> Callable[[Tensor], Tensor]:
        """(1-b) log p0(z) + b log p(x, z): (R, D) -> (R,)."""

        def log_f(z: Tensor) -> Tensor:
            first, last = self.log_ends(z)
            return (1 - b) * first + b * last

        return log_f

    def log_ratio(self, z: Float[Tensor, "R D"]) -> Float[Tensor, " R"]:
        """log p(x, z) - log p0(z): log p(x|z) where p0 is the prior. Float64."""
        first, last = self.log_ends(z)
        return last.double() - first.double()

    def flat(self, values: Mapping[str, Tensor]) -> Float[Tensor, "R D"]:
        """Values of the latents (R, *event) side by side."""
        return torch.cat([values[name].flatten(1) for name in self.shapes], 1)

    def named(self, z: Float[Tensor, "R D"]) -> dict[str, Tensor]:
        """The latents' values, each in its own shape."""
        parts = z.split([shape.numel() for shape in self.shapes.values()], 1)
        return {name: part.unflatten(1, shape) for (name, shape), part in zip(self.shapes.items(), parts, strict=True)}

    def _walk(self, at: Mapping[str, Choice], default: Choice = FromPrior()) -> Inference:  # noqa: B008  (frozen)
        return self.model.infer(self.batch.data, self.batch.context, at=at, default=default, evidence=self.evidence)


def bridge(model: Model, batch: Batch, copies: int, start: Choice) -> Bridge:
    """The bridge of a batch with every example in so many rows, one behind the other.

    Latents that the batch's choices observe are data. ValueError unless the others are points of a real space under a
    density, and the choices observe them in every row.
    """
    whole = repeated(batch, copies)
    evidence = model.evidence(whole.data, whole.context)
    drawn = model.infer(whole.data, whole.context, at=whole.at, default=FromPrior(), evidence=evidence)
    free = {name: latent for name, latent in drawn.latents.items() if name not in (whole.at or {})}
    if not free:
        raise ValueError("annealing needs a latent that is not observed, this model has none")
    found = Bridge(model, whole, evidence, start, {name: latent.value.shape[1:] for name, latent in free.items()})
    for latent in found._walk({**(whole.at or {}), **{n: Observe(d.value) for n, d in free.items()}}).latents.values():
        if latent.name in free:
            check_latent(latent)
    return found


def repeated(batch: Batch, copies: int) -> Batch:
    """Every row of a batch so many times, one behind the other."""

    def rows(t: T) -> T:
        return None if t is None else t.repeat_interleave(copies, 0)

    data = {name: rows(t) for name, t in batch.data.items()}
    at = None if batch.at is None else {name: observed(name, choice, rows) for name, choice in batch.at.items()}
    return Batch(data, rows(batch.context), at)


def observed(name: str, choice: Choice, rows: Callable[[Tensor], Tensor]) -> Choice:
    """A choice that observes a latent in every row, of more rows."""
    if not isinstance(choice, Observe) or choice.where is not None:
        raise ValueError(
            f"annealing takes a latent that is observed in every row, or not at all, got {choice} at {name!r}"
        )
    return replace(choice, value=rows(choice.value))


def check_latent(latent: Latent) -> None:
    """ValueError, in a sentence, unless the latent is a point of a real space under a density."""
    for step in latent.steps:
        why = unfit(step.prior, None if step.asked is None else step.asked())
        if why is not None:
            raise ValueError(
                f"annealing needs latents that are points of a real space under a density: {latent.name!r} {why}"
            )


def unfit(prior: Distribution | None, posterior: Distribution | None) -> str | None:
    """Why a latent of these cannot be annealed; None where it can."""
    if isinstance(posterior, PointMass):
        return "is a deterministic code"
    if isinstance(prior, Coded) or any(d is not None and is_discrete(d) for d in (prior, posterior)):
        return "is discrete"
    support = None if prior is None else of_element(prior.support)
    return None if isinstance(support, type(constraints.real)) else f"has values in {support or 'no space'}"


def of_element(support: constraints.Constraint | None) -> constraints.Constraint | None:
    """The support of one element of an event whose elements are free of each other."""
    while isinstance(support, constraints.independent):
        support = support.base_constraint
    return support


def log_q(latent: Latent) -> Float[Tensor, " R"]:
    """log q(z|x) at the latent's value, summed over the steps that exist, nats."""
    each = torch.stack([step.belief().log_prob(step.value) for step in latent.steps], -1)
    return each.sum(-1) if latent.mask is None else torch.where(latent.mask, each, 0.0).sum(-1)
