"""Rates of a hierarchy's latents weighed apart while they are warmed up (Vahdat & Kautz 2020)."""

from collections import Counter

import torch
from torch import Tensor

from vaekit.models.inference import Inference, Latent
from vaekit.networks.whole_batch import batch_mean
from vaekit.objectives.objective import Coefficients, Term
from vaekit.objectives.schedules import Schedule

__all__ = ["RateBalance", "balanced"]

LEAST = 0.01  # nats, so that the weight of a collapsed latent is not zero (their released code)


class RateBalance(Term):
    """What weighing the latents apart adds to the rate: sum_g (weight_g - 1) KL_g, (B,) nats.

    `warmup` is the schedule that weighs the rate; once it reaches 1 the term is zero for good. To be added to the rate
    under that same weight, which logs both as they are:

        warmup = Linear(0.0, 1.0, steps=10_000)
        Distortion() + warmup * (Rate() + RateBalance(warmup))

    The weights are those of `balanced`: latents that carry much weigh more, so that those which carry little are left
    room to grow, and latents of small maps, of which there are few, weigh more. Vahdat & Kautz 2020, appendix A.
    """

    def __init__(self, warmup: Schedule) -> None:
        super().__init__("balance")
        if not callable(warmup):
            raise ValueError(f"warmup must be a schedule, such as Linear(0.0, 1.0, steps=1000), got {warmup!r}")
        self.warmup = warmup

    def schedules(self) -> dict[str, Schedule]:
        """The warm-up."""
        return {f"{self.label}.warmup": self.warmup}

    def forward(self, inference: Inference, coefficients: Coefficients) -> Tensor:
        """(B,) nats."""
        latents = list(inference.latents.values())
        rates = torch.stack([inference.expect(latent.rate()) for latent in latents], dim=-1)  # (B, G)
        weights = balanced(batch_mean(rates.detach().abs()), rates.new_tensor(costs_of(latents)))
        extra = rates @ (weights - 1)
        done = coefficients[f"{self.label}.warmup"] >= torch.ones((), device=extra.device)
        return torch.where(done, 0.0, extra)

    def extra_repr(self) -> str:
        """The warm-up."""
        return repr(self.warmup)


def balanced(rates: Tensor, costs: Tensor) -> Tensor:
    """Weights of G latents, (rate_g + 0.01) / cost_g scaled to a mean of 1, from mean rates and costs (G,)."""
    raw = (rates + LEAST) / costs
    return raw / raw.mean()


def costs_of(latents: list[Latent]) -> list[float]:
    """Elements of each latent over how many latents are of its size: 4^scale / groups in that scale, but for a factor.

    A map of twice the height and width has four times the elements.
    """
    sizes = [latent.value[(0,) * latent.leading].numel() for latent in latents]
    alike = Counter(sizes)
    return [size / alike[size] for size in sizes]
