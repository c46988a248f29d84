import math

import pytest
import torch
from torch.distributions import MultivariateNormal
from torch.testing import assert_close

from vaekit.evaluation import ppca


def marginal(p):
    return MultivariateNormal(p.mean, p.weight @ p.weight.T + p.noise * torch.eye(len(p.mean)))


def test_the_density_is_that_of_the_gaussian_it_says(optimum, correlated):
    x = correlated.x.double()
    assert_close(optimum.log_likelihood(x), marginal(optimum).log_prob(x))


def test_the_mean_log_likelihood_of_its_own_data_is_the_closed_form(optimum, correlated):
    d, k = 6, 3
    eigenvalues = torch.linalg.eigvalsh(correlated.x.double().T.cov(correction=0)).flip(0)
    noise = eigenvalues[k:].mean()
    expected = -(d * math.log(2 * math.pi) + eigenvalues[:k].log().sum() + (d - k) * noise.log() + d) / 2
    assert_close(optimum.noise, float(noise))
    assert_close(optimum.log_likelihood(correlated.x).mean(), expected)


def test_it_is_a_maximum(optimum, correlated):
    x, best = correlated.x.double(), optimum.log_likelihood(correlated.x).mean()
    for _ in range(20):
        weight = optimum.weight + 0.01 * torch.randn(6, 3)
        noise = optimum.noise * math.exp(0.01 * float(torch.randn(())))
        other = MultivariateNormal(optimum.mean + 0.01 * torch.randn(6), weight @ weight.T + noise * torch.eye(6))
        assert other.log_prob(x).mean() < best


def test_the_posterior_is_that_of_the_linear_gaussian_model(optimum, correlated):
    x, w = correlated.x.double(), optimum.weight
    precision = torch.eye(3) + w.T @ w / optimum.noise
    assert_close(torch.diag(optimum.posterior_variance), precision.inverse())
    assert_close(optimum.posterior_mean(x), (x - optimum.mean) @ w @ precision.inverse() / optimum.noise)


def test_the_mean_rate_over_its_own_data_is_half_the_log_of_signal_to_noise(optimum, correlated):
    assert_close(optimum.rate(correlated.x).mean(), (optimum.spread / optimum.noise).log().sum() / 2)


def test_pictures_are_flattened_and_other_shapes_refused(correlated):
    p = ppca(correlated.x.view(40, 1, 2, 3), 2)
    assert p.weight.shape == (6, 2)
    with pytest.raises(ValueError, match=r"x must hold 6 numbers per example, got shape \(2, 5\)"):
        p.log_likelihood(torch.zeros(2, 5))


def test_dimensions_that_leave_no_noise_are_refused(correlated):
    with pytest.raises(ValueError, match="latent must be below the 40 examples and their 6 dimensions, got 6"):
        ppca(correlated.x, 6)
    with pytest.raises(ValueError, match="x has no noise beyond them"):
        ppca(torch.randn(40, 2) @ torch.randn(2, 6), 2)
    with pytest.raises(ValueError, match="latent must be a whole number of at least 1, got 0"):
        ppca(correlated.x, 0)
