"""A stack: every latent inferred from the one below."""

import pytest
import torch
from contracts.deep import LEVELS, A, D, Q, evidence, marginals, normal, reversed_step, stack
from torch.testing import assert_close

from vaekit.conditionals import Gaussian
from vaekit.models import VAE, FromPrior, Mean, Set, Stack
from vaekit.networks import MLP
from vaekit.priors import StandardNormal

B, K = 5, 3
NAMES = [f"z{i}" for i in range(1, LEVELS + 1)]


@pytest.fixture
def model() -> Stack:
    return stack().double()


def test_posteriors_go_up_and_priors_come_down(model):
    latents = model.infer(torch.randn(B, D), samples=K).latents
    assert list(latents) == NAMES
    for level in range(LEVELS - 1):
        gain, variance = reversed_step(marginals()[level], A[level], Q[level])
        name, below = NAMES[level], NAMES[level + 1]
        assert_close(latents[name].posterior.mean, gain * latents[below].value)
        assert_close(latents[name].posterior.variance, variance.expand(K, B, D))
        assert_close(latents[below].prior.mean, A[level] * latents[name].value)
        assert latents[name].value.shape == (K, B, D)


def test_the_bound_is_the_evidence_on_average_over_draws(model):
    """Rates of proposed latents are estimates; with the true posteriors their sum with the distortion is the evidence."""
    x = torch.randn(B, D)
    inference = model.infer(x, samples=4000)
    assert_close(inference.log_w(), evidence(x).expand(4000, B))
    assert_close(inference.elbo(), evidence(x), atol=0.05, rtol=0)


def test_levels_below_a_choice_can_be_left_to_their_priors_means(model):
    """From the top latent alone: it is inferred through the others, which then follow from it."""
    x = torch.randn(B, D)
    inference = model.infer(x, default=Mean(), at={name: FromPrior(0.0) for name in NAMES[1:]})
    top = inference.latents["z1"].value
    assert_close(inference.latents["z4"].value, A[2] * A[1] * A[0] * top)
    assert_close(inference.rate, inference.latents["z1"].rate())


def test_a_latent_that_is_set_is_read_on_both_ways(model):
    value = torch.randn(B, D)
    latents = model.infer(torch.randn(B, D), at={"z3": Set(value)}).latents
    gain, _ = reversed_step(marginals()[1], A[1], Q[1])
    assert_close(latents["z2"].posterior.mean, gain * value)
    assert_close(latents["z4"].prior.mean, A[2] * value)


def test_the_rate_at_the_means_is_the_divergence_of_each_level_given_the_others(model):
    latents = model.infer(torch.randn(B, D), default=Mean()).latents
    below = [*NAMES[1:], None]
    for level, (name, next_name) in enumerate(zip(NAMES, below, strict=True)):
        q, p = latents[name].posterior, latents[name].prior
        gap = (q.mean - p.mean) ** 2
        nats = 0.5 * ((q.variance + gap) / p.variance - 1 + (p.variance / q.variance).log()).sum(-1)
        assert_close(latents[name].rate(), nats)
        if next_name is not None:
            gain, _ = reversed_step(marginals()[level], A[level], Q[level])
            assert_close(q.mean, gain * latents[next_name].value)


@pytest.mark.parametrize("shape", [(B - 1, D), (B, D + 1), (D + 1,)])
def test_a_value_for_a_latent_in_the_middle_must_fit_it(model, shape):
    with pytest.raises(ValueError, match=rf"a value for latent 'z3' must have the shape \({B}, {D}\), got \("):
        model.infer(torch.randn(B, D), at={"z3": Set(torch.randn(shape))})


def test_generation_asks_for_no_posterior(model):
    for posterior in model.posteriors:
        posterior.forward = None
    generated = model.generate(7, at={"z1": Set(torch.ones(7, D))}).latents
    assert_close(
        generated["z2"].prior.log_prob(torch.ones(7, D)), normal(A[0].expand(7, D), Q[0]).log_prob(torch.ones(7, D))
    )


def test_a_stack_of_one_is_the_flat_vae():
    encoder, decoder = Gaussian(MLP(D, 8), 2), Gaussian(MLP(2, 8), D)
    flat, one = VAE(StandardNormal(2), encoder, decoder), Stack(StandardNormal(2), [], [encoder], decoder)
    x = torch.randn(B, D)
    torch.manual_seed(3)
    expected = flat.double().infer(x, samples=K)
    torch.manual_seed(3)
    found = one.double().infer(x, samples=K)
    assert_close(found.log_w(), expected.log_w())
    assert_close(found.elbo(), expected.elbo())


def test_parts_that_do_not_fit_are_refused():
    head = Gaussian(MLP(D), 2)
    with pytest.raises(ValueError, match="needs a posterior for each latent, got 2 for 1 latents"):
        Stack(StandardNormal(2), [], [head, head], head)
    with pytest.raises(ValueError, match=r"prior 2 draws z2 of shape \(2,\), its posterior of shape \(3,\)"):
        Stack(StandardNormal(2), [Gaussian(MLP(2), 2)], [head, Gaussian(MLP(D), 3)], head)
