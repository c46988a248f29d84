"""Priors over codes: probabilities that sum to one, the same with and without a cache, and blind to what comes later."""

import itertools
import math

import pytest
import torch
from scipy import stats
from torch import nn
from torch.testing import assert_close

from vaekit.conditionals import Quantised
from vaekit.networks import CausalTransformer, Codebook, FiniteScalar, GroupedQuantiser, PixelCNN
from vaekit.priors import AutoregressiveCodes

KINDS = ("transformer", "pixelcnn")


def network(sizes, positions, context=None, kind="transformer", **options):
    torch.manual_seed(1)
    if kind == "transformer":
        made = CausalTransformer(sizes, positions, width=8, blocks=2, heads=2, context=context)
    else:
        made = PixelCNN(sizes, positions, width=8, **{"layers": 2, **options}, context=context)
    for parameter in made.parameters():  # far from its even start
        nn.init.normal_(parameter, std=0.5)
    return made


def every_string(sizes, positions) -> torch.Tensor:
    length = len(sizes) * math.prod(positions)
    return torch.tensor(list(itertools.product(*(range(sizes[t % len(sizes)]) for t in range(length)))))


def some_strings(n, sizes, positions) -> torch.Tensor:
    length = len(sizes) * math.prod(positions)
    return torch.stack([torch.randint(sizes[t % len(sizes)], (n,)) for t in range(length)], 1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("sizes", "positions"), [((3,), (2, 2)), ((2, 4), (1, 2)), ((4, 2, 3), (1, 1))])
def test_the_probabilities_of_all_strings_sum_to_one(kind, sizes, positions):
    prior = AutoregressiveCodes((5, *positions), sizes, network(sizes, positions, kind=kind))
    log_p = prior.codes().base_dist.log_prob(every_string(sizes, positions))
    assert_close(log_p.logsumexp(0), torch.zeros(()), atol=1e-10, rtol=0)
    assert log_p.std() > 0.3


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("context", [None, (3,), (3, 2, 3)])
@pytest.mark.parametrize("options", [{}, {"kernel": 5, "layers": 1}, {"ordinal": True}])
def test_step_by_step_is_all_at_once(kind, context, options):
    sizes, positions = (5, 3), (9, 3)
    made = network(sizes, positions, context, kind, **options)
    strings = some_strings(6, sizes, positions)
    given = None if context is None else torch.randn(6, *context)
    whole, state = made(strings, given), made.start(6, given)
    previous = torch.zeros(6, dtype=torch.long)
    for t in range(strings.shape[1]):
        logits, state = made.step(previous, state)
        assert_close(logits, whole[:, t], atol=1e-10, rtol=0)
        previous = strings[:, t]


@pytest.mark.parametrize("kind", KINDS)
def test_a_generated_strings_log_prob_is_the_product_of_its_steps(kind):
    prior = AutoregressiveCodes((5, 2, 3), (4,), network((4,), (2, 3), kind=kind))
    strings = prior.codes().base_dist.sample((20,))
    once = prior.codes().base_dist
    stepwise = type(once)(once.step, {name: t[0] for name, t in once.start.items()}, (), once.length)
    assert_close(once.log_prob(strings), stepwise.log_prob(strings), atol=1e-10, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sizes", [(5,), (5, 4)])
def test_no_symbol_is_told_by_one_behind_it(kind, sizes):
    made = network(sizes, (3, 3), kind=kind)
    strings = some_strings(10, sizes, (3, 3))
    before, length = made(strings), strings.shape[1]
    for t in range(length):
        other = strings.clone()
        other[:, t:] = some_strings(10, sizes, (3, 3))[:, t:]
        assert_close(made(other)[:, : t + 1], before[:, : t + 1], atol=1e-12, rtol=0)
    changed = strings.clone()
    changed[:, 2] = (changed[:, 2] + 1) % min(sizes)
    moved = (made(changed)[:, 3:] - before[:, 3:]).nan_to_num().abs().amax(2)
    assert moved[:, -1].min() > 1e-5  # and by those before it, the first to the last
    assert moved[:, 0].min() > 1e-5


def test_a_pixelcnn_sees_all_that_its_reach_says_and_no_more():
    made = network((5,), (12, 12), kind="pixelcnn", layers=2, kernel=5)
    assert made.reach == 5
    strings = torch.randint(5, (1, 144))
    at = 8 * 12 + 6
    before, seen = made(strings)[0, at], torch.zeros(12, 12, dtype=torch.bool)
    for t in range(144):
        other = strings.clone()
        other[:, t] = (other[:, t] + 1) % 5
        seen[t // 12, t % 12] = bool(((made(other)[0, at] - before).abs() > 0).any())
    rows = seen.any(1).nonzero().flatten()
    assert rows.min() == 8 - 5
    assert rows.max() == 8
    assert seen[8].nonzero().flatten().tolist() == [1, 2, 3, 4, 5]
    assert seen[6, 2:11].all()  # no blind spot: to the right too
    assert seen[7, 4:9].all()


@pytest.mark.parametrize("kind", KINDS)
def test_strings_are_drawn_as_often_as_they_are_probable(kind):
    sizes, positions = (3, 2), (1, 2)
    prior = AutoregressiveCodes((5, *positions), sizes, network(sizes, positions, kind=kind))
    strings = every_string(sizes, positions)
    expected = prior.codes().base_dist.log_prob(strings).exp().detach()
    drawn = prior.codes().base_dist.sample((20_000,))
    hits = (drawn[:, None] == strings).all(-1).sum(0)
    assert stats.chisquare(hits, 20_000 * expected / expected.sum()).pvalue > 1e-3


def test_codes_are_read_by_position_and_digit_within():
    prior = AutoregressiveCodes((5, 2, 2), (9, 7), network((9, 7), (2, 2)))
    code = torch.arange(8).reshape(2, 2, 2)  # (Q, H, W)
    string = prior.codes().string(code[None])
    assert string.tolist() == [[0, 4, 1, 5, 2, 6, 3, 7]]
    assert prior.codes().sample((3,)).shape == (3, 2, 2, 2)
    assert (prior.codes().sample((50,)).amax((0, 2, 3)) < torch.tensor([9, 7])).all()


def test_its_rate_is_the_exact_length_of_the_code():
    quantiser = GroupedQuantiser([Codebook(4, 2), FiniteScalar((3, 2))])
    encoder = Quantised(nn.Identity(), (4, 3), quantiser, features=12)
    prior = AutoregressiveCodes((4, 3), quantiser.sizes, network(quantiser.sizes, (3,)))
    q = encoder(torch.randn(5, 12))
    assert_close(-prior(posterior=encoder).log_prob(q.code), -prior.codes().log_prob(q.code))
    assert prior(posterior=encoder).sample((2,)).shape == (2, 4, 3)


def test_each_row_of_a_context_has_its_own_distribution():
    prior = AutoregressiveCodes((5, 3), (4,), network((4,), (3,), context=(2,)), (2,))
    context, code = torch.randn(6, 2), torch.randint(4, (6, 1, 3))
    together = prior.codes(context).log_prob(code)
    alone = torch.cat([prior.codes(context[i : i + 1]).log_prob(code[i : i + 1]) for i in range(6)])
    assert_close(together, alone)
    assert prior.codes(context).sample((2,)).shape == (2, 6, 1, 3)
    drawn = prior.codes(context.expand(4, 6, 2))
    assert drawn.batch_shape == (4, 6)
    assert_close(drawn.log_prob(code), together.expand(4, 6))


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="strings may have up to 3 symbols, got 4"):
        network((4,), (3,))(torch.zeros(1, 4, dtype=torch.long))
    with pytest.raises(ValueError, match=r"this network takes a context \(n, 2\), got None"):
        network((4,), (3,), context=(2,)).start(1)
    with pytest.raises(ValueError, match="this network takes no context"):
        network((4,), (3,)).start(1, torch.zeros(1, 2))
    with pytest.raises(ValueError, match=r"needs an encoder that quantises into codes of \(4,\) kinds"):
        AutoregressiveCodes((5, 3), (4,), network((4,), (3,)))(posterior=None)
    with pytest.raises(ValueError, match="kernel must be odd"):
        PixelCNN((4,), (3, 3), kernel=4)
    with pytest.raises(ValueError, match=r"context must be a vector \(C,\) or a map"):
        PixelCNN((4,), (3, 3), context=(4, 3))
