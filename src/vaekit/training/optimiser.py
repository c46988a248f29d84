"""The optimiser of a phase, as a description that can be saved."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn

__all__ = ["Adam"]


@dataclass(frozen=True)
class Adam:
    """Adam (Kingma & Ba 2015); with `weight_decay`, AdamW (Loshchilov & Hutter 2019).

    `warmup` steps of linear rise; then, with `decay`, half a cosine down to zero at the run's last step. `fused` runs
    one kernel over all parameters: the same formula, summed in another order.
    """

    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    warmup: int = 0
    decay: bool = False
    fused: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.lr < math.inf:
            raise ValueError(f"lr must be a finite number above 0, got {self.lr}")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"betas must lie in [0, 1), got {self.betas}")
        if self.weight_decay < 0 or self.warmup < 0:
            raise ValueError(f"weight_decay and warmup must be 0 or more, got {self.weight_decay} and {self.warmup}")

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """The torch optimiser."""
        kind = torch.optim.AdamW if self.weight_decay else torch.optim.Adam
        return kind(
            parameters, lr=self.lr, betas=self.betas, eps=self.eps, weight_decay=self.weight_decay, fused=self.fused
        )

    @property
    def constant(self) -> bool:
        """Whether the rate never changes."""
        return not (self.warmup or self.decay)

    @property
    def compilable(self) -> bool:
        """Whether its step can be compiled once: one kernel already, or a rate that changes, cannot."""
        return self.constant and not self.fused

    def rate(self, step: int, steps: int) -> float:
        """The learning rate at `step` of a run of `steps`, both from 0."""
        warm = min(1.0, (step + 1) / self.warmup) if self.warmup else 1.0
        if not self.decay:
            return self.lr * warm
        share = max(0, step - self.warmup) / max(1, steps - self.warmup)
        return self.lr * warm * (1 + math.cos(math.pi * min(1.0, share))) / 2
