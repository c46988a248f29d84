"""How far draws of a prior and of an aggregate posterior can be told apart, by a cross-fitted classifier."""

import math
import warnings

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from torch import Tensor

__all__ = ["separation"]

FOLDS = 5
FEWEST = 4 * FOLDS  # draws, below which nothing can be learned in four folds and tested in the fifth
CROSSED = 16  # dimensions, above which products of two different ones are left to the network
LEAST = 1e-6  # a probability this near 0 or 1 counts as this, so that its logarithm is finite

Array = NDArray[np.float64]


def separation(
    prior: Float[Tensor, "N *latent"], aggregate: Float[Tensor, "N *latent"], seed: int = 0
) -> tuple[float, float, Float[Tensor, " N"]]:
    """The area under the curve of a cross-fitted classifier of the two, its standard error, and log q - log p (N,).

    The odds are those of a logistic regression on the coordinates, their squares and (up to 16 of them) their products,
    which is right for normals, and of a small network, which bends; a logistic regression of the two weighs them. Each
    draw is judged by classifiers that did not see it; areas are averaged over five folds. ValueError where the two do
    not fit each other.
    """
    check_draws(prior, aggregate)
    z = torch.cat([prior, aggregate]).flatten(1).double().numpy()
    encoded = np.repeat([0, 1], [len(prior), len(aggregate)])
    parts = list(StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(z, encoded))
    opinions = np.empty((len(z), 2))
    for learn, test in parts:
        opinions[test] = log_odds(z[learn], encoded[learn], z[test], seed)
    odds = np.empty(len(z))
    for learn, test in parts:
        odds[test] = LogisticRegression().fit(opinions[learn], encoded[learn]).decision_function(opinions[test])
    folds = [(odds[test][encoded[test] == 0], odds[test][encoded[test] == 1]) for _, test in parts]
    balance = math.log(len(aggregate) / len(prior))
    return *area(folds), torch.from_numpy(odds[: len(prior)] - balance)


def log_odds(z: Array, encoded: NDArray[np.int64], new: Array, seed: int) -> Array:
    """log P(encoded | z) - log P(drawn from the prior | z) at `new` (M, D) by two judges, learned from `z`: (M, 2)."""
    network = MLPClassifier(
        (64, 64), alpha=0.01, early_stopping=True, max_iter=60, n_iter_no_change=8, random_state=seed
    )
    judges = [
        make_pipeline(StandardScaler(), FunctionTransformer(powers), StandardScaler(), LogisticRegression(C=0.01)),
        make_pipeline(StandardScaler(), network),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        chances = [judge.fit(z, encoded).predict_proba(new)[:, 1].clip(LEAST, 1 - LEAST) for judge in judges]
    return np.stack([np.log(p) - np.log1p(-p) for p in chances], axis=1)


def powers(z: Array) -> Array:
    """Coordinates and their squares, and up to CROSSED of them also their products."""
    if z.shape[1] > CROSSED:
        return np.concatenate([z, z**2], axis=1)
    first, second = np.triu_indices(z.shape[1])
    return np.concatenate([z, z[:, first] * z[:, second]], axis=1)


def area(folds: list[tuple[Array, Array]]) -> tuple[float, float]:
    """The mean over folds of P(odds of an encoded draw > odds of a prior's), ties by half, and its standard error.

    The error is that of the placements of the draws in their folds; DeLong et al. 1988.
    """
    encoded, drawn = list[Array](), list[Array]()
    for theirs, ours in folds:
        above = (ours[:, None] > theirs) + 0.5 * (ours[:, None] == theirs)
        encoded.append(above.mean(1))
        drawn.append(above.mean(0))
    variance = sum(float(np.concatenate(part).var(ddof=1)) / sum(map(len, part)) for part in (encoded, drawn))
    return float(np.mean([part.mean() for part in encoded])), math.sqrt(variance)


def check_draws(prior: Tensor, aggregate: Tensor) -> None:
    """ValueError unless both are draws of one shape, enough of them and finite."""
    if prior.shape[1:] != aggregate.shape[1:]:
        raise ValueError(f"prior and aggregate must have one shape, got {tuple(prior.shape)}, {tuple(aggregate.shape)}")
    for name, draws in (("prior", prior), ("aggregate", aggregate)):
        if len(draws) < FEWEST:
            raise ValueError(f"{name} must hold at least {FEWEST} draws, got {len(draws)}")
        if not bool(draws.isfinite().all()):
            raise ValueError(f"{name} must be finite, got NaN or Inf among its draws")
