"""Levels of codes: what each costs is told given those above it, and a prior may be put in each one's place."""

import math

import pytest
import torch
from torch.testing import assert_close

import vaekit as vk
from vaekit.data import DataSpec, Domain
from vaekit.models import FromPrior, Mean
from vaekit.networks import PixelCNN
from vaekit.priors import AutoregressiveCodes


@pytest.fixture
def model():
    torch.manual_seed(0)
    system = vk.recipe("vq-vae-2")(DataSpec("p", (1, 12, 10), Domain.BINARY), codes=6, latent=4, channels=(8,))
    return system.model.eval()


def fitted(prior, context=None):
    torch.manual_seed(1)
    network = PixelCNN(prior.sizes, prior.event_shape[1:], width=8, layers=2, context=context)
    for p in network.parameters():
        torch.nn.init.normal_(p, std=0.3)
    return AutoregressiveCodes(prior.event_shape, prior.sizes, network, context)


def test_every_code_costs_as_much_until_priors_are_fitted(model):
    inference = model.infer(torch.rand(5, 1, 12, 10).round())
    assert_close(inference.latents["z1"].rate(), torch.full((5,), 9 * math.log(6)))
    assert_close(inference.latents["z2"].rate(), torch.full((5,), 30 * math.log(6)))
    assert not any(latent.has_prior for latent in inference.latents.values())


def test_a_lower_level_is_priced_given_the_one_above(model):
    x = torch.rand(5, 1, 12, 10).round()
    above = model.infer(x).latents["z2"].prior.context
    assert above.shape == (5, 8, 6, 5)
    priors = model.own_priors()
    model.set_prior("z1", fitted(priors["z1"]))
    model.set_prior("z2", fitted(priors["z2"], (8, 6, 5)))
    inference = model.infer(x)
    lower = model.own_priors()["z2"]
    code = inference.latents["z2"].posterior.code
    assert_close(inference.latents["z2"].rate(), -lower.codes(above).log_prob(code))
    assert (inference.latents["z2"].rate() + lower.codes(above.roll(1, 0)).log_prob(code)).abs().max() > 1e-3
    several = model.infer(x, samples=3)
    assert_close(several.latents["z2"].rate(), inference.latents["z2"].rate().expand(3, 5))


def test_they_generate_from_the_top(model):
    priors = model.own_priors()
    model.set_prior("z1", fitted(priors["z1"]))
    model.set_prior("z2", fitted(priors["z2"], (8, 6, 5)))
    torch.manual_seed(0)
    made = model.generate(7)
    assert made.likelihoods["x"].value.shape == (7, 1, 12, 10)
    greedy = model.generate(2, at={"z2": FromPrior(0.0), "z1": FromPrior(0.0)})
    assert_close(greedy.latents["z2"].value[0], greedy.latents["z2"].value[1])
    kept = model.infer(torch.rand(2, 1, 12, 10).round(), at={"z2": FromPrior(0.0)}, default=Mean())
    assert kept.likelihoods["x"].distribution.mean.shape == (2, 1, 12, 10)


def test_what_has_no_such_prior_says_so(model):
    prior = fitted(model.own_priors()["z1"])
    with pytest.raises(ValueError, match="no prior of 'z3'"):
        model.set_prior("z3", prior)
    with pytest.raises(ValueError, match="no prior of 'z1'"):
        model.set_prior("z1", prior, torch.nn.Identity())
