"""How the codes of a model are used over a data set."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from vaekit.distributions import Coded, codes_of
from vaekit.models.inference import Inference, Latent

__all__ = ["CodeStatistics", "Usage"]

MOST = 1 << 24  # codes that are counted, one number each


@dataclass(frozen=True)
class Usage:
    """Of one latent, over its `digits`: how many codes came up, of how many `size`, and their `perplexity`.

    Perplexity is exp of the entropy of a digit's codes, whatever their position: how many equally frequent codes would
    be as uncertain. Of several digits, the geometric mean.
    """

    used: int
    size: int
    perplexity: float
    digits: int

    @property
    def dead(self) -> int:
        """Codes that never came up."""
        return self.size - self.used


class CodeStatistics:
    """Counts of every code of every latent that has codes and a prior over them; of more than 2^24 kinds none."""

    def __init__(self) -> None:
        self._counts: dict[str, list[Tensor]] = {}

    def add(self, inference: Inference) -> None:
        """Count one batch in."""
        for name, latent in inference.latents.items():
            for step in latent.steps:
                self._count(name, step)

    def usage(self) -> dict[str, Usage]:
        """By latent."""
        return {name: usage_of(counts) for name, counts in self._counts.items()}

    def counts(self) -> dict[str, list[Tensor]]:
        """By latent how often every code of each digit came up."""
        return dict(self._counts)

    def _count(self, name: str, latent: Latent) -> None:
        q, p = latent.posterior, latent.prior
        code = codes_of(q)
        if q is None or code is None or not isinstance(p, Coded) or sum(p.sizes) > MOST:
            return
        digits = code.flatten(0, len(q.batch_shape) - 1).movedim(1, 0).flatten(1)  # (Q, B P)
        found = [torch.bincount(digit, minlength=size).cpu() for digit, size in zip(digits, p.sizes, strict=True)]
        before = self._counts.get(name)
        self._counts[name] = found if before is None else [a + b for a, b in zip(before, found, strict=True)]


def usage_of(counts: list[Tensor]) -> Usage:
    """From how often every code of every digit came up."""
    entropies = []
    for count in counts:
        share = count.double() / count.sum()
        entropies.append(float(torch.special.entr(share).sum()))
    used, size = sum(int((count > 0).sum()) for count in counts), sum(len(count) for count in counts)
    return Usage(used, size, math.exp(sum(entropies) / len(entropies)), len(counts))
