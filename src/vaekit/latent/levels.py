"""Latents from the top on: what the first few of them say of an example, and which counts are worth looking at."""

from collections.abc import Sequence

from vaekit.models import FromPrior
from vaekit.models.choices import Choice

__all__ = ["from_priors", "in_words", "worth_showing"]


def from_priors(names: Sequence[str], levels: int, temperature: float = 0.0) -> dict[str, Choice]:
    """What happens at the latents below the first `levels` of `names`: they come from their priors, at a temperature.

    At 0, which is their priors' means, an example is what its first latents alone make of it. ValueError for a number
    of levels that is not there.
    """
    if not 1 <= levels <= len(names):
        raise ValueError(f"levels must lie between 1 and {len(names)} (the latents {in_words(names)}), got {levels}")
    return {name: FromPrior(temperature) for name in names[levels:]}


def in_words(names: Sequence[str]) -> str:
    """Names in a sentence: all of them, or the first two and the last."""
    return ", ".join(names) if len(names) <= 8 else f"{names[0]}, {names[1]}, ..., {names[-1]}"


def worth_showing(rates: Sequence[float], most: int) -> list[int]:
    """Up to `most` numbers of levels, counted from the top, in order: the first latent, all of them, and those between
    after which about equally many more nats are told; the rates are in that order, nats. All where there are no more.
    """
    n = len(rates)
    if most < 2:
        raise ValueError(f"most must be at least 2, got {most}")
    if n <= most:
        return list(range(1, n + 1))
    told = [max(rate, 0.0) for rate in rates]
    total = sum(told)
    sums = [sum(told[: i + 1]) / total if total > 0 else (i + 1) / n for i in range(n)]
    chosen = {1, n}
    for share in range(1, most - 1):
        chosen.add(min(range(1, n + 1), key=lambda i: (i in chosen, abs(sums[i - 1] - share / (most - 1)))))
    return sorted(chosen)
