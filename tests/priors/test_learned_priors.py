import math

import pytest
import torch
from torch.distributions import Independent, Normal
from torch.testing import assert_close

from vaekit.conditionals import Bernoulli, Gaussian
from vaekit.models import VAE
from vaekit.networks import MLP, Critic, MaskedFlow
from vaekit.priors import EnergyPrior, FlowPrior, MixtureOfGaussians, VampPrior

SHAPE, D = (1, 4, 4), 2


def integral(p) -> float:
    side = torch.linspace(-12, 12, 601)
    with torch.no_grad():
        density = p.log_prob(torch.cartesian_prod(side, side)).exp()
    return float(density.sum() * (side[1] - side[0]) ** 2)


def encoder():
    return Gaussian(MLP(SHAPE, 8), D)


def test_every_prior_is_a_density():
    flow = MaskedFlow(D, layers=2, hidden=(8,), quick_density=True)
    for prior in (MixtureOfGaussians(D, 4), VampPrior(D, SHAPE, 5), FlowPrior(D, flow)):
        assert abs(integral(prior.double()(posterior=encoder().double())) - 1) < 1e-3
    energy = EnergyPrior(D, Critic(MLP(D, 8))).eval()
    assert abs(integral(energy()) - 1) < 0.02  # its normaliser is an estimate


def test_a_mixture_is_the_weighted_sum_of_its_normals():
    prior = MixtureOfGaussians(D, 3)
    prior.logits.data = torch.tensor([0.5, -1.0, 0.2])
    p, z = prior(), torch.randn(6, D)
    scale = torch.nn.functional.softplus(torch.tensor(math.log(math.e - 1))) + 1e-3
    each = torch.stack([Normal(m, scale).log_prob(z).sum(-1) for m in prior.loc])
    assert_close(p.log_prob(z), (prior.logits.log_softmax(0)[:, None] + each).logsumexp(0))


def test_a_vamp_prior_is_the_average_posterior_of_its_inputs_held_in_their_range():
    prior, q = VampPrior(D, SHAPE, 5), encoder()
    prior.inputs.data = torch.randn(5, *SHAPE)
    z = torch.randn(7, D)
    each = torch.stack([q(u[None].clamp(0, 1)).log_prob(z) for u in prior.inputs])
    assert_close(prior(posterior=q).log_prob(z), each.logsumexp(0) - math.log(5))
    assert not torch.allclose(VampPrior(D, SHAPE, 5, unit=False)(posterior=q).mean, prior(posterior=q).mean)


def test_the_vamp_prior_of_a_model_is_made_of_its_own_encoder_and_moves_it():
    model = VAE(VampPrior(D, SHAPE, 5), encoder(), Bernoulli(MLP(D, 8), SHAPE))
    x = torch.rand(3, *SHAPE)
    inference = model.infer(x)
    inference.rate.sum().backward()
    assert model.prior.inputs.grad.abs().sum() > 0
    z = inference.latents["z"].value
    assert_close(inference.rate, (model.encode(x).log_prob(z) - model.prior(posterior=model.encoder).log_prob(z)))
    assert model.sample(4).shape == (4, *SHAPE)


def test_pseudo_inputs_can_start_as_examples():
    x = torch.rand(20, *SHAPE)
    model = VAE(VampPrior(D, SHAPE, 5, from_data=True), encoder(), Bernoulli(MLP(D, 8), SHAPE))
    model.start_on({"x": x})
    assert all((x == u).flatten(1).all(1).any() for u in model.prior.inputs)
    with pytest.raises(ValueError, match="5 pseudo-inputs cannot start on 3 examples: ask for fewer"):
        model.start_on({"x": x[:3]})


def test_a_vamp_prior_alone_says_what_it_lacks():
    with pytest.raises(ValueError, match="must be handed over at the call"):
        VampPrior(D, SHAPE, 5)()


def test_a_flow_prior_starts_near_the_standard_normal():
    p = FlowPrior(D, MaskedFlow(D, layers=2, hidden=(8,), quick_density=True))()
    normal, z = Independent(Normal(torch.zeros(D), torch.ones(D)), 1), torch.randn(100, D)
    assert (p.log_prob(z) - normal.log_prob(z)).abs().mean() < 0.3


@pytest.mark.parametrize("make", [lambda n: MixtureOfGaussians(D, n), lambda n: VampPrior(D, SHAPE, n)])
def test_no_components_are_refused(make):
    with pytest.raises(ValueError, match="must be a whole number of at least 1, got 0"):
        make(0)
