"""Priors over codes: probabilities that sum to one, the same with and without a cache, and blind to what comes later."""

import itertools

import pytest
import torch
from scipy import stats
from torch import nn
from torch.testing import assert_close

from vaekit.conditionals import Quantised
from vaekit.networks import CausalTransformer, Codebook, FiniteScalar, GroupedQuantiser
from vaekit.priors import AutoregressiveCodes


def network(sizes, length, context=0) -> CausalTransformer:
    torch.manual_seed(1)
    made = CausalTransformer(sizes, length, width=8, blocks=2, heads=2, context=context)
    for parameter in made.parameters():  # far from its even start
        nn.init.normal_(parameter, std=0.5)
    return made


def every_string(sizes, length) -> torch.Tensor:
    return torch.tensor(list(itertools.product(*(range(sizes[t % len(sizes)]) for t in range(length)))))


@pytest.mark.parametrize(("sizes", "length"), [((3,), 4), ((2, 4), 4), ((4, 2, 3), 3)])
def test_the_probabilities_of_all_strings_sum_to_one(sizes, length):
    prior = AutoregressiveCodes((5, length // len(sizes)), sizes, network(sizes, length))
    strings = every_string(sizes, length)
    log_p = prior.codes().base_dist.log_prob(strings)
    assert_close(log_p.logsumexp(0), torch.zeros(()), atol=1e-10, rtol=0)
    assert log_p.std() > 0.3


@pytest.mark.parametrize("context", [None, 3])
def test_step_by_step_is_all_at_once(context):
    sizes, length = (5, 3), 8
    made = network(sizes, length, context or 0)
    strings = torch.stack([torch.randint(sizes[t % 2], (6,)) for t in range(length)], 1)
    given = None if context is None else torch.randn(6, context)
    whole, state = made(strings, given), made.start(6, given)
    previous = torch.zeros(6, dtype=torch.long)
    for t in range(length):
        logits, state = made.step(previous, state)
        assert_close(logits, whole[:, t], atol=1e-10, rtol=0)
        previous = strings[:, t]


def test_a_generated_strings_log_prob_is_the_product_of_its_steps():
    prior = AutoregressiveCodes((5, 6), (4,), network((4,), 6))
    strings = prior.codes().base_dist.sample((20,))
    once = prior.codes().base_dist
    stepwise = type(once)(once.step, {name: t[0] for name, t in once.start.items()}, (), once.length)
    assert_close(once.log_prob(strings), stepwise.log_prob(strings), atol=1e-10, rtol=0)


def test_no_symbol_is_told_by_one_behind_it():
    made, strings = network((5,), 7), torch.randint(5, (10, 7))
    before = made(strings)
    for t in range(7):
        other = strings.clone()
        other[:, t:] = torch.randint(5, (10, 7 - t))
        assert_close(made(other)[:, : t + 1], before[:, : t + 1], atol=1e-12, rtol=0)
    changed = strings.clone()
    changed[:, 2] = (changed[:, 2] + 1) % 5
    assert (made(changed)[:, 3:] - before[:, 3:]).abs().amax((1, 2)).min() > 1e-4  # and by every one before it


def test_strings_are_drawn_as_often_as_they_are_probable():
    sizes, length = (3, 2), 4
    prior = AutoregressiveCodes((5, 2), sizes, network(sizes, length))
    strings = every_string(sizes, length)
    expected = prior.codes().base_dist.log_prob(strings).exp().detach()
    drawn = prior.codes().base_dist.sample((20_000,))
    hits = (drawn[:, None] == strings).all(-1).sum(0)
    assert stats.chisquare(hits, 20_000 * expected / expected.sum()).pvalue > 1e-3


def test_codes_are_read_by_position_and_digit_within():
    prior = AutoregressiveCodes((5, 2, 2), (9, 7), network((9, 7), 8))
    code = torch.arange(8).reshape(2, 2, 2)  # (Q, H, W)
    string = prior.codes().string(code[None])
    assert string.tolist() == [[0, 4, 1, 5, 2, 6, 3, 7]]
    assert prior.codes().sample((3,)).shape == (3, 2, 2, 2)
    assert (prior.codes().sample((50,)).amax((0, 2, 3)) < torch.tensor([9, 7])).all()


def test_its_rate_is_the_exact_length_of_the_code():
    quantiser = GroupedQuantiser([Codebook(4, 2), FiniteScalar((3, 2))])
    encoder = Quantised(nn.Identity(), (4, 3), quantiser, features=12)
    prior = AutoregressiveCodes((4, 3), quantiser.sizes, network(quantiser.sizes, 6))
    q = encoder(torch.randn(5, 12))
    assert_close(-prior(posterior=encoder).log_prob(q.code), -prior.codes().log_prob(q.code))
    assert prior(posterior=encoder).sample((2,)).shape == (2, 4, 3)


def test_each_row_of_a_context_has_its_own_distribution():
    prior = AutoregressiveCodes((5, 3), (4,), network((4,), 3, context=2))
    context, code = torch.randn(6, 2), torch.randint(4, (6, 1, 3))
    together = prior.codes(context).log_prob(code)
    alone = torch.cat([prior.codes(context[i : i + 1]).log_prob(code[i : i + 1]) for i in range(6)])
    assert_close(together, alone)
    assert prior.codes(context).sample((2,)).shape == (2, 6, 1, 3)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="strings must have 3 symbols, got 4"):
        network((4,), 3)(torch.zeros(1, 4, dtype=torch.long))
    with pytest.raises(ValueError, match="this network takes a context"):
        network((4,), 3, context=2).start(1)
    with pytest.raises(ValueError, match="this network takes no context"):
        network((4,), 3).start(1, torch.zeros(1, 2))
    with pytest.raises(ValueError, match=r"needs an encoder that quantises into codes of \(4,\) kinds"):
        AutoregressiveCodes((5, 3), (4,), network((4,), 3))(posterior=None)
