import math

import pytest
import torch
from torch.distributions import Laplace, MultivariateNormal
from torch.testing import assert_close

from vaekit.distributions import hamiltonian_move, leapfrog
from vaekit.distributions.hamiltonian import first_step, tuned

COVARIANCE = torch.tensor([[2.0, 1.2, 0.0], [1.2, 1.0, 0.2], [0.0, 0.2, 0.3]], dtype=torch.float64)
MEAN = torch.tensor([1.0, -0.5, 3.0], dtype=torch.float64)


def target():
    return MultivariateNormal(MEAN, COVARIANCE)


def steps(rows, length):
    return torch.full((rows,), length)


def test_a_leapfrog_step_is_the_textbook_one():
    """p + h/2 g, z + h p, p + h/2 g of a standard normal, whose gradient is -z."""
    z, p, h = torch.tensor([[1.0, -2.0]]), torch.tensor([[0.5, 0.25]]), 0.1
    end, momentum, gain = leapfrog(lambda z: -z.square().sum(1) / 2, z, p, steps(1, h), 1)
    half = p - h / 2 * z
    assert_close(end, z + h * half)
    assert_close(momentum, half - h / 2 * end)
    assert_close(gain, (z.square() - end.square()).sum(1) / 2)


def test_a_trajectory_leads_back_when_its_momentum_is_turned():
    z, p = torch.randn(5, 3), torch.randn(5, 3)
    end, momentum, gain = leapfrog(target().log_prob, z, p, steps(5, 0.2), 12)
    back, turned, loss = leapfrog(target().log_prob, end, -momentum, steps(5, 0.2), 12)
    assert_close(back, z)
    assert_close(turned, -p)
    assert_close(loss, -gain)


def test_a_trajectory_keeps_volume_and_its_energy_to_second_order():
    def flow(both):
        z, p, _ = leapfrog(log_density, both[:1], both[1:], steps(1, 0.3), 1)
        return torch.cat([z, p])

    def log_density(z):
        return Laplace(0.0, 1.0).log_prob(z.pow(3)).sum(1) - z.square().sum(1)

    both, small = torch.randn(2, 1), 1e-5
    columns = [
        (flow(both + small * e.view(2, 1)) - flow(both - small * e.view(2, 1))) / (2 * small) for e in torch.eye(2)
    ]
    assert_close(torch.cat(columns, 1).det(), torch.tensor(1.0), rtol=1e-5, atol=0)

    def error(length):
        z, p = torch.ones(1, 3), torch.ones(1, 3)
        _, momentum, gain = leapfrog(target().log_prob, z, p, steps(1, length), round(1 / length))
        return abs(float(gain + (p.square() - momentum.square()).sum(1) / 2))

    assert error(0.025) / error(0.0125) == pytest.approx(4, rel=0.1)


def test_moves_leave_a_normal_as_it_is():
    """From exact draws: moments as before within four standard errors, though nearly all have moved."""
    n = 20_000
    z = start = target().sample((n,))
    for _ in range(4):
        z, chance = hamiltonian_move(target().log_prob, z, steps(n, 0.4), 5)
    assert 0.5 < float(chance.mean()) < 0.9
    assert float((z != start).any(1).double().mean()) > 0.95
    errors = (COVARIANCE.diagonal() / n).sqrt()
    assert bool(((z.mean(0) - MEAN).abs() < 4 * errors).all())
    found = torch.cov(z.T)
    spread = (COVARIANCE.square() + torch.outer(COVARIANCE.diagonal(), COVARIANCE.diagonal())).div(n).sqrt()
    assert bool(((found - COVARIANCE).abs() < 4 * spread).all())
    kurtosis = ((z - MEAN).pow(4).mean(0) / COVARIANCE.diagonal().square() - 3).abs()
    assert bool((kurtosis < 4 * math.sqrt(96 / n)).all())


def test_moves_lead_to_the_density_from_anywhere():
    n = 4000
    z = torch.full((n, 3), 5.0)
    for _ in range(40):
        z, _ = hamiltonian_move(target().log_prob, z, steps(n, 0.4), 8)
    assert_close(z.mean(0), MEAN, atol=0.1, rtol=0)
    assert_close(torch.cov(z.T), COVARIANCE, atol=0.15, rtol=0)


def test_the_longer_the_steps_the_fewer_are_accepted():
    z = target().sample((2000,))
    shares = [float(hamiltonian_move(target().log_prob, z, steps(2000, h), 5)[1].mean()) for h in (0.05, 0.5, 0.9)]
    assert shares[0] > 0.99
    assert shares[0] > shares[1] > shares[2]


def test_tuning_finds_the_length_of_which_two_thirds_are_accepted():
    z, length = target().sample((500,)), torch.tensor(first_step(3)) * 5
    accepted = []
    for _ in range(100):
        z, chance = hamiltonian_move(target().log_prob, z, length.expand(500), 5)
        length = tuned(length, chance.mean())
        accepted.append(float(chance.mean()))
    assert sum(accepted[50:]) / 50 == pytest.approx(0.65, abs=0.02)
    assert_close(tuned(torch.tensor(2.0), torch.tensor(0.65)), torch.tensor(2.0))


def test_a_trajectory_that_leads_nowhere_is_refused():
    def cliff(z):
        return torch.where(z[:, 0] < 1, -z.square().sum(1) / 2, torch.nan)

    z = torch.zeros(200, 2)
    moved, chance = hamiltonian_move(cliff, z, steps(200, 1.0), 3)
    assert bool(moved.isfinite().all())
    assert bool((moved[:, 0] < 1).all())
    assert bool((chance == 0).any())


def test_a_generator_makes_a_move_repeatable():
    z = torch.randn(6, 3)
    one, other, next_ = (
        hamiltonian_move(target().log_prob, z, steps(6, 0.3), 3, torch.Generator().manual_seed(seed))[0]
        for seed in (1, 1, 2)
    )
    assert torch.equal(one, other)
    assert not torch.equal(one, next_)
