"""Codes that are drawn: their probabilities, the relaxation, and the KL to a uniform prior."""

import math

import pytest
import torch
from scipy import stats
from torch.testing import assert_close

from vaekit.conditionals import RelaxedCategorical
from vaekit.distributions import RelaxedCodes, code_of_one_hot, codes_of, kl_per_element
from vaekit.objectives import Cosine
from vaekit.priors import IndependentCodes, UniformCodes


def codes(**options) -> RelaxedCodes:
    torch.manual_seed(0)
    return RelaxedCodes(torch.randn(3, 4, 2, 2), **options)  # 4 kinds on a map of 2x2


def test_hard_draws_are_as_frequent_as_they_are_probable():
    q = codes(hard=True)
    drawn = q.rsample((20_000,))
    assert set(drawn.flatten().tolist()) == {0.0, 1.0}
    assert (drawn.sum(2) == 1).all()
    counts = drawn[:, 1, :, 0, 1].sum(0)
    expected = q.logits[1, :, 0, 1].softmax(0) * 20_000
    assert stats.chisquare(counts, expected * counts.sum() / expected.sum()).pvalue > 1e-3


def test_relaxed_draws_are_near_hard_ones_when_cold_and_even_when_hot():
    cold, hot = codes(temperature=1e-3).rsample((100,)), codes(temperature=1e3).rsample((100,))
    assert cold.amax(2).mean() > 0.99
    assert_close(hot, torch.full_like(hot, 0.25), atol=0.01, rtol=0)
    torch.manual_seed(5)
    soft = codes(temperature=0.5).rsample((1000,))
    torch.manual_seed(5)
    hard = codes(hard=True).rsample((1000,))
    assert torch.equal(soft.argmax(2), hard.argmax(2))  # the same noise, the same winner


def test_gradients_reach_the_logits_through_relaxed_draws_alone():
    logits = torch.randn(3, 4, 2, 2, requires_grad=True)
    (RelaxedCodes(logits, 0.5).rsample() ** 2).sum().backward()
    assert logits.grad.abs().sum() > 0
    assert not RelaxedCodes(logits, hard=True).rsample().requires_grad


def test_log_prob_is_that_of_the_codes():
    q = codes(hard=True)
    drawn = q.rsample((7,))
    by_hand = (q.logits.log_softmax(1) * drawn).flatten(2).sum(-1)
    assert_close(q.log_prob(drawn), by_hand)
    assert_close(code_of_one_hot(drawn, 2), drawn.argmax(2, keepdim=True))
    assert torch.equal(codes_of(q), q.mode.argmax(1, keepdim=True))


def test_the_kl_to_the_uniform_prior_is_what_draws_say():
    head = RelaxedCategorical(torch.nn.Identity(), (4, 2, 2), features=(4, 2, 2)).eval()
    q, p = codes(hard=True), UniformCodes((4, 2, 2), (4,))(posterior=head)
    closed = kl_per_element(q, p)
    drawn = q.rsample((20_000,))
    ratio = q.log_prob(drawn) - p.log_prob(drawn)
    assert_close(closed, 4 * math.log(4) - q.entropy())
    assert ((ratio.mean(0) - closed).abs() < 4 * ratio.std(0) / 20_000**0.5).all()


def test_the_temperature_follows_the_steps_and_is_saved():
    head = RelaxedCategorical(torch.nn.Identity(), (4, 2, 2), features=(4, 2, 2), temperature=Cosine(1.0, 0.1, 10))
    assert head.temperature == 1.0
    for _ in range(5):
        head.after_step()
    assert_close(float(head.temperature), 0.55)
    head.forget()
    other = RelaxedCategorical(torch.nn.Identity(), (4, 2, 2), features=(4, 2, 2), temperature=Cosine(1.0, 0.1, 10))
    other.load_state_dict(head.state_dict())
    for _ in range(5):
        other.after_step()
    assert_close(float(other.temperature), 0.1)
    with pytest.raises(ValueError, match="temperature must be above 0"):
        RelaxedCategorical(torch.nn.Identity(), (4,), features=4, temperature=0.0)


def test_draws_are_hard_out_of_training():
    head = RelaxedCategorical(torch.nn.Identity(), (4, 2, 2), features=(4, 2, 2), temperature=0.7)
    h = torch.randn(2, 4, 2, 2)
    assert set(head.eval()(h).sample().unique().tolist()) == {0.0, 1.0}
    assert len(head.train()(h).rsample().unique()) > 2
    code = torch.randint(4, (5, 1, 2, 2))
    assert torch.equal(head.read(head.embed(code)), code)


def test_the_kl_to_learned_codes_is_what_draws_say():
    head = RelaxedCategorical(torch.nn.Identity(), (4, 2, 2), features=(4, 2, 2)).eval()
    prior = IndependentCodes((4, 2, 2), learned=True)
    torch.nn.init.normal_(prior.logits)
    q, p = codes(hard=True), prior(posterior=head)
    closed, drawn = kl_per_element(q, p), q.rsample((20_000,))
    ratio = q.log_prob(drawn) - p.log_prob(drawn)
    assert ((ratio.mean(0) - closed).abs() < 4 * ratio.std(0) / 20_000**0.5).all()
    even = IndependentCodes((4, 2, 2))(posterior=head)
    assert_close(kl_per_element(q, even), kl_per_element(q, UniformCodes((4, 2, 2), (4,))(posterior=head)))
    assert even.fitted


def test_draws_of_independent_codes_are_as_frequent_as_they_are_probable():
    head = RelaxedCategorical(torch.nn.Identity(), (4, 3), features=(4, 3)).eval()
    prior = IndependentCodes((4, 3), learned=True)
    torch.nn.init.normal_(prior.logits)
    drawn = prior(posterior=head).sample((20_000,))
    assert drawn.shape == (20_000, 4, 3)
    wanted = prior.logits.softmax(-1)[0]  # (positions, K)
    for position in range(3):
        assert stats.chisquare(drawn[:, :, position].sum(0), wanted[position].detach() * 20_000).pvalue > 1e-3


def test_hard_draws_have_the_gradient_of_relaxed_ones_where_it_goes_straight_through():
    logits, weights = torch.randn(3, 4, 2, requires_grad=True), torch.randn(3, 4, 2)
    found = []
    for options in ({"hard": True, "through": True}, {}):
        torch.manual_seed(2)
        drawn = RelaxedCodes(logits, 0.5, positions=1, **options).rsample()
        found.append((drawn, *torch.autograd.grad((drawn * weights).sum(), logits)))
    (hard, straight), (soft, path) = found
    assert_close(straight, path)
    assert_close(hard, torch.nn.functional.one_hot(soft.argmax(1), 4).movedim(-1, 1).to(hard))


@pytest.mark.parametrize("draws", ["relaxed", "straight-through", "hard"])
def test_a_head_draws_as_it_says_in_training_and_hard_out_of_it(draws):
    head = RelaxedCategorical(torch.nn.Identity(), (4, 2), features=(4, 2), draws=draws)
    logits = torch.randn(3, 4, 2, requires_grad=True)
    drawn = head(logits).rsample()
    assert (drawn.max() == 1) == (draws != "relaxed")
    assert drawn.requires_grad == (draws != "hard")
    assert not head.eval()(logits).rsample().requires_grad
    with pytest.raises(ValueError, match="draws must be one of relaxed, straight-through, hard, got 'soft'"):
        RelaxedCategorical(torch.nn.Identity(), (4, 2), features=(4, 2), draws="soft")
