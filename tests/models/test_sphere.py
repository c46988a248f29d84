"""A latent on a sphere: its codes, values set from outside, its rate, and its likelihood against an integral."""

import math

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from models.graphs import Graph
from vaekit import distributions as vd
from vaekit.conditionals import Gaussian, VonMisesFisher
from vaekit.models import VAE, FromPrior, Mean, Set
from vaekit.models.statistics import LatentStatistics
from vaekit.networks import MLP
from vaekit.priors import UniformOnSphere

B = 5


def on_a_sphere(m=3):
    return VAE(UniformOnSphere(m), VonMisesFisher(MLP(4, 8), m), Gaussian(MLP(m, 8), 4, scale=0.7))


def test_a_code_is_the_mean_direction_and_not_the_mean():
    model, x = on_a_sphere(), torch.randn(B, 4)
    latent = model.infer(x, default=Mean()).latents["z"]
    assert_close(latent.value, latent.posterior.loc)
    assert (latent.posterior.mean.norm(dim=-1) < 0.99).all()


def test_a_value_that_is_set_counts_by_its_direction():
    model, z = on_a_sphere(), torch.randn(B, 3)
    made = model.generate(B, at={"z": Set(3 * z)})
    assert_close(made.latents["z"].value, z / z.norm(dim=-1, keepdim=True))
    assert_close(made.likelihoods["x"].distribution.mean, model.decode(vd.direction(z)).mean)


def test_the_middle_of_the_prior_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match="no point of a sphere is typical of all"):
        on_a_sphere().generate(B, at={"z": FromPrior(0.0)})


def test_the_rate_is_one_number_for_each_example_in_closed_form():
    latent = on_a_sphere().infer(torch.randn(B, 4), samples=7).latents["z"]
    assert latent.analytic
    assert_close(latent.rate(), vd.kl_to_uniform(3, latent.posterior.concentration))
    assert_close(latent.log_ratio(), latent.posterior.log_prob(latent.value) + math.log(4 * math.pi))


def test_the_importance_sampled_likelihood_on_a_circle_is_the_integral_around_it():
    model, x = on_a_sphere(2), torch.randn(B, 4)
    around = torch.linspace(0, 2 * math.pi, 2001)[:-1, None]
    log_p = model.decode(torch.stack([around.cos(), around.sin()], -1).expand(2000, B, 2)).log_prob(x)
    exact = log_p.logsumexp(0) - math.log(2000)
    assert_close(model.infer(x, samples=40_000).log_mean_w(), exact, atol=0.02, rtol=0)
    assert (model.infer(x, samples=2000).elbo() < exact).all()


def test_dimensions_are_active_in_standard_deviations_of_the_prior():
    """At 400 dimensions a coordinate varies by 1 / 400 at most: below 0.01 however much it tells."""
    loc = vd.direction(torch.randn(200, 400))
    q, p = vd.VonMisesFisher(loc, torch.full((200,), 1e5)), vd.UniformOnSphere(400)
    statistics = LatentStatistics()
    statistics.add(Graph(lambda walk: walk.latent("z", p, lambda: q)).infer(torch.zeros(200, 1)))
    assert statistics.active() == {"z": (400, 400)}
    assert_close(statistics.variance()["z"].mean(), torch.tensor(1.0), atol=0.02, rtol=0)


def test_prior_and_posterior_must_be_of_one_sphere():
    with pytest.raises(ValueError, match="prior draws z of shape"):
        VAE(UniformOnSphere(4), VonMisesFisher(nn.Identity(), 3, features=2), Gaussian(nn.Identity(), 4, features=3))
