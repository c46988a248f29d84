"""Points that share a factor's value, found by their numbers: what papers draw from a generator."""

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

__all__: list[str] = []

AT_ONCE = 250  # batches whose codes are looked at together


@dataclass(frozen=True, eq=False)
class Together:
    """Rows (N,) ordered by the value of one factor: those of a value start at `starts` and are `counts`."""

    rows: Int[Tensor, " N"]
    starts: Int[Tensor, " V"]
    counts: Int[Tensor, " V"]

    @classmethod
    def by(cls, values: Int[Tensor, " N"], size: int) -> "Together":
        """Rows by their `values`, of which there are `size`."""
        counts = values.bincount(minlength=size)
        return cls(values.argsort(stable=True), counts.cumsum(0) - counts, counts)

    def draw(self, values: Int[Tensor, "*shape"], generator: torch.Generator) -> Int[Tensor, "*shape"]:
        """For each of `values` a row that has it, any with the same chance, whatever was drawn before."""
        share = torch.rand(values.shape, generator=generator, dtype=torch.float64)
        return self.rows[self.starts[values] + (share * self.counts[values]).long()]


def which_factor(n: int, factors: int, generator: torch.Generator) -> list[int]:
    """How many of n draws fall on each of `factors` factors, all equally likely."""
    return torch.randint(factors, (n,), generator=generator).bincount(minlength=factors).tolist()


def check_batches(**counts: int) -> None:
    """A ValueError unless every number is whole and at least 2."""
    for name, count in counts.items():
        if isinstance(count, bool) or not isinstance(count, int) or count < 2:
            raise ValueError(f"{name} must be a whole number of at least 2, got {count!r}")
