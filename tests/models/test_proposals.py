"""Latents whose posterior goes up where the prior comes down: x -> z -> top, against the same model walked from the top."""

import math

import pytest
import torch
from torch.distributions import Categorical, kl_divergence
from torch.testing import assert_close

from models.graphs import Graph, normal
from vaekit.models import Enumerate, FromPrior, Infer, Mean, Observe, Set

K, B, D = 5, 4, 3


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def upward(walk) -> None:
    """top ~ N(0, 1), z | top ~ N(top / 2, 1), x | z ~ N(z, 1); q(z|x) = N(x / 2, 0.7), q(top|z) = N(z / 3, 0.9)."""
    from_x = None if walk.evidence is None else (lambda: normal(walk.evidence / 2, 0.7))
    z = None if from_x is None else walk.propose("z", from_x)
    top = walk.latent("top", normal(torch.zeros(D)), None if z is None else lambda: normal(z / 3, 0.9))
    walk.likelihood("x", normal(walk.latent("z", normal(top / 2), from_x)))


def test_rates_are_those_of_the_proposed_draws():
    x = torch.randn(B, D)
    inference = Graph(upward).infer(x, samples=K)
    z, top = inference.latents["z"], inference.latents["top"]
    assert z.value.shape == top.value.shape == (K, B, D)
    assert_close(z.rate(), normal(x / 2, 0.7).log_prob(z.value) - normal(top.value / 2).log_prob(z.value))
    assert not z.analytic
    assert_close(top.rate(), kl_divergence(normal(z.value / 3, 0.9), normal(torch.zeros(D))))


def test_weights_are_the_joint_density_over_both_posteriors():
    x = torch.randn(B, D)
    inference = Graph(upward).infer(x, samples=K)
    z, top = (inference.latents[name].value for name in ("z", "top"))
    joint = normal(torch.zeros(D)).log_prob(top) + normal(top / 2).log_prob(z) + normal(z).log_prob(x)
    both = normal(x / 2, 0.7).log_prob(z) + normal(z / 3, 0.9).log_prob(top)
    assert_close(inference.log_w(), joint - both)


def test_the_bound_averages_over_values_and_parents_that_belong_together():
    """Integrated by hand: a closed-form KL at a proposed latent would average over values that its parent never saw."""
    x = torch.randn(1, 1)
    inference = Graph(upward_to(1)).infer(x, samples=400_000)
    z_mean, z_var = x / 2, torch.tensor(0.49)
    top_mean, top_var = z_mean / 3, z_var / 9 + 0.81  # of top, and Cov(z, top) = z_var / 3
    entropy = 0.5 * (z_var.log() + torch.tensor(0.81).log()) + 1 + math.log(2 * math.pi)
    apart = (z_var + z_mean**2) - (z_var / 3 + z_mean * top_mean) + (top_var + top_mean**2) / 4  # E (z - top / 2)^2
    fit = (x - z_mean) ** 2 + z_var
    energy = -0.5 * (top_var + top_mean**2 + apart + fit) - 1.5 * math.log(2 * math.pi)
    assert_close(inference.elbo(), (energy + entropy)[0], atol=0.02, rtol=0)


def upward_to(features):
    def walk(walk) -> None:
        from_x = lambda: normal(walk.evidence / 2, 0.7)  # noqa: E731
        z = walk.propose("z", from_x)
        top = walk.latent("top", normal(torch.zeros(features)), lambda: normal(z / 3, 0.9))
        walk.likelihood("x", normal(walk.latent("z", normal(top / 2), from_x)))

    return walk


def test_generation_needs_no_proposal():
    generated = Graph(upward).generate(2000).latents
    assert_close(generated["z"].value.var(), torch.tensor(1.25), atol=0.1, rtol=0)


def test_a_value_drawn_from_the_prior_still_has_a_posterior_on_the_way_up():
    x = torch.full((4000, 1), 6.0)
    inference = Graph(lambda walk: narrow(walk)).infer(x, at={"z": FromPrior()})
    top, z = (inference.latents[name].value for name in ("top", "z"))
    assert_close(top.mean(), torch.tensor(2.0), atol=0.05, rtol=0)  # q(top|z) at z ~ q(z|x), whose mean is 3
    assert_close((z - top).mean(), torch.tensor(0.0), atol=0.05, rtol=0)  # but z itself from p(z|top)
    assert inference.latents["z"].rate().abs().max() == 0


def narrow(walk) -> None:
    z = walk.propose("z", lambda: normal(walk.evidence / 2, 0.1))
    top = walk.latent("top", normal(torch.zeros(1)), lambda: normal(z * 2 / 3, 0.1))
    walk.likelihood("x", normal(walk.latent("z", normal(top))))


@pytest.mark.parametrize("choice", [Set, Observe])
def test_a_value_given_from_outside_is_also_what_the_next_posterior_reads(choice):
    inference = Graph(upward).infer(torch.randn(B, D), at={"z": choice(torch.ones(B, D))})
    assert_close(inference.latents["top"].posterior.mean, torch.full((B, D), 1 / 3))
    assert torch.equal(inference.latents["z"].value, torch.ones(B, D))


def test_an_observed_row_costs_its_surprise_under_the_prior_that_came_later():
    x, where = torch.randn(B, D), torch.tensor([True, False, True, False])
    inference = Graph(upward).infer(x, at={"z": Observe(torch.ones(B, D), where)})
    z, top = inference.latents["z"], inference.latents["top"].value
    assert_close(z.rate()[where], -normal(top / 2).log_prob(torch.ones(B, D))[where])
    ratio = normal(x / 2, 0.7).log_prob(z.value) - normal(top / 2).log_prob(z.value)
    assert_close(z.rate()[~where], ratio[~where])


def test_the_mean_is_proposed_where_means_are_asked_for():
    x = torch.randn(B, D)
    inference = Graph(upward).infer(x, default=Mean())
    assert_close(inference.latents["top"].value, x / 6)


def test_to_infer_a_finite_latent_can_mean_to_sum_over_it():
    def summed(walk) -> None:
        logits = torch.log(torch.tensor([0.5, 0.3, 0.2]))
        y = walk.latent(
            "y", Categorical(logits=logits), lambda: Categorical(logits=walk.evidence), inferring=Enumerate()
        )
        walk.likelihood("x", normal(y.unsqueeze(-1) + torch.zeros(3)))

    x = torch.randn(B, 3)
    summed_up = Graph(summed).infer(x)
    assert summed_up.axes.shape == (3, B)
    assert_close(summed_up.elbo(), Graph(summed).infer(x, at={"y": Enumerate()}).elbo())
    assert Graph(summed).infer(x, default=Mean()).axes.shape == (B,)


def test_at_temperature_zero_the_prior_gives_its_mean():
    x = torch.randn(B, D)
    inference = Graph(upward).infer(x, samples=K, at={"z": FromPrior(0.0)})
    assert_close(inference.latents["z"].value, inference.latents["top"].value / 2)
    generated = Graph(upward).generate(7, default=FromPrior(0.0))
    assert torch.equal(generated.latents["top"].value, torch.zeros(7, D))


def test_a_network_goes_over_all_leading_axes():
    layer, seen = torch.nn.Conv2d(2, 1, 1), []

    def graph(walk) -> None:
        z = walk.latent("z", normal(torch.zeros(2)), lambda: normal(walk.evidence))
        seen.append(walk.through(layer, z[..., None, None]))
        walk.likelihood("x", normal(z))

    value = Graph(graph).infer(torch.randn(B, 2), samples=K).latents["z"].value
    assert_close(seen[0], (value @ layer.weight[0, :, 0, 0] + layer.bias)[..., None, None, None])


def test_infer_is_the_default():
    torch.manual_seed(1)
    one = Graph(upward).infer(torch.ones(B, D)).elbo()
    torch.manual_seed(1)
    assert torch.equal(one, Graph(upward).infer(torch.ones(B, D), at={"z": Infer()}).elbo())
