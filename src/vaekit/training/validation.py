"""The figures of a held-out split at the end of an epoch."""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from vaekit.data import Split
from vaekit.distributions import log_aggregate
from vaekit.models.code_statistics import CodeStatistics, Usage
from vaekit.models.inference import Inference
from vaekit.models.model import Model
from vaekit.models.statistics import LatentStatistics
from vaekit.training.averages import Means
from vaekit.training.step import Step, matching, of_graph

__all__ = ["Validation", "information", "rates_of", "validate"]

AT_ONCE = 500


@dataclass
class Validation:
    """Means of terms in nats per example, the bound that selects (lower is better), and active units by latent.

    The bound is the loss without the terms that do not judge a model, and is among the means where there are such; None
    where no term does.
    `rates`: the rate of each latent, nats per example, where there are several. `codes`: how those of each latent that has
    any are used.
    """

    means: dict[str, float]
    bound: float | None
    active: dict[str, tuple[int, int]]
    rates: dict[str, float] = field(default_factory=dict)
    codes: dict[str, Usage] = field(default_factory=dict)

    def row(self) -> dict[str, float]:
        """Columns of the metrics table."""
        rates = {f"rate:{name}": value for name, value in self.rates.items() if f"rate:{name}" not in self.means}
        terms = {f"valid/{name}": value for name, value in {**self.means, **rates}.items()}
        terms |= {f"valid/active:{name}": on for name, (on, _) in self.active.items()}
        terms |= {f"valid/used:{name}": usage.used for name, usage in self.codes.items()}
        return terms | {f"valid/perplexity:{name}": usage.perplexity for name, usage in self.codes.items()}


@torch.no_grad()
def validate(step: nn.Module, split: Split, device: torch.device) -> Validation:
    """Terms at their final weights, so that the bound is that of an ELBO whose warm-up has ended. One draw per example."""
    assert isinstance(step, Step)
    means, rates, statistics, codes = Means(), Means(), LatentStatistics(), CodeStatistics()
    objective = step.objective
    final = objective.coefficients(1 << 62)
    step.eval()
    for rows in split.ahead(torch.arange(len(split), device=device).split(AT_ONCE)):
        batch = matching(split.batch(rows), step.model)
        at = None if step.at is None else step.at(batch)
        inference = step.model.infer(of_graph(batch), batch.get("context"), samples=objective.samples, at=at)
        means.add(objective.evaluate(inference, final), len(rows))
        rates.add(rates_of(inference), len(rows))
        statistics.add(inference)
        codes.add(inference)
    step.train()
    figures = means.means()
    judging = objective.judging()
    bound: float | None = figures["loss"]
    if len(judging) < len(objective.terms):
        bound = sum(final[label] * figures[label] for label in judging) if judging else None
        figures |= {} if bound is None else {"bound": bound}
    return Validation(figures, bound, statistics.active(), rates.means(), codes.usage())


def rates_of(inference: Inference) -> dict[str, Tensor]:
    """The rate of each latent that has one, (B,) nats, where there are several."""
    latents = {name: latent for name, latent in inference.latents.items() if latent.has_rate}
    if len(latents) < 2:
        return {}
    size = inference.axes.shape[-1]
    return {name: inference.expect(latent.rate()).expand(size) for name, latent in latents.items()}


@torch.no_grad()
def information(model: Model, split: Split, most: int = 1000) -> float:
    """I(x; z) = E KL(q(z|x)||p(z)) - KL(q(z)||p(z)), nats, with q(z) the mixture over up to `most` examples.

    Hoffman & Johnson 2016; biased, and at most log N. Of the first latent.
    """
    was = model.training
    model.eval()
    batch = matching(split.batch(torch.arange(min(len(split), most))), model)
    inference = model.infer(of_graph(batch), batch.get("context"))
    latent = next(iter(inference.latents.values()))
    assert latent.posterior is not None
    told = latent.posterior.log_prob(latent.value) - log_aggregate(latent.posterior, latent.value)
    model.train(was)
    return float(told.mean())
