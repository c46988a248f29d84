"""Distributions that draw symbols, each from a distribution of its own."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Self

from torch.distributions import Distribution

__all__ = ["OfSymbols", "is_exact", "is_fitted"]

Change = Callable[[Distribution], Distribution]


class OfSymbols(Distribution):
    """A distribution made of others over single symbols, which can be changed (tempered, narrowed) one by one.

    `exact`: whether `log_prob` is what it says, and not a bound of it.
    """

    @property
    def exact(self) -> bool:
        """That of what it is made of."""
        return is_exact(getattr(self, "base_dist", None))

    @abstractmethod
    def each(self, change: Change) -> Self:
        """The same, with `change` applied to the distribution of every symbol."""


def is_exact(d: Distribution | None) -> bool:
    """Whether log-densities of d are themselves rather than bounds of them."""
    return bool(getattr(d, "exact", True))


def is_fitted(d: Distribution | None) -> bool:
    """Whether d is meant to be drawn from, and does not only stand for a prior that is yet to be fitted."""
    return bool(getattr(d, "fitted", True))
