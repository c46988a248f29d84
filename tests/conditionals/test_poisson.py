"""What is particular to counts; the generic checks are the head's row in test_heads.py."""

import pytest
import torch
from torch import nn
from torch.nn.functional import softplus
from torch.testing import assert_close

import vaekit as vk
from vaekit.data import DataSpec, Domain
from vaekit.recipes.parts import likelihood

COUNTS = DataSpec("cells", (5,), Domain.COUNTS)


def head(**options):
    return vk.Poisson(nn.Linear(2, 7), 5, features=7, **options)


def test_the_mean_is_the_variance_and_the_rate():
    poisson, inputs = head(), torch.randn(6, 2)
    p_x, rate = poisson(inputs), poisson.outputs(inputs)["rate"]
    assert_close(p_x.mean, rate)
    assert_close(p_x.variance, rate)


def test_nothing_is_counted_with_probability_exp_minus_the_sum_of_rates():
    p_x = head()(torch.randn(6, 2))
    assert_close(p_x.log_prob(torch.zeros(6, 5)), -p_x.mean.sum(-1))


def test_probabilities_of_all_counts_sum_to_one():
    p_x = vk.Poisson(nn.Identity(), 1, features=1)(torch.randn(6, 1))
    counts = torch.arange(200.0).view(-1, 1, 1)
    assert_close(p_x.log_prob(counts.expand(-1, 6, 1)).logsumexp(0), torch.zeros(6))


def test_the_rate_is_softplus_above_a_floor():
    poisson = head(floor=0.25)
    nn.init.zeros_(poisson.last.layer.weight)
    rate = poisson.outputs(torch.randn(3, 2))["rate"]
    assert_close(rate, (softplus(poisson.last.layer.bias) + 0.25).expand(3, 5))


def test_the_gradient_of_the_loss_in_the_rate_is_one_minus_the_count_over_it():
    rate, x = torch.rand(5, requires_grad=True), torch.arange(5.0)
    (gradient,) = torch.autograd.grad(-head().distribution(rate=rate).log_prob(x), rate)
    assert_close(gradient, 1 - x / rate.detach())


def test_it_is_the_likelihood_of_counts_and_of_nothing_else():
    assert isinstance(likelihood(COUNTS, vk.MLP(2), None), vk.Poisson)
    for domain in set(Domain) - {Domain.COUNTS}:
        with pytest.raises(ValueError, match=f"'poisson' does not fit {domain} data"):
            likelihood(DataSpec("cells", (5,), domain, levels=4), vk.MLP(2), "poisson")


def test_a_floor_of_nought_is_refused():
    with pytest.raises(ValueError, match="floor must be a finite number above 0, got 0"):
        head(floor=0)
