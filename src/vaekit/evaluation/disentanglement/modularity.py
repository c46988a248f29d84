"""Modularity: whether a dimension knows of one factor alone."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vaekit.evaluation.disentanglement.information import BINS, mutual_information
from vaekit.evaluation.disentanglement.points import checked

__all__ = ["Modularity", "modularity"]


@dataclass(frozen=True, eq=False)
class Modularity:
    """`information` of every dimension and factor (D, F), nats."""

    information: Float[Tensor, "D F"]

    @property
    def dimensions(self) -> Float[Tensor, " D"]:
        """Of each dimension 1 - sum_{k != best} I_k^2 / (I_best^2 (F - 1)); 0 where it knows nothing at all."""
        squares = self.information.square()
        best = squares.amax(1)
        others = (squares.sum(1) - best) / torch.where(best > 0, best, 1) / (squares.shape[1] - 1)
        return torch.where(best > 0, 1 - others, 0)

    @property
    def score(self) -> float:
        """The mean over dimensions: 0 to 1."""
        return float(self.dimensions.mean())


def modularity(codes: Float[Tensor, "N D"], factors: Int[Tensor, "N F"]) -> Modularity:
    """How near each dimension is to knowing one factor alone; Ridgeway & Mozer 2018, sec. 3.

    Information is of 20 equal bins. That two dimensions know the same costs nothing, and idle ones count by chance.
    """
    points = checked(codes, factors, least=BINS)
    return Modularity(mutual_information(points))
