"""A ladder: levels inferred from the top, each from its prior and an estimate from below."""

import pytest
import torch
from contracts.deep import LEVELS, A, D, Q, R, W, kl, ladder, normal, towards_x
from torch import nn
from torch.testing import assert_close

from vaekit.conditionals import Gaussian
from vaekit.models import VAE, FromPrior, Hierarchy, Mean, Observe, Rung, Set, estimate_alone
from vaekit.networks import MLP, Stages
from vaekit.priors import StandardNormal

B, K = 5, 3
NAMES = [f"z{i}" for i in range(1, LEVELS + 1)]


@pytest.fixture
def model() -> Hierarchy:
    return ladder().double()


def posterior(level: int, x, above):
    """Mean and variance of p(z_level | z_above, x), by Bayes' rule; levels from 0 at the top."""
    c, v = towards_x(level)
    mean, variance = (torch.zeros(D), torch.ones(D)) if level == 0 else (A[level - 1] * above, Q[level - 1])
    precision = 1 / variance + c**2 / v
    return (mean / variance + c / v * x) / precision, 1 / precision


def test_every_posterior_is_bayes_rule_given_the_value_above(model):
    x = torch.randn(B, D)
    latents = model.infer(x, samples=K).latents
    above = None
    for level, name in enumerate(NAMES):
        mean, variance = posterior(level, x, above)
        assert_close(latents[name].posterior.mean, mean)
        assert_close(latents[name].posterior.variance, variance.expand_as(mean))
        above = latents[name].value
        assert above.shape == (K, B, D)


def test_rates_by_level_are_those_of_two_normals_at_the_values_above(model):
    x = torch.randn(B, D)
    latents = model.infer(x, samples=K).latents
    for level, name in enumerate(NAMES[1:], 1):
        above = latents[NAMES[level - 1]].value
        assert_close(latents[name].rate(), kl(*posterior(level, x, above), A[level - 1] * above, Q[level - 1]))
        assert latents[name].analytic


def test_levels_below_a_choice_can_be_left_to_their_priors_means(model):
    """Reconstruction from the top two levels: the rest is what the prior expects of them, and costs nothing."""
    x = torch.randn(B, D)
    inference = model.infer(x, default=Mean(), at={name: FromPrior(0.0) for name in NAMES[2:]})
    z2 = posterior(1, x, posterior(0, x, None)[0])[0]
    assert_close(inference.latents["z2"].value, z2)
    assert_close(inference.latents["z4"].value, A[2] * A[1] * z2)
    assert_close(inference.likelihoods["x"].distribution.mean, W * A[2] * A[1] * z2)
    assert inference.rate.equal(inference.latents["z1"].rate() + inference.latents["z2"].rate())


def test_a_level_that_is_set_is_what_the_next_prior_and_posterior_read(model):
    x, value = torch.randn(B, D), torch.randn(B, D)
    latents = model.infer(x, at={"z2": Set(value)}).latents
    assert_close(latents["z3"].prior.mean, A[1] * value)
    assert_close(latents["z3"].posterior.mean, posterior(2, x, value)[0])
    assert latents["z2"].rate().abs().max() == 0


def test_choices_mix_level_by_level(model):
    x, value = torch.randn(B, D), torch.randn(B, D)
    chosen = {"z1": Mean(), "z2": Set(value), "z3": FromPrior(), "z4": Observe(torch.ones(B, D))}
    inference = model.infer(x, samples=K, at=chosen)
    z3 = inference.latents["z3"].value
    assert z3.shape == (K, B, D)
    expected = kl(*posterior(0, x, None), torch.zeros(D), torch.ones(D)) - normal(A[2] * z3, Q[2]).log_prob(
        torch.ones(B, D)
    )
    assert_close(inference.rate, expected)


def test_generation_has_the_marginal_variance_of_the_chain(model):
    variance = torch.ones(D)
    for a, q in zip(A, Q, strict=True):
        variance = a**2 * variance + q
    x = model.sample(40_000)
    assert_close(x.var(0), W**2 * variance + R, rtol=0.05, atol=0)


def test_a_ladder_of_one_level_that_believes_its_estimate_is_the_flat_vae():
    encoder, decoder = Gaussian(MLP(D, 8), 2), Gaussian(MLP(2, 8), D)
    estimate = Gaussian(nn.Identity(), 2, features=8)
    estimate.last.load_state_dict(encoder.last.state_dict())
    rung = Rung("d1", StandardNormal(2), estimate, estimate_alone)
    flat = VAE(StandardNormal(2), encoder, decoder).double()
    one = Hierarchy(Stages({"d1": encoder.network}), None, [rung], decoder).double()
    x = torch.randn(B, D)
    torch.manual_seed(3)
    expected = flat.infer(x, samples=K)
    torch.manual_seed(3)
    found = one.infer(x, samples=K)
    assert_close(found.log_w(), expected.log_w())
    assert_close(found.elbo(), expected.elbo())


def test_a_prior_and_an_estimate_of_different_sizes_are_refused():
    with pytest.raises(
        ValueError, match=r"prior draws z of shape \(3,\), the estimate of shape \(2,\): they must be eq"
    ):
        Rung("d1", StandardNormal(3), Gaussian(MLP(4), 2))
