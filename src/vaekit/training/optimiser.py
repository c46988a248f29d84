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

    `adamax`: the largest recent gradient in place of the root of the second moment (Kingma & Ba 2015, sec. 7.1);
    `weight_decay` is then part of the gradient. `warmup` steps of linear rise; then, with `decay`, half a cosine down to
    `end_lr` at the run's last step. `fused` runs one kernel over all parameters, where there is one (not of Adamax): the
    same formula, summed in another order.
    """

    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    warmup: int = 0
    decay: bool = False
    fused: bool = True
    adamax: bool = False
    end_lr: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.lr < math.inf:
            raise ValueError(f"lr must be a finite number above 0, got {self.lr}")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"betas must lie in [0, 1), got {self.betas}")
        if self.weight_decay < 0 or self.warmup < 0:
            raise ValueError(f"weight_decay and warmup must be 0 or more, got {self.weight_decay} and {self.warmup}")
        if not 0 <= self.eps < math.inf:
            raise ValueError(f"eps must be a finite number of 0 or more, got {self.eps}")
        if not 0 <= self.end_lr <= self.lr:
            raise ValueError(f"end_lr must lie between 0 and lr, which is {self.lr:g}, got {self.end_lr}")
        if self.end_lr and not self.decay:
            raise ValueError(f"end_lr is where the decay of the learning rate ends: set decay too, got {self.end_lr}")

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """The torch optimiser."""
        if self.adamax:
            return torch.optim.Adamax(
                parameters, lr=self.lr, betas=self.betas, eps=self.eps, weight_decay=self.weight_decay
            )
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
        return self.constant and not self.fused and not self.adamax

    @property
    def moments(self) -> tuple[str, str]:
        """Torch's names of what it keeps of every parameter, besides the count of steps."""
        return "exp_avg", "exp_inf" if self.adamax else "exp_avg_sq"

    def rate(self, step: int, steps: int) -> float:
        """The learning rate at `step` of a run of `steps`, both from 0."""
        warm = min(1.0, (step + 1) / self.warmup) if self.warmup else 1.0
        if not self.decay:
            return self.lr * warm
        share = max(0, step - self.warmup) / max(1, steps - self.warmup)
        falling = (1 + math.cos(math.pi * min(1.0, share))) / 2
        return warm * (self.end_lr + (self.lr - self.end_lr) * falling)
