"""Figures of what a part of an example says of the rest, and of a model without a latent."""

import math

import pytest
import torch
from torch import nn
from torch.testing import assert_close

import vaekit.data
from vaekit.conditionals import Bernoulli, Gaussian
from vaekit.evaluation import bound, evaluate, log_likelihood
from vaekit.evaluation.bits import elements
from vaekit.models import VAE, Direct
from vaekit.networks import MLP, Elements, quadrants
from vaekit.priors import StandardNormal

MASK = quadrants((1, 4, 4), 1)


def coins():
    x = torch.randint(2, (30, 1, 4, 4), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    return vaekit.data.open(x, valid=0)


def fair(head: Bernoulli) -> Bernoulli:
    """Coins that are fair whatever the input."""
    nn.init.zeros_(head.last.layer.weight)
    nn.init.zeros_(head.last.layer.bias)
    return head


def completing():
    likelihood = fair(Bernoulli(MLP((2, (4,))), (1, 4, 4)))
    return VAE(StandardNormal(2), Gaussian(MLP(16), 2), likelihood, context=Elements(MASK), observed=MASK)


def direct():
    return Direct(fair(Bernoulli(MLP(4), (1, 4, 4))), context=Elements(MASK), observed=MASK)


@pytest.mark.parametrize("model", [completing, direct])
def test_a_fair_coin_costs_a_bit_for_every_hidden_pixel_and_none_for_the_others(model):
    data = coins()
    found = evaluate(model(), data.train, data.spec, samples=3)
    assert found.distortion.value == pytest.approx(12 * math.log(2))
    assert found.bits_per_dim.value >= 1 - 1e-9
    assert any("12 hidden elements of 16, given the 4 observed ones" in note for note in found.notes)
    assert elements(model().infer(torch.zeros(2, 1, 4, 4)), data.spec) == 12


def test_a_model_without_a_latent_has_an_exact_likelihood_and_says_why_it_has_no_rate():
    data = coins()
    found = evaluate(direct(), data.train, data.spec, samples=3)
    assert found.bits_per_dim.value == pytest.approx(1)
    assert found.log_likelihood.value == pytest.approx(-12 * math.log(2))
    assert "exact" in found.log_likelihood.what
    assert (found.rate, found.elbo, found.bits_per_dim_bound, found.latents) == (None, None, None, {})
    assert "the model has no latent: the distortion is -log p(x) itself, and there is no rate" in found.notes
    parts = bound(direct(), data.train)
    assert not parts.coded
    assert_close(parts.rate.values, torch.zeros(30, dtype=torch.float64))
    assert log_likelihood(direct(), data.train, 5).exact
