"""Means over seeds and what they are uncertain by: Student's t, paired where the seeds are the same."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Interval", "difference", "mean_over", "t_quantile"]

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean over `count` values, and half the width of its interval: None where there is only one value."""

    mean: float
    half: float | None
    count: int

    @property
    def covers_zero(self) -> bool:
        """Whether zero lies inside; never known of one value, so True."""
        return self.half is None or abs(self.mean) <= self.half


def mean_over(values: Sequence[float], level: float = LEVEL) -> Interval:
    """mean +- t sd / sqrt(n), with n - 1 degrees of freedom (Student 1908)."""
    n, mean = len(values), math.fsum(values) / len(values)
    if n < 2:
        return Interval(mean, None, n)
    return Interval(mean, t_quantile(level, n - 1) * math.sqrt(variance(values) / n), n)


def difference(ours: Mapping[int, float], theirs: Mapping[int, float], level: float = LEVEL) -> Interval:
    """The mean of ours - theirs, both by seed: paired over the seeds that both have, else as of two samples."""
    common = [ours[seed] - theirs[seed] for seed in ours if seed in theirs]
    if len(common) > 1:
        return mean_over(common, level)
    return welch(list(ours.values()), list(theirs.values()), level)


def welch(ours: Sequence[float], theirs: Sequence[float], level: float = LEVEL) -> Interval:
    """The difference of two means of unequal variances (Welch 1947), its degrees of freedom rounded down."""
    gap = math.fsum(ours) / len(ours) - math.fsum(theirs) / len(theirs)
    count = min(len(ours), len(theirs))
    if count < 2:
        return Interval(gap, None, count)
    a, b = variance(ours) / len(ours), variance(theirs) / len(theirs)
    if a + b == 0:
        return Interval(gap, 0.0, count)
    freedom = (a + b) ** 2 / (a**2 / (len(ours) - 1) + b**2 / (len(theirs) - 1))
    return Interval(gap, t_quantile(level, max(1, math.floor(freedom))) * math.sqrt(a + b), count)


def variance(values: Sequence[float]) -> float:
    """Of the population that `values` were drawn from: divided by n - 1."""
    mean = math.fsum(values) / len(values)
    return math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)


def t_quantile(level: float, freedom: int) -> float:
    """The t with P(|T| <= t) = level for T of Student's distribution with `freedom` degrees, found by bisection."""
    low, high = 0.0, math.pi / 2
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if within(middle, freedom) < level else (low, middle)
    return math.tan(low) * math.sqrt(freedom)


def within(angle: float, freedom: int) -> float:
    """P(|T| <= sqrt(freedom) tan(angle)): a finite sum (Abramowitz & Stegun 1964, 26.7.3 and 26.7.4)."""
    odd = freedom % 2
    term = math.cos(angle) if odd else 1.0
    total = term if freedom > 1 else 0.0
    for k in range(2 + odd, freedom, 2):
        term *= math.cos(angle) ** 2 * (k - 1) / k
        total += term
    return 2 / math.pi * (angle + math.sin(angle) * total) if odd else math.sin(angle) * total
