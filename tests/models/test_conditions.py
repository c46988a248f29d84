"""Models of a context: p(hidden | observed) against its closed form, a graph without a latent, and what is refused."""

import math

import pytest
import torch
from scipy import stats
from torch import nn
from torch.testing import assert_close

from vaekit.conditionals import Bernoulli, DiscretisedLogisticMixture, Gaussian
from vaekit.models import VAE, Direct, FromPrior
from vaekit.networks import MLP, Elements, quadrants
from vaekit.objectives import Distortion, ImportanceWeighted, Rate
from vaekit.priors import StandardNormal

B = 6
SEEN = torch.tensor([True, False])
A, NARROW, W, V, T = 0.7, 0.8, 1.5, -0.4, 0.6  # z | x1 ~ N(A x1, NARROW²), x2 | z, x1 ~ N(W z + V x1, T²)


def linear(head: Gaussian, *rows: tuple[float, ...]) -> Gaussian:
    """The head with these weights and no bias."""
    with torch.no_grad():
        head.last.layer.weight.copy_(torch.tensor(rows))
        head.last.layer.bias.zero_()
    return head


def chain() -> VAE:
    """x1 is observed, x2 hidden; the encoder is the exact posterior of z given both."""
    variance = 1 / (1 / NARROW**2 + W**2 / T**2)
    on_x1, on_x2 = variance * (A / NARROW**2 - W * V / T**2), variance * W / T**2
    return VAE(
        linear(Gaussian(MLP(1), 1, scale=NARROW), (A,)),
        linear(Gaussian(MLP(2), 1, scale=math.sqrt(variance)), (on_x1, on_x2)),
        linear(Gaussian(MLP((1, (1,))), 2, scale=T), (9.0, -9.0), (W, V)),  # the mean of x1 is nonsense and unused
        context=Elements(SEEN),
        observed=SEEN,
    )


def log_p_hidden(x, given):
    return torch.from_numpy(stats.norm.logpdf(x[:, 1], (W * A + V) * given[:, 0], math.hypot(W * NARROW, T)))


def test_every_weight_is_the_conditional_evidence_under_the_exact_posterior():
    x = torch.randn(B, 2)
    inference = chain().infer(x, samples=5)
    assert_close(inference.log_w(), log_p_hidden(x, x).expand(5, B))


def test_the_bound_of_the_exact_posterior_is_the_conditional_evidence_on_average():
    x = torch.randn(B, 2)
    elbo = chain().infer(x, samples=40_000).elbo()
    assert_close(elbo, log_p_hidden(x, x), atol=0.02, rtol=0)


def test_another_examples_condition_is_another_evidence():
    x, other = torch.randn(B, 2), torch.randn(B, 2)
    log_p = chain().infer(x, other, samples=200_000).log_mean_w()
    assert_close(log_p, log_p_hidden(x, other), atol=0.05, rtol=0)


def test_completions_keep_the_observed_part_and_have_the_moments_of_the_rest():
    observed = torch.tensor([[0.5, 77.0], [-2.0, -77.0]])
    x = chain().sample(context=observed.repeat_interleave(50_000, 0)).view(2, -1, 2)
    assert torch.equal(x[..., 0], observed[:, :1].expand(2, 50_000))
    assert_close(x[..., 1].mean(1), (W * A + V) * observed[:, 0], atol=0.03, rtol=0)
    assert_close(x[..., 1].std(1), torch.full((2,), math.hypot(W * NARROW, T)), atol=0.02, rtol=0)


def test_hidden_elements_of_a_context_are_never_seen():
    model, x = chain(), torch.randn(B, 2)
    other = torch.stack([x[:, 0], torch.randn(B)], 1)
    for one in ({}, {"at": {"z": FromPrior(0.0)}}):
        assert_close(
            model.infer(x, x, **one).latents["z"].prior.mean, model.infer(x, other, **one).latents["z"].prior.mean
        )
    z = torch.randn(B, 1)
    assert_close(model.decode(z, x).mean, model.decode(z, other).mean)


def test_reconstructions_and_decoded_values_show_what_is_observed():
    model, x = chain(), torch.randn(B, 2)
    assert_close(model.reconstruct(x)[:, 0], x[:, 0])
    assert_close(model.decode(torch.randn(3, B, 1), x).mean[..., 0], x[:, 0].expand(3, B))
    assert not torch.allclose(model.reconstruct(x)[:, 1], x[:, 1])


def test_the_model_says_which_elements_are_known_and_where_it_finds_its_context():
    model, x = chain(), torch.randn(B, 2)
    assert torch.equal(model.known(), SEEN)
    assert model.context_of({"x": x}, None) is x
    assert torch.equal(model.infer(x).context, x)
    assert model.parts()["decoder"].context == (2,)
    plain = VAE(StandardNormal(1), Gaussian(MLP(2), 1), Gaussian(MLP(1), 2))
    assert plain.known() is None
    assert plain.context_of({"x": x}, None) is None


def test_without_a_network_the_parts_see_the_whole_example_with_zeros_for_what_is_hidden():
    model = VAE(
        linear(Gaussian(MLP(2), 1, scale=1.0), (1.0, 1.0)),
        Gaussian(MLP(2), 1),
        Gaussian(MLP((1, (2,))), 2),
        observed=SEEN,
    )
    x = torch.randn(B, 2)
    assert_close(model.infer(x).latents["z"].prior.mean, x[:, :1])


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: chain().sample(3), r"this model completes examples .* give context=, \(n, 2\)"),
        (lambda: chain().decode(torch.zeros(3, 1)), "this model completes examples"),
        (lambda: chain().sample(context=torch.zeros(3, 4)), r"context must be examples .* \(n, 2\), got \(3, 4\)"),
        (lambda: chain().infer(torch.zeros(3, 2), torch.zeros(2, 2)), "context must have a row for each of the 3"),
        (
            lambda: VAE(None, Gaussian(MLP(2), 1), Gaussian(MLP(1), 2), observed=torch.ones(2)),
            r"observed must be a mask of x, bool of shape \(2,\), got torch.float64 of \(2,\)",
        ),
        (
            lambda: VAE(
                None,
                Gaussian(MLP((1, 4, 4)), 1),
                DiscretisedLogisticMixture(MLP(1), (1, 4, 4)),
                observed=quadrants((1, 4, 4), 1),
            ),
            "observed needs a likelihood that prices each element alone, DiscretisedLogisticMixture does not",
        ),
    ],
)
def test_a_condition_that_cannot_be_is_refused_in_a_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


def direct() -> Direct:
    return Direct(linear(Gaussian(MLP(1), 2, scale=T), (9.0,), (V,)), context=Elements(SEEN), observed=SEEN)


def test_a_graph_without_a_latent_has_its_likelihood_for_evidence_and_no_rate():
    x = torch.randn(B, 2)
    inference = direct().infer(x)
    log_p = torch.from_numpy(stats.norm.logpdf(x[:, 1], V * x[:, 0], T))
    assert_close(inference.distortion, -log_p)
    assert_close(inference.rate, torch.zeros(B))
    assert_close(inference.elbo(), log_p)
    assert_close(direct().infer(x, samples=7).log_mean_w(), log_p)


def test_objectives_of_a_graph_without_a_latent_are_its_distortion():
    x = torch.randn(B, 2)
    model = direct()
    for objective in (1.0 * Distortion(), Distortion() + 4.0 * Rate(), 1.0 * ImportanceWeighted(samples=3)):
        inference = model.infer(x, samples=objective.samples)
        assert_close(objective(inference, 0), model.infer(x).distortion)


def test_a_graph_without_a_latent_draws_x_from_its_context():
    x = direct().sample(context=torch.tensor([[2.0, 0.0]]).expand(50_000, 2))
    assert (x[:, 0] == 2).all()
    assert_close(x[:, 1].mean(), torch.tensor(V * 2), atol=0.02, rtol=0)
    coins = Direct(Bernoulli(MLP(3), 4))
    assert coins.sample(context=torch.zeros(5, 3)).shape == (5, 4)
    with pytest.raises(ValueError, match="this model makes x of a context: give context="):
        coins.sample(5)


def test_a_label_is_an_ordinary_context_of_a_graph_without_a_latent():
    model = Direct(Bernoulli(nn.Identity(), 4, features=3))
    c = torch.eye(3)
    assert_close(model.infer(torch.ones(3, 4), c).distortion, nn.functional.softplus(-model.likelihood.last(c)).sum(1))
