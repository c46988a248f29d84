"""Graphs with known answers, each written as a function of the walk."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Categorical, Independent, Normal

from vaekit.models import Model, Walk

MEANS, SPREAD, NOISE = torch.tensor([-1.0, 0.5, 2.0]), 0.7, 0.4  # of z given y, and of x given z, as variances
LOG_P = torch.tensor([0.5, 0.3, 0.2]).log()


class Graph(Model):
    def __init__(self, function: Callable[[Walk], object]) -> None:
        super().__init__()
        self.function = function

    def evidence(self, data, context):
        return data["x"]

    def walk(self, walk: Walk) -> None:
        self.function(walk)


def normal(loc: Tensor, scale: float = 1.0) -> Independent:
    return Independent(Normal(loc, torch.full_like(loc, scale), validate_args=False), 1, validate_args=False)


def half_posterior(x: Tensor) -> Independent:
    """q(z|x) where z ~ N(0, 1) and x | z ~ N(z, 1)."""
    return normal(x / 2, 0.5**0.5)


def chain(walk: Walk) -> None:
    """z ~ N(0, 1), x | z ~ N(z, 1), with the exact posterior."""
    z = walk.latent("z", normal(torch.zeros(3)), lambda: half_posterior(walk.evidence))
    walk.likelihood("x", normal(z))


def two_levels(walk: Walk) -> None:
    """top ~ N(0, 1), z | top ~ N(top, 1), x | z ~ N(z, 1); q(top|x) = N(x / 3, 1), q(z|x) = N(x / 2, 1)."""
    top = walk.latent("top", normal(torch.zeros(3)), lambda: normal(walk.evidence / 3))
    z = walk.latent("z", normal(top), lambda: normal(walk.evidence / 2))
    walk.likelihood("x", normal(z))


def clusters(walk: Walk) -> None:
    """y ~ p, z | y ~ N(MEANS[y], SPREAD), x | z ~ N(z, NOISE); any q(y|x), and the exact q(z|x, y)."""
    guess = torch.outer(walk.evidence[:, 0], torch.tensor([-1.0, 0.2, 0.8])) if walk.evidence is not None else None
    y = walk.latent("y", Categorical(logits=LOG_P.double()), lambda: Categorical(logits=guess))
    mean = MEANS.double()[y].unsqueeze(-1)
    z = walk.latent("z", normal(mean, SPREAD**0.5), lambda: cluster_posterior(walk.evidence, mean))
    walk.likelihood("x", normal(z, NOISE**0.5))


def cluster_posterior(x: Tensor, mean: Tensor) -> Independent:
    precision = 1 / SPREAD + 1 / NOISE
    return normal((mean / SPREAD + x / NOISE) / precision, precision**-0.5)
