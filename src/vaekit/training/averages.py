"""Averages: of terms over an epoch's examples, and of weights over steps."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

__all__ = ["EMA", "Means"]


class Means:
    """Sums of terms over examples, kept on the device until they are asked for."""

    def __init__(self) -> None:
        self.sums: dict[str, Tensor] = {}
        self.count = 0

    def add(self, terms: Mapping[str, Tensor], size: int) -> None:
        """Count in a batch of `size` examples: figures per example (B,), or of the batch ()."""
        for name, value in terms.items():
            one = value.detach()
            total = one.sum(dtype=torch.float64) if one.ndim else one.double() * size
            self.sums[name] = total if name not in self.sums else self.sums[name] + total
        self.count += size

    def means(self) -> dict[str, float]:
        """The mean of every term per example."""
        return {name: float(total) / self.count for name, total in self.sums.items()}


class EMA:
    """Exponential moving averages of parameters: shadow <- d * shadow + (1 - d) * parameter.

    d is (1 + t) / (10 + t) after t steps, until that exceeds `decay`: so the first weights are soon forgotten, and the
    averages of a short run are of use.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], decay: float) -> None:
        self.parameters, self.decay = list(parameters), decay
        self.shadow = [p.detach().clone() for p in self.parameters]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Fold in the parameters as they are now, after so many steps."""
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(self.shadow, [p.detach() for p in self.parameters], 1 - decay)

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange parameters and averages; twice is the identity."""
        for parameter, shadow in zip(self.parameters, self.shadow, strict=True):
            kept = parameter.detach().clone()
            parameter.copy_(shadow)
            shadow.copy_(kept)
