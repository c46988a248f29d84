import math

import pytest
import torch
from models.graphs import Graph, normal
from torch import nn
from torch.distributions import Categorical, kl_divergence
from torch.testing import assert_close

from vaekit.conditionals import Gaussian
from vaekit.models import VAE, Enumerate, Mean
from vaekit.networks import MLP
from vaekit.objectives import DensityRatio, Distortion, permuted_draws, posterior_draws, prior_draws
from vaekit.priors import StandardNormal

B, K, D = 5, 3, 2
SHIFT = torch.tensor([0.8, -0.5])


class Linear(nn.Module):
    """The log ratio of N(shift, 1) over N(0, 1): shift . z - |shift|^2 / 2, (N, D) to (N,)."""

    def __init__(self, shift):
        super().__init__()
        self.shift = nn.Parameter(shift.double())

    def forward(self, z):
        assert z.ndim == 2
        return z @ self.shift - (self.shift**2).sum() / 2


def ratio(critic):
    return DensityRatio("ratio", critic, posterior_draws("z"), prior_draws("z"))


def shifted(batch=B, **how):
    """z with posterior N(SHIFT, 1) and prior N(0, 1)."""
    graph = Graph(lambda w: w.latent("z", normal(torch.zeros(D)), lambda: normal(SHIFT.double().expand(batch, D))))
    return graph.infer(torch.zeros(batch, 1), **how)


@pytest.mark.parametrize("samples", [None, K])
def test_a_ratio_is_the_critics_word_on_the_draws_averaged(samples):
    inference = shifted(samples=samples)
    z = inference.latents["z"].value
    exact = normal(SHIFT.double()).log_prob(z) - normal(torch.zeros(D)).log_prob(z)
    assert_close((1.0 * ratio(Linear(SHIFT)))(inference), exact if samples is None else exact.mean(0))


def test_the_exact_ratio_averages_to_the_divergence():
    draws = ratio(Linear(SHIFT))(shifted(100_000), {})
    truth = kl_divergence(normal(SHIFT.double()), normal(torch.zeros(D)))
    assert (draws.mean() - truth).abs() < 4 * draws.std() / len(draws) ** 0.5


def test_a_critic_that_knows_nothing_pays_log_2_twice():
    assert_close(ratio(Linear(torch.zeros(D))).critic_loss()(shifted(), {}), torch.full((B,), 2 * math.log(2)))


def test_the_exact_ratio_is_the_best_critic():
    def loss(shift):
        torch.manual_seed(1)
        return ratio(Linear(shift)).critic_loss()(shifted(100_000), {}).mean().item()

    best = loss(SHIFT)
    assert all(best < loss(SHIFT * factor) for factor in (-1.0, 0.0, 0.5, 1.5))
    assert best < 2 * math.log(2)


def test_the_gradient_of_a_critics_loss_vanishes_at_the_exact_ratio():
    critic = Linear(SHIFT)
    ratio(critic).critic_loss()(shifted(200_000), {}).mean().backward()
    assert_close(critic.shift.grad, torch.zeros(D), atol=0.01, rtol=0)


@pytest.fixture
def model():
    return VAE(StandardNormal(D), Gaussian(MLP(4, 8), D), Gaussian(MLP(D, 8), 4))


def test_a_critics_loss_moves_the_critic_and_no_model(model):
    critic = Linear(SHIFT)
    ratio(critic).critic_loss()(model.infer(torch.randn(B, 4)), {}).sum().backward()
    assert critic.shift.grad.abs().sum() > 0
    assert all(p.grad is None for p in model.parameters())


def test_a_ratio_pulls_the_draws_along_the_critics_slope(model):
    critic, inference = Linear(SHIFT), model.infer(torch.randn(B, 4))
    (slope,) = torch.autograd.grad(ratio(critic)(inference, {}).sum(), inference.latents["z"].value)
    assert_close(slope, SHIFT.double().expand(B, D))
    (Distortion() + ratio(critic))(model.infer(torch.randn(B, 4))).sum().backward()
    assert all(p.grad is not None for p in model.encoder.parameters())


def test_prior_draws_are_as_many_as_the_latent_has_values_and_carry_no_gradient():
    where = torch.zeros(D, requires_grad=True)
    graph = Graph(lambda w: w.latent("z", normal(where + 5), lambda: normal(torch.zeros(B, D))))
    inference = graph.infer(torch.zeros(B, 1), samples=2000)
    (drawn,) = prior_draws("z")(inference)
    assert drawn.shape == (2000, B, D)
    assert not drawn.requires_grad
    assert_close(drawn.mean((0, 1)), torch.full((D,), 5.0), atol=0.05, rtol=0)


def test_permuted_draws_keep_every_marginal_and_lose_what_elements_have_in_common():
    where = torch.randn(4000, 1).expand(-1, D)
    graph = Graph(lambda w: w.latent("z", normal(torch.zeros(D)), lambda: normal(where, 0.1)))
    inference = graph.infer(torch.zeros(4000, 1))
    (mixed,) = permuted_draws("z")(inference)
    (z,) = posterior_draws("z")(inference)
    assert_close(mixed.sort(0).values, z.sort(0).values)
    assert torch.corrcoef(z.T)[0, 1] > 0.98
    assert torch.corrcoef(mixed.T)[0, 1].abs() < 0.06
    with pytest.raises(ValueError, match="ask for no samples"):
        permuted_draws("z")(graph.infer(torch.zeros(4000, 1), samples=2))


def labelled(walk):
    z = walk.latent("z", normal(torch.zeros(D)), lambda: normal(SHIFT.double().expand(B, D)))
    walk.latent("y", Categorical(logits=torch.zeros(3)), lambda: Categorical(logits=walk.evidence))
    return z


def test_draws_made_before_a_label_was_enumerated_count_once_for_each_label():
    inference = Graph(labelled).infer(torch.randn(B, 3), samples=K, at={"y": Enumerate()})
    z, critic = inference.latents["z"].value, Linear(SHIFT)
    assert posterior_draws("z")(inference)[0].shape == (3, K, B, D)
    assert_close(ratio(critic)(inference, {}), critic(z.flatten(0, 1)).reshape(K, B).mean(0))


def test_a_mean_stands_for_all_its_draws():
    def graph(walk):
        walk.latent("top", normal(torch.zeros(D)), lambda: normal(torch.zeros(B, D)))
        walk.latent("z", normal(torch.zeros(D)), lambda: normal(SHIFT.double().expand(B, D)))

    inference = Graph(graph).infer(torch.zeros(B, 1), samples=K, at={"z": Mean()})
    assert_close(ratio(Linear(SHIFT))(inference, {}), (SHIFT.double() ** 2).sum().expand(B) / 2)
