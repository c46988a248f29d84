"""Separated attribute predictability: whether one dimension alone predicts a factor."""

import warnings
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vaekit.evaluation.disentanglement.points import checked

__all__ = ["SAP", "sap"]

STRENGTH = 0.01  # C of the support vector machines


@dataclass(frozen=True, eq=False)
class SAP:
    """The share of test points whose value of a factor (columns) is predicted rightly from one dimension (rows)."""

    accuracy: Float[Tensor, "D F"]

    @property
    def gaps(self) -> Float[Tensor, " F"]:
        """How much better the best dimension predicts a factor than the next."""
        best, second = self.accuracy.topk(2, dim=0).values
        return best - second

    @property
    def score(self) -> float:
        """The mean of the gaps: 0 to 1."""
        return float(self.gaps.mean())


def sap(codes: Float[Tensor, "N D"], factors: Int[Tensor, "N F"], *, seed: int = 0) -> SAP:
    """The mean over factors of the gap between the two dimensions that predict it best; Kumar et al. 2018, sec. 3.

    With linear support vector machines (C = 0.01, classes balanced) of one dimension, learned from two thirds of the
    points and tested on the others, as in Locatello et al. 2019. They are regularised, so codes of another scale score
    otherwise; and a line parts few of many values, so that no code of a factor of 40 comes near to 1.
    """
    points = checked(codes, factors)
    learn, test = points.parted(seed)
    accuracy = torch.empty(points.dimensions, len(points.sizes), dtype=torch.float64)
    for j in range(points.dimensions):
        column = points.codes[:, j : j + 1]
        for k, values in enumerate(points.factors.unbind(1)):
            accuracy[j, k] = predicted(column[learn], values[learn], column[test], values[test])
    return SAP(accuracy)


def predicted(x: Tensor, y: Tensor, new: Tensor, truth: Tensor) -> float:
    """The accuracy at `new` (M, 1) of a linear support vector machine learned from x (N, 1) and y (N,)."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.svm import LinearSVC  # scikit-learn takes a second to import

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        machine = LinearSVC(C=STRENGTH, class_weight="balanced", dual=False).fit(x.numpy(), y.numpy())
    return float(machine.score(new.numpy(), truth.numpy()))
