"""How much each of several latents tells, in lines that a person can read however many there are."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from vaekit.evaluation.figure import Figure
from vaekit.evaluation.latents import LatentUse

__all__ = ["MOST", "Told", "profile"]

MOST = 12  # latents that have a line each


@dataclass(frozen=True)
class Told:
    """What one latent, or several neighbours together, tell of an example: nats, and active dimensions.

    What is not known is None: the rate of a latent without one, the dimensions of one that is discrete.
    """

    name: str
    rate: Figure | None
    nats: float | None
    active: int | None
    dimensions: int | None

    @property
    def value(self) -> str:
        """The nats, with their standard error where they are of one latent."""
        return str(self.rate) if self.rate is not None else "–" if self.nats is None else f"{self.nats:.2f}"

    @property
    def use(self) -> str:
        """Active dimensions in words."""
        return "" if self.active is None else f"{self.active:,} of {self.dimensions:,} dimensions active"


def profile(rates: Mapping[str, Figure], latents: Mapping[str, LatentUse]) -> list[Told]:
    """A line for each latent in order; of more than 12, neighbours of one size share a line, in about ten lines."""
    names = list(rates) + [name for name in latents if name not in rates]
    lines = [one(name, rates.get(name), latents.get(name)) for name in names]
    return lines if len(lines) <= MOST else list(together(lines))


def one(name: str, rate: Figure | None, use: LatentUse | None) -> Told:
    """A latent's own line."""
    active, dimensions = (None, None) if use is None else (use.active, use.dimensions)
    return Told(name, rate, None if rate is None else rate.value, active, dimensions)


def together(lines: Sequence[Told]) -> Iterator[Told]:
    """Neighbours of one size, so many at a time that about ten lines are left."""
    size = -(-len(lines) // 10)
    for _, group in groupby(lines, key=lambda line: line.dimensions):
        alike = list(group)
        yield from (summed(alike[i : i + size]) for i in range(0, len(alike), size))


def summed(lines: Sequence[Told]) -> Told:
    """One line for several latents: their sums. Standard errors of sums are not known from those of the parts."""
    if len(lines) == 1:
        return lines[0]
    nats, active, dimensions = (
        None if any(part is None for part in column) else sum(part for part in column if part is not None)
        for column in zip(*((line.nats, line.active, line.dimensions) for line in lines), strict=True)
    )
    return Told(f"{lines[0].name} to {lines[-1].name}", None, nats, as_count(active), as_count(dimensions))


def as_count(value: float | None) -> int | None:
    """A sum of counts."""
    return None if value is None else int(value)
