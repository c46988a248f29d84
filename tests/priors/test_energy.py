import math

import pytest
import torch
from torch import nn
from torch.distributions import MixtureSameFamily, Normal
from torch.testing import assert_close

from vaekit.networks import MLP, Critic
from vaekit.priors import EnergyPrior
from vaekit.priors.energy import weighted_chains


class Slope(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.by = nn.Parameter(torch.linspace(0.5, -1.0, size))

    def forward(self, z):
        return z @ self.by


def network(size):
    return Critic(MLP(size, 32, 32, activation=nn.SiLU))


def test_a_linear_tilt_is_a_shifted_normal():
    prior = EnergyPrior(3, Slope(3), most=1e4).eval()
    z = torch.randn(6, 3)
    with torch.no_grad():
        exact = Normal(prior.tilt.by, 1.0).log_prob(z).sum(-1)
        assert_close(prior().log_prob(z), exact, atol=0.05, rtol=0)


def test_in_training_the_gradient_is_the_tilt_under_the_prior_less_that_at_the_value():
    prior = EnergyPrior(3, Slope(3), chains=20_000, steps=4, most=1e4).train()
    z = torch.tensor([[0.3, -2.0, 1.0]])
    prior().log_prob(z).sum().backward()
    assert_close(prior.tilt.by.grad, z[0] - prior.tilt.by.detach(), atol=0.05, rtol=0)  # d/dm log N(z; m, I)


@pytest.mark.parametrize("steps", [0, 1, 5])
@pytest.mark.parametrize("step", [0.3, 1.2])
def test_weighted_chains_have_the_moments_and_the_normaliser_of_the_tilted_normal(steps, step):
    slope = torch.tensor([1.0, -0.5])
    ends, log_w = weighted_chains(lambda z: z @ slope, torch.randn(200_000, 2), steps, step)
    assert_close(log_w.exp().mean(), (slope.square().sum() / 2).exp(), rtol=0.02, atol=0)
    weights = log_w.softmax(0)[:, None]
    assert_close((weights * ends).sum(0), slope, atol=0.03, rtol=0)
    assert_close((weights * (ends - slope).square()).sum(0), torch.ones(2), atol=0.05, rtol=0)


def test_chains_that_follow_the_slope_weigh_more_evenly_than_draws_of_the_normal():
    def counting(steps):
        _, log_w = weighted_chains(lambda z: -4 * (z - 1.5).square().sum(1), torch.randn(5000, 4), steps, 0.3)
        return 1 / log_w.softmax(0).square().sum()

    assert counting(40) > 5 * counting(0)


def test_it_learns_two_bumps_that_no_normal_has():
    torch.manual_seed(1)
    bumps = MixtureSameFamily(
        torch.distributions.Categorical(torch.tensor([0.7, 0.3])), Normal(torch.tensor([-1.0, 1.5]), 0.3)
    )
    prior = EnergyPrior(1, network(1), most=8.0).train()
    adam = torch.optim.Adam(prior.parameters(), lr=1e-2)
    for _ in range(300):
        adam.zero_grad()
        loss = -prior().log_prob(bumps.sample((200, 1))).mean()
        loss.backward()
        adam.step()
    z = bumps.sample((5000,))
    with torch.no_grad():
        divergence = (bumps.log_prob(z) - prior.eval()().log_prob(z[:, None])).mean()
    normal = Normal(z.mean(), z.std())
    assert divergence < 0.1 < 0.4 < (bumps.log_prob(z) - normal.log_prob(z)).mean()


def test_the_tilt_is_bounded_and_so_is_what_codes_gain_by_fleeing():
    prior = EnergyPrior(2, Slope(2), most=3.0).eval()
    far = 1e3 * prior.tilt.by.detach()[None]
    assert_close(prior.bounded(far), torch.tensor([3.0]))
    assert prior().log_prob(far) < -1e5


def test_the_normaliser_is_that_of_the_weights_there_are():
    prior = EnergyPrior(2, network(2)).eval()
    before = prior.log_normaliser()
    assert prior.log_normaliser() is before
    with torch.no_grad():
        for p in prior.tilt.parameters():
            p.normal_(0.0, 0.5)
    after = prior.log_normaliser()
    assert abs(after - before) > 0.1
    again = EnergyPrior(2, network(2)).eval()
    again.load_state_dict(prior.state_dict())
    assert_close(again.log_normaliser(), after)


@pytest.mark.parametrize("fused", [True, False])
def test_the_normaliser_follows_the_steps_of_every_optimiser(fused):
    prior = EnergyPrior(2, network(2))
    before = prior.eval().log_normaliser()
    adam = torch.optim.Adam(prior.parameters(), lr=0.1, fused=fused)
    for _ in range(5):
        adam.zero_grad()
        (-prior.train()().log_prob(torch.full((8, 2), 1.5)).mean()).backward()
        adam.step()
    assert abs(prior.eval().log_normaliser() - before) > 0.1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"size": 0}, "size must be a whole number of at least 1, got 0"),
        ({"chains": 0}, "chains must be a whole number of at least 1, got 0"),
        ({"steps": 1.5}, "steps must be a whole number of at least 0, got 1.5"),
        ({"step": 2.0}, "step must lie between 0 and 2, beyond which chains of a normal run away, got 2.0"),
        ({"most": math.inf}, "most must be a finite number of nats above 0, got inf"),
    ],
)
def test_it_says_what_it_needs(given, said):
    with pytest.raises(ValueError, match=said):
        EnergyPrior(**{"size": 2, "tilt": Slope(2), **given})
