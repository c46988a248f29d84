import numpy as np
import pytest
import torch
from models.graphs import Graph, normal
from torch.testing import assert_close

from vaekit.objectives import CovariancePenalty, covariance

B, D = 500, 3


def spread(scale: float):
    means = torch.randn(B, D) @ torch.tensor([[1.0, 0.5, 0.0], [0.0, 0.8, 0.3], [0.0, 0.0, 1.4]])
    graph = Graph(lambda w: w.latent("z", normal(torch.zeros(D)), lambda: normal(means, scale)))
    return means, graph.infer(torch.zeros(B, 1))


def expected(matrix: np.ndarray, off_diagonal: float, diagonal: float) -> float:
    return sum(
        diagonal * (matrix[i, i] - 1) ** 2 if i == j else off_diagonal * matrix[i, j] ** 2
        for i in range(D)
        for j in range(D)
    )


@pytest.mark.parametrize("noise", [False, True])
def test_the_penalty_is_that_of_numpys_covariance_element_by_element(noise):
    means, inference = spread(0.6)
    matrix = np.cov(means.numpy().T, bias=True) + (0.36 * np.eye(D) if noise else 0)
    found = CovariancePenalty(off_diagonal=3.0, diagonal=7.0, noise=noise)(inference, {})
    assert_close(found.item(), expected(matrix, 3.0, 7.0))


def test_with_noise_it_is_the_covariance_of_draws():
    means, inference = spread(0.6)
    many = torch.stack([inference.latents["z"].posterior.sample() for _ in range(400)]).flatten(0, 1)
    assert_close(covariance(many), covariance(means) + 0.36 * torch.eye(D), atol=0.02, rtol=0)


def test_whitened_means_cost_nothing_and_single_rows_break_nothing():
    z = torch.randn(B, D)
    z = (z - z.mean(0)) @ torch.linalg.cholesky(torch.linalg.inv(covariance(z)))
    graph = Graph(lambda w: w.latent("z", normal(torch.zeros(D)), lambda: normal(z)))
    assert_close(CovariancePenalty()(graph.infer(torch.zeros(B, 1)), {}), torch.zeros(()), atol=1e-20, rtol=0)
    assert_close(covariance(torch.randn(1, D)), torch.zeros(D, D))


@pytest.mark.parametrize("name", ["off_diagonal", "diagonal"])
def test_weights_below_0_are_refused(name):
    with pytest.raises(ValueError, match=f"{name} must be a finite number of at least 0, got -1"):
        CovariancePenalty(**{name: -1.0})
