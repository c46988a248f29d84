"""Disentanglement, completeness and informativeness: which dimensions a predictor of each factor leans on."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from vaekit.evaluation.disentanglement.boosting import boosted
from vaekit.evaluation.disentanglement.information import entropy
from vaekit.evaluation.disentanglement.points import checked

__all__ = ["DCI", "dci", "gradient_boosting"]

Learner = Callable[[NDArray, NDArray, NDArray], tuple[NDArray, NDArray]]


@dataclass(frozen=True, eq=False)
class DCI:
    """How much the predictor of each factor leans on each dimension, (D, F), and how often it is right, (F,)."""

    importance: Float[Tensor, "D F"]
    accuracy: Float[Tensor, " F"]

    @property
    def disentanglement(self) -> float:
        """1 - H(factors) / log F of each dimension's importances, averaged by how much each is leaned on."""
        return concentration(self.importance)

    @property
    def completeness(self) -> float:
        """1 - H(dimensions) / log D of each factor's importances, averaged by how much each leans on any."""
        return concentration(self.importance.T)

    @property
    def informativeness(self) -> float:
        """The share of test points whose value is predicted rightly, averaged over factors; the paper has errors instead."""
        return float(self.accuracy.mean())


def dci(codes: Float[Tensor, "N D"], factors: Int[Tensor, "N F"], *, learner: Learner = boosted, seed: int = 0) -> DCI:
    """Importances of dimensions for predicting each factor, and their entropies; Eastwood & Williams 2018, sec. 2.

    `learner` takes points (N, D), values (N,) and new points (M, D) to importances (D,) and predictions (M,): `boosted`,
    or `gradient_boosting`, scikit-learn's with its defaults as in Locatello et al. 2019, which takes fifteen times as
    long; benchmarks/disentanglement.py has both side by side. Learned from two thirds of the points, tested on the others.
    """
    points = checked(codes, factors)
    learn, test = (rows.numpy() for rows in points.parted(seed))
    z, importance, accuracy = points.codes.numpy(), list[NDArray](), list[float]()
    for values in points.factors.numpy().T:
        leaned_on, predictions = learner(z[learn], values[learn], z[test])
        importance.append(np.maximum(leaned_on, 0))  # some learners' fall below by rounding
        accuracy.append(float((predictions == values[test]).mean()))
    return DCI(torch.from_numpy(np.stack(importance, 1)), torch.tensor(accuracy, dtype=torch.float64))


def concentration(importance: Float[Tensor, "n m"]) -> float:
    """1 - H / log m of each row's shares, averaged by the rows' sums; 0 where nothing has any importance."""
    sums = importance.sum(1)
    shares = importance / torch.where(sums > 0, sums, 1)[:, None]
    each = 1 - entropy(shares) / np.log(importance.shape[1])
    return float((each * sums).sum() / sums.sum()) if bool(sums.sum() > 0) else 0.0


def gradient_boosting(z: NDArray, values: NDArray, new: NDArray) -> tuple[NDArray, NDArray]:
    """scikit-learn's gradient boosting with its defaults: importances (D,) and predictions at `new`. It takes minutes."""
    from sklearn.ensemble import GradientBoostingClassifier

    found = GradientBoostingClassifier(random_state=0).fit(z, values)
    return found.feature_importances_, found.predict(new)
