"""Critics of data: their losses against hand calculations, which way gradients flow, and how a run with one goes."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

import vaekit as vk
from vaekit.networks import MLP, Critic, Joint, spectral_normed
from vaekit.objectives import (
    FeatureDistance,
    Fooling,
    GradientPenalty,
    Telling,
    ToldApart,
    generated,
    real,
    rebuilt,
    with_latent,
)
from vaekit.recipes.adversarial import Balance


class Linear(nn.Module):
    """x -> w x, with its features x twice."""

    def __init__(self, *w: float) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor(w))

    def features(self, x):
        return 2 * x

    def forward(self, x):
        return x @ self.w


@pytest.fixture
def model():
    torch.manual_seed(0)
    return vk.VAE(vk.StandardNormal(2), vk.Gaussian(MLP(3, 8), 2), vk.Gaussian(MLP(2, 8), 3, scale=0.5))


@pytest.fixture
def inference(model):
    return model.infer(torch.randn(5, 3))


def parts(inference):
    torch.manual_seed(1)
    return inference.data["x"], rebuilt(inference)[0], generated(inference)[0]


def test_the_critics_loss_is_that_of_telling_data_from_what_is_made(inference):
    critic = Linear(0.3, -0.7, 0.2)
    x, copy, new = parts(inference)
    logits = [critic(t) for t in (x, copy, new)]
    telling = Telling(critic, [rebuilt, generated])
    assert_close(telling(inference, {}), F.softplus(-logits[0]) + F.softplus(logits[1]) + F.softplus(logits[2]))
    hinge = Telling(critic, [rebuilt], loss="hinge")
    assert_close(hinge(inference, {}), (1 - logits[0]).clamp_min(0) + (1 + logits[1]).clamp_min(0))
    right = (logits[0] > 0).double() + 1 - ((logits[1] > 0).double() + (logits[2] > 0).double()) / 2
    assert_close(ToldApart(telling)(inference, {}), right / 2)


def test_fooling_is_what_is_lost_while_the_critic_sees_through_it(inference):
    critic = Linear(0.3, -0.7, 0.2)
    _, copy, new = parts(inference)
    a, b = critic(copy), critic(new)
    assert_close(Fooling(critic, [rebuilt, generated])(inference, {}), F.softplus(-a) + F.softplus(-b))
    assert_close(Fooling(critic, [rebuilt], game="hinge")(inference, {}), -a)
    assert_close(Fooling(critic, [rebuilt], game="saturating")(inference, {}), torch.log(1 - torch.sigmoid(a)))
    assert_close(
        Fooling(critic, [rebuilt], [real])(inference, {}), F.softplus(-a) + F.softplus(critic(inference.data["x"]))
    )


def test_the_penalty_is_half_the_squared_slope_at_real_data(inference):
    critic = Linear(0.3, -0.7, 0.2)
    with torch.no_grad():
        found = GradientPenalty(critic)(inference, {})
    assert_close(found, torch.full((5,), (0.09 + 0.49 + 0.04) / 2))
    (slope,) = torch.autograd.grad(GradientPenalty(critic)(inference, {}).mean(), critic.w)
    assert_close(slope, critic.w.detach())


def test_the_distance_in_features_moves_what_comes_back_alone(inference, model):
    distance = FeatureDistance(Linear(1.0, 1.0, 1.0))(inference, {})
    x, copy, _ = parts(inference)
    assert_close(distance, 2 * (x - copy).square().sum(1))
    distance.sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.encoder.parameters())


def test_the_critic_learns_nothing_of_the_model_and_the_model_all_of_the_critic(inference, model):
    critic = Critic(MLP(3, 4))
    Telling(critic, [rebuilt, generated])(inference, {}).sum().backward()
    assert all(p.grad is None for p in model.parameters())
    assert all(p.grad is not None for p in critic.parameters())
    Fooling(critic, [rebuilt])(inference, {}).sum().backward()
    assert all(p.grad is not None for p in model.encoder.parameters())


def test_pairs_are_data_with_their_codes_and_draws_with_what_they_give(inference):
    x, z = with_latent("z")(inference)
    assert torch.equal(x, inference.data["x"])
    assert torch.equal(z, inference.latents["z"].value)
    made, drawn = with_latent("z", forwards=True)(inference)
    assert_close(made, inference.model.decode(drawn).mean)
    critic = Critic(Joint([MLP(3, 4), nn.Identity()], MLP(6, 5)))
    assert critic(x, z).shape == (5,)
    assert inference.generated() is inference.generated()


def test_several_draws_are_refused(model):
    with pytest.raises(ValueError, match="critics look at one draw of each example"):
        rebuilt(model.infer(torch.randn(5, 3), samples=4))


def test_spectral_norms_are_one():
    torch.manual_seed(0)
    network = spectral_normed(nn.Sequential(nn.Linear(6, 9), nn.ReLU(), nn.Conv2d(3, 4, 3)))
    for _ in range(200):
        network[0](torch.randn(2, 6))
    assert_close(torch.linalg.matrix_norm(network[0].weight, 2), torch.tensor(1.0), atol=1e-4, rtol=0)


def test_a_critic_that_wins_outright_ends_the_run_with_a_sentence():
    balance = Balance()
    assert [balance({"told-apart": share}) for share in (1.0, 1.0, 0.7, 1.0, 1.0)] == [None] * 5
    assert "the critic has told 100.0 % of the examples apart for 3 epochs" in balance({"told-apart": 1.0})
