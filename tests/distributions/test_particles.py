import math

import pytest
import torch
from scipy import stats
from torch.testing import assert_close

from vaekit.distributions import Tilted, tilted_particles
from vaekit.distributions.particles import next_share, resampled

SIDE = torch.linspace(-8, 8, 801, dtype=torch.float64)


def waves(z):
    return 5 * torch.sin(2 * z[:, 0]) * torch.cos(2 * z[:, 1])


def noise(n, d, seed=0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def log_z_on_grid(tilt):
    grid = torch.cartesian_prod(SIDE, SIDE)
    density = tilt(grid) - grid.square().sum(1) / 2 - math.log(2 * math.pi)
    return density.logsumexp(0) + 2 * math.log(SIDE[1] - SIDE[0])


def test_the_normaliser_is_that_of_the_grid():
    found = torch.stack([tilted_particles(waves, noise(4096, 2, seed))[1] for seed in range(8)])
    assert abs(found.mean() - log_z_on_grid(waves)) < 0.02
    assert found.std() < 0.06


def test_the_normaliser_of_a_normal_far_off_is_the_closed_form():
    d, away = 10, 1.5  # exp(-2 |z - m|^2) N(z; 0, I): a normal of variance 1/5 around 4/5 m
    z, found = tilted_particles(lambda v: -2 * (v - away).square().sum(1), noise(4096, d))
    assert abs(found - d * (-0.5 * math.log(5) - 0.4 * away**2)) < 0.15
    assert_close(z.mean(0), torch.full((d,), 0.8 * away), atol=0.03, rtol=0)
    assert_close(z.var(0), torch.full((d,), 0.2), atol=0.02, rtol=0)


def test_draws_are_of_the_density_that_prices_them():
    p = Tilted(log_z_on_grid(waves), waves, 2)
    density = p.log_prob(torch.cartesian_prod(SIDE, SIDE)).exp().view(801, 801)
    for axis in (0, 1):
        marginal = density.sum(1 - axis) * (SIDE[1] - SIDE[0])
        cumulative = torch.cumulative_trapezoid(marginal, SIDE)
        assert abs(cumulative[-1] - 1) < 1e-4
        drawn = p.sample((4000,))[:, axis].contiguous()
        at = torch.searchsorted(SIDE, drawn).clamp(1, 800) - 1
        assert stats.kstest(cumulative[at].numpy(), "uniform").statistic < 0.04


def test_mean_and_variance_are_those_of_a_shifted_normal():
    shift = torch.tensor([0.5, -1.0])
    p = Tilted(shift.square().sum() / 2, lambda z: z @ shift, 2)
    assert_close(p.mean, shift, atol=0.03, rtol=0)
    assert_close(p.variance, torch.ones(2), atol=0.06, rtol=0)
    z = torch.randn(5, 2)
    normal = torch.distributions.Normal(shift, 1.0)
    assert_close(p.log_prob(z), normal.log_prob(z).sum(-1))
    assert p.expand((3,)).sample((4,)).shape == (4, 3, 2)


def test_shares_rise_as_far_as_seven_tenths_of_the_particles_count():
    gains = torch.randn(1000) * 20
    b = next_share(gains, 0.0)
    weights = (b * gains).softmax(0)
    assert 1 / weights.square().sum() / 1000 == pytest.approx(0.7, abs=1e-3)
    assert next_share(torch.zeros(10), 0.0) == 1.0


def test_particles_come_back_as_often_as_they_weigh():
    weights = torch.tensor([0.5, 0.25, 0.25, 0.0])
    assert resampled(weights, None).bincount(minlength=4).tolist() == [2, 1, 1, 0]


def test_a_tilt_without_a_number_gives_none():
    assert tilted_particles(lambda z: z[:, 0] * math.nan, noise(16, 2))[1].isnan()
