"""Temperature against the families' closed forms."""

import pytest
import torch
from torch.distributions import Bernoulli, Categorical, Gamma, Independent, MixtureSameFamily, Normal
from torch.testing import assert_close

from vaekit.distributions import tempered
from vaekit.priors import StandardNormal

X = torch.linspace(-3, 3, 7).double()


def test_a_normal_at_a_temperature_is_its_density_to_the_power_of_its_inverse_square():
    normal, cold = Normal(torch.tensor(0.3).double(), 1.7), tempered(Normal(torch.tensor(0.3).double(), 1.7), 0.5)
    shape = normal.log_prob(X) / 0.5**2 - cold.log_prob(X)
    assert_close(shape, shape[:1].expand(7))
    assert_close(cold.stddev, torch.tensor(0.85).double())


def test_a_categorical_divides_its_logits():
    logits = torch.tensor([0.0, 1.0, 3.0])
    assert_close(tempered(Categorical(logits=logits), 2.0).probs, (logits / 2).softmax(-1))
    assert_close(tempered(Bernoulli(logits=logits), 0.5).probs, (logits * 2).sigmoid())


def test_a_mixture_keeps_its_weights_and_its_middles():
    mixture = MixtureSameFamily(Categorical(torch.tensor([0.2, 0.8])), Normal(torch.tensor([-1.0, 2.0]), 1.0))
    cold = tempered(mixture, 1e-3)
    assert_close(cold.mean, mixture.mean)
    assert_close(cold.mixture_distribution.probs, torch.tensor([0.2, 0.8]))
    assert_close(cold.component_distribution.scale, torch.full((2,), 1e-3))


def test_the_standard_normal_prior_has_temperatures():
    prior = StandardNormal(4)()
    assert_close(tempered(prior, 0.25).stddev, torch.full((4,), 0.25))
    z = torch.ones(4)
    assert_close(tempered(prior, 0.25).log_prob(z), Normal(0.0, 0.25).log_prob(z).sum())
    assert isinstance(tempered(Independent(Normal(X, 1.0), 1), 2.0), Independent)
    assert tempered(prior, 1.0) is prior


def test_what_has_no_temperature_says_so():
    with pytest.raises(ValueError, match="Gamma has neither a scale nor logits"):
        tempered(Gamma(torch.tensor(1.0), torch.tensor(1.0)), 0.5)
    with pytest.raises(ValueError, match="temperature must be above 0"):
        tempered(Normal(0.0, 1.0), 0.0)
