"""The rate taken apart: information, total correlation and the rest (Hoffman & Johnson 2016; Chen et al. 2018).

E KL(q(z|x) || p(z)) = I(x; z) + KL(q(z) || prod_d q(z_d)) + sum_d KL(q(z_d) || p(z_d)), where q(z) is the average of the
posteriors of all N training examples. A batch of B knows B of them, so its figures are estimates (Chen et al. 2018,
app. C): those of `stratified` weights are right on average before the logarithm, those without are far too low, by
log N and log B, which hardly changes their gradients. N is told to the terms when training begins.
"""

from typing import NamedTuple

from torch import Tensor

from vaekit.distributions import mapped
from vaekit.distributions.aggregate import (
    log_aggregate_and_marginals,
    log_minibatch_weights,
    log_stratified_weights,
)
from vaekit.distributions.elements import log_prob_per_element
from vaekit.models.inference import Inference, kept
from vaekit.networks.whole_batch import whole_batch
from vaekit.objectives.objective import Coefficients, Term, several
from vaekit.objectives.terms import named

__all__ = ["DimensionwiseKL", "MutualInformation", "TotalCorrelation"]


class Densities(NamedTuple):
    """Log-densities at the batch's draws, nats: of each own posterior, of all together, of its elements alone, of the prior."""

    own: Tensor  # (B,)
    joint: Tensor  # (B,)
    elements: Tensor  # (B,), summed
    prior: Tensor  # (B,)


class OfAggregate(Term):
    """A figure of the aggregate posterior of latent `name`, estimated from the batch. See the module for its bias.

    `examples`: N, where training does not tell. A batch of one example has no aggregate: 0.
    """

    kind: str

    def __init__(self, name: str = "z", *, stratified: bool = False, examples: int | None = None) -> None:
        super().__init__(self.kind if name == "z" else f"{self.kind}:{name}")
        if examples is not None and (not isinstance(examples, int) or examples < 2):
            raise ValueError(f"examples must be a whole number of at least 2, got {examples!r}")
        self.name, self.stratified, self.examples = name, stratified, examples

    def begin(self, examples: int, batch: int) -> None:
        """N, unless it was said. ValueError for batches of one."""
        several(self.label, batch)
        self.examples = examples if self.examples is None else self.examples

    def forward(self, inference: Inference, coefficients: Coefficients) -> Tensor:
        """(B,) nats."""
        if len(inference.axes.shape) > 1:
            raise ValueError(f"{self.label} is of one draw of each example: ask for no samples, enumerate nothing")
        key = ("aggregate", self.name, self.stratified, self.examples)
        found = inference.once(key, lambda: densities(inference, self.name, self.stratified, self.examples))
        return inference.distortion.new_zeros(inference.axes.shape) if found is None else self.figure(found)

    def figure(self, found: Densities) -> Tensor:
        """The difference of two of them, (B,)."""
        raise NotImplementedError

    def extra_repr(self) -> str:
        """What differs from the usual."""
        return ", ".join(
            ([] if self.name == "z" else [repr(self.name)]) + (["stratified=True"] if self.stratified else [])
        )


class MutualInformation(OfAggregate):
    """I(x; z) under q: log q(z|x) - log q(z), (B,) nats."""

    kind = "mutual-information"

    def figure(self, found: Densities) -> Tensor:
        """(B,)."""
        return found.own - found.joint


class TotalCorrelation(OfAggregate):
    """KL(q(z) || prod_d q(z_d)): log q(z) - sum_d log q(z_d), (B,) nats."""

    kind = "total-correlation"

    def figure(self, found: Densities) -> Tensor:
        """(B,)."""
        return found.joint - found.elements


class DimensionwiseKL(OfAggregate):
    """sum_d KL(q(z_d) || p(z_d)): sum_d log q(z_d) - log p(z), (B,) nats; p must factorise for that to be its meaning."""

    kind = "dimensionwise-kl"

    def figure(self, found: Densities) -> Tensor:
        """(B,)."""
        return found.elements - found.prior


def densities(inference: Inference, name: str, stratified: bool, examples: int | None) -> Densities | None:
    """What the three terms are made of; None for a batch of one."""
    latent, rows = named(inference.latents, name, "latent"), inference.axes.rows
    q, z = latent.belief(), latent.value
    everyone, values = mapped(q, whole_batch), whole_batch(z)
    size = values.shape[0]
    if size < 2:
        return None
    total = max(size, size if examples is None else examples)
    weights = (log_stratified_weights if stratified else log_minibatch_weights)(size, total)
    joint, each = log_aggregate_and_marginals(everyone, values, weights)
    own = slice(0, size) if rows is None else slice(rows.first, rows.first + z.shape[0])
    prior = kept(log_prob_per_element(latent.prior, z), 1, latent.event_rank) if latent.prior is not None else z * 0.0
    return Densities(q.log_prob(z), joint[own], each[own].flatten(1).sum(1), prior.flatten(1).sum(1))
