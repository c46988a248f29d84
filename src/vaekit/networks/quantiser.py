"""Quantisers: vectors to the nearest of finitely many, and back from their numbers."""

from abc import ABC, abstractmethod
from typing import NamedTuple

from jaxtyping import Float, Int
from torch import Tensor, nn

__all__ = ["AfterStep", "Quantisation", "Quantiser", "StartsOnData", "straight_through"]


class Quantisation(NamedTuple):
    """What vectors x (B, P, D) became: `value` (B, P, D), `code` (B, P, Q) and `penalty` (B,).

    `value` holds embeddings, with the gradient that passes to x; `code` their numbers, one for each of the quantiser's
    Q digits; `penalty` what the quantiser charges for each example, summed over its P vectors.
    """

    value: Float[Tensor, "B P D"]
    code: Int[Tensor, "B P Q"]
    penalty: Float[Tensor, " B"]


class AfterStep(nn.Module, ABC):
    """A module with something to do once the parameters have moved, which every process does alike."""

    @abstractmethod
    def after_step(self) -> None:
        """What was noted in the forward passes since the last step is used, and forgotten."""

    @abstractmethod
    def forget(self) -> None:
        """What was noted is forgotten: the step did not move this module."""


class StartsOnData(nn.Module):
    """A module that, while `starting`, begins anew from what the next forward pass shows it."""

    starting: bool = False


class Quantiser(nn.Module, ABC):
    """Vectors of `dim` numbers to codes of `sizes` kinds, one for each digit: (K,), or (K_1, ..., K_Q).

    `fixed`: its codes lie where they lie, from -1 to 1, and move to no data, so that data must reach them from the start.
    """

    fixed: bool = False

    dim: int
    sizes: tuple[int, ...]

    @abstractmethod
    def forward(self, x: Float[Tensor, "B P D"]) -> Quantisation:
        """The embeddings, codes and penalty of B examples of P vectors."""

    @abstractmethod
    def embed(self, code: Int[Tensor, "*front Q"]) -> Float[Tensor, "*front D"]:
        """The vectors that codes stand for."""


def straight_through(x: Tensor, e: Tensor) -> Tensor:
    """e itself, with a gradient of x as if quantising had not happened (Bengio et al. 2013)."""
    return e.detach() + (x - x.detach())
