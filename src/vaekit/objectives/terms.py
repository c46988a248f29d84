"""The terms that every VAE is made of: distortion and rate."""

import math
from typing import TypeVar

import torch
from torch import Tensor

from vaekit.models.inference import Inference, Latent
from vaekit.networks.whole_batch import batch_mean
from vaekit.objectives.objective import Coefficients, Term
from vaekit.objectives.schedules import Schedule

R = TypeVar("R")

__all__ = ["Distortion", "Penalty", "Rate", "free_bits"]


class Distortion(Term):
    """-log p(x|z), averaged over draws: (B,) nats. Summed over the model's likelihoods, or that of one `name`."""

    def __init__(self, name: str | None = None) -> None:
        super().__init__("distortion" if name is None else f"distortion:{name}")
        self.name = name

    def counts(self) -> frozenset[str]:
        """All of the distortion, unless it is that of one likelihood."""
        return frozenset({"distortion"}) if self.name is None else frozenset()

    def forward(self, inference: Inference, coefficients: Coefficients) -> Tensor:
        """(B,) nats."""
        if self.name is None:
            return inference.expect(inference.distortion)
        return inference.expect(-named(inference.likelihoods, self.name, "likelihood").log_prob())

    def extra_repr(self) -> str:
        """The likelihood's name, if one was given."""
        return "" if self.name is None else repr(self.name)


class Rate(Term):
    """KL(q(z|x) || p(z)), averaged over draws: (B,) nats. Summed over the latents, or that of one `name`.

    `free_bits`: nats below which a dimension's rate, averaged over the batch, is not pushed (Kingma et al. 2016,
    eq. 15); `groups`: dimensions in this many equal groups share one allowance each. `target`: |rate - target| instead
    of the rate, with a number or a schedule of nats (Burgess et al. 2018, eq. 8).
    """

    def __init__(
        self,
        name: str | None = None,
        *,
        free_bits: float = 0.0,
        groups: int | None = None,
        target: float | Schedule | None = None,
    ) -> None:
        super().__init__("rate" if name is None else f"rate:{name}")
        self.name, self.free_bits, self.groups, self.target = name, free_bits, groups, target
        if not 0 <= free_bits < math.inf:
            raise ValueError(f"free_bits must be 0 or more nats, got {free_bits}")
        if groups is not None and (not isinstance(groups, int) or groups < 1 or free_bits == 0):
            raise ValueError(f"groups must be a whole number of at least 1, with free_bits, got {groups}, {free_bits}")
        if target is not None and free_bits > 0:
            raise ValueError("a rate has either free_bits or a target, not both")
        if isinstance(target, int | float) and not 0 <= target < math.inf:
            raise ValueError(f"target must be 0 or more nats, or a schedule of them, got {target}")

    def counts(self) -> frozenset[str]:
        """All of the rate, unless it is that of one latent."""
        return frozenset({"rate"}) if self.name is None else frozenset()

    def schedules(self) -> dict[str, Schedule]:
        """The target, where it changes with the step."""
        return {f"{self.label}.target": self.target} if callable(self.target) else {}

    def forward(self, inference: Inference, coefficients: Coefficients) -> Tensor:
        """(B,) nats."""
        if self.free_bits > 0:
            return self._free(inference)
        rate = inference.rate if self.name is None else self._latents(inference)[0].rate()
        rate = inference.expect(rate)
        if self.target is None:
            return rate
        target = coefficients[f"{self.label}.target"] if callable(self.target) else self.target
        return (rate - target).abs()

    def extra_repr(self) -> str:
        """What differs from the plain rate."""
        shown = {"free_bits": self.free_bits or None, "groups": self.groups, "target": self.target}
        written = [repr(self.name)] if self.name is not None else []
        return ", ".join(written + [f"{key}={value}" for key, value in shown.items() if value is not None])

    def _latents(self, inference: Inference) -> list[Latent]:
        if self.name is None:
            return list(inference.latents.values())
        return [named(inference.latents, self.name, "latent")]

    def _free(self, inference: Inference) -> Tensor:
        parts = []
        for latent in self._latents(inference):
            elements = latent.masked(latent.rate_elements)
            inner = latent.event_rank + latent.timed
            rows = elements.flatten(-inner) if inner else elements.unsqueeze(-1)
            parts.append(free_bits(inference.expect(rows, inner=1), self.free_bits, self.groups))
        return torch.stack(parts).sum(0)


def free_bits(rate: Tensor, allowance: float, groups: int | None = None) -> Tensor:
    """sum_g max(allowance, mean_B rate_g), from rates (B, D) to (B,), every row the same; Kingma et al. 2016, eq. 15.

    The maximum is taken of the batch's average, so a group below the allowance gets no gradient at all. Without
    `groups` each of the D dimensions is its own; else they are cut into that many equal groups in order.
    """
    if groups is not None:
        if rate.shape[-1] % groups:
            raise ValueError(f"{rate.shape[-1]} latent dimensions cannot be cut into {groups} equal groups")
        rate = rate.unflatten(-1, (groups, -1)).sum(-1)
    return batch_mean(rate).clamp_min(allowance).sum().expand(rate.shape[0])


class Penalty(Term):
    """What conditionals charge of their own (a commitment loss, say), summed over the latents that have one: (B,).

    It does not judge a model.
    """

    judges = False

    def __init__(self) -> None:
        super().__init__("penalty")

    def forward(self, inference: Inference, coefficients: Coefficients) -> Tensor:
        """(B,)."""
        charged = [latent.penalty for latent in inference.latents.values() if latent.penalty is not None]
        if not charged:
            raise ValueError("no latent of this model charges a penalty: leave Penalty() out")
        return torch.stack([inference.expect(penalty) for penalty in charged]).sum(0)


def named(records: dict[str, R], name: str, kind: str) -> R:
    """The record of that name."""
    if name not in records:
        raise ValueError(f"the model has no {kind} named {name!r}: it has {sorted(records)}")
    return records[name]
