"""Codes uncovered in rounds: the bound and the draws against a sum over all orders."""

import itertools
import math

import pytest
import torch
from scipy import stats
from torch import nn
from torch.testing import assert_close

from vaekit.distributions import Unmasking, is_exact, narrowed, tempered
from vaekit.distributions.unmasking import rounds_of
from vaekit.networks import MaskedTransformer
from vaekit.priors import UnmaskedCodes

SIZES, POSITIONS = (3, 2), (2,)
LENGTH = 4


def prior(noise=math.inf, rounds=3, context=None) -> UnmaskedCodes:
    torch.manual_seed(1)
    network = MaskedTransformer(SIZES, POSITIONS, width=8, blocks=2, heads=2, context=context)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.5)
    return UnmaskedCodes((5, *POSITIONS), SIZES, network, context, rounds=rounds, noise=noise).eval()


def every_string() -> torch.Tensor:
    return torch.tensor(list(itertools.product(*(range(SIZES[t % 2]) for t in range(LENGTH)))))


def log_p_by_order(made: UnmaskedCodes, strings: torch.Tensor) -> torch.Tensor:
    """log p(x | order) of every string under every order of the rounds' groups, (orders, strings)."""
    hidden, state = rounds_of(LENGTH, made.rounds), made.network.start(len(strings))
    found = []
    for order in itertools.permutations(range(LENGTH)):
        log_p, shown = torch.zeros(len(strings)), torch.zeros(len(strings), LENGTH, dtype=torch.bool)
        for before, after in itertools.pairwise(hidden):
            now = list(order[LENGTH - before : LENGTH - after])
            logits = made.network(strings, shown, state).log_softmax(-1)
            log_p = log_p + logits.gather(2, strings[..., None])[:, now, 0].sum(1)
            shown[:, now] = True
        found.append(log_p)
    return torch.stack(found).detach()


@pytest.mark.parametrize("every_round", [True, False])
def test_the_bound_is_that_of_the_average_order(every_round):
    made, strings = prior(), every_string()
    expected = log_p_by_order(made, strings).mean(0)
    made.train(not every_round)
    many = strings.repeat(400, 1)
    with torch.no_grad():
        found = torch.stack([made.codes().base_dist.log_prob(many).view(400, -1) for _ in range(8)]).flatten(0, 1)
    error = found.std(0) / len(found) ** 0.5
    assert ((found.mean(0) - expected).abs() < 4.5 * error).all()
    assert (found.mean(0) < log_p_by_order(made, strings).logsumexp(0) - math.log(24)).any()


def test_the_bound_is_below_the_probability_of_what_is_drawn():
    made, strings = prior(), every_string()
    by_order = log_p_by_order(made, strings)
    exact = by_order.logsumexp(0) - math.log(len(by_order))
    assert_close(exact.logsumexp(0), torch.zeros(()), atol=1e-6, rtol=0)
    assert (by_order.mean(0) <= exact + 1e-9).all()
    drawn = made.codes().base_dist.sample((20_000,))
    hits = (drawn[:, None] == strings).all(-1).sum(0)
    expected = 20_000 * exact.exp()
    assert stats.chisquare(hits, expected * 20_000 / expected.sum()).pvalue > 1e-3


def test_with_as_many_rounds_as_symbols_each_is_drawn_alone():
    made = prior(rounds=10)
    assert rounds_of(LENGTH, 10) == [4, 3, 2, 1, 0]
    assert made.codes().sample((3,)).shape == (3, 2, 2)


@pytest.mark.parametrize(("length", "rounds"), [(49, 12), (64, 8), (3, 3), (1, 5), (1024, 12)])
def test_every_round_uncovers_some_and_the_last_leaves_none(length, rounds):
    hidden = rounds_of(length, rounds)
    assert hidden[0] == length
    assert hidden[-1] == 0
    assert all(a > b for a, b in itertools.pairwise(hidden))
    assert len(hidden) == min(length, rounds) + 1


class Likeliest(torch.distributions.Categorical):
    """Always the likeliest symbol."""

    def sample(self, sample_shape=()):
        return self.logits.argmax(-1)


def test_the_surest_come_first_without_noise():
    torch.manual_seed(0)
    logits, order = torch.randn(1, 6, 4), list[torch.Tensor]()

    def predict(strings, shown, state):
        order.append(shown.clone())
        return Likeliest(logits=logits.expand(len(strings), 6, 4))

    Unmasking(predict, {"none": torch.zeros(0)}, (), 6, rounds=6, noise=0.0).sample((1,))
    sure = logits.log_softmax(-1).amax(-1)[0]
    uncovered = [int((b & ~a).nonzero()[0, 1]) for a, b in itertools.pairwise(order)]
    assert uncovered == sure.argsort(descending=True).tolist()[:5]


def test_it_says_that_its_rate_is_a_bound_and_can_be_tempered_and_narrowed():
    p = prior().codes()
    assert not is_exact(p)
    torch.manual_seed(0)
    cold = tempered(p, 0.01).sample((50,))
    assert len(cold.unique(dim=0)) < len(p.sample((50,)).unique(dim=0))
    assert len(narrowed(p, top_k=1).sample((50,)).unique(dim=0)) <= len(p.sample((50,)).unique(dim=0))


def test_each_row_of_a_context_has_its_own():
    made = prior(context=(3,))
    assert made.codes(torch.randn(6, 3)).sample((2,)).shape == (2, 6, 2, 2)
    with pytest.raises(ValueError, match=r"takes a context \(n, 3\)"):
        made.codes()


def test_impossible_settings_are_refused():
    with pytest.raises(ValueError, match="rounds must"):
        prior(rounds=0)
    with pytest.raises(ValueError, match="noise must be at least 0"):
        prior(noise=-1.0)
