"""Distributions over symbols, cut to the likeliest and drawn closer to them."""

import pytest
import torch
from torch.distributions import Categorical, Independent, Normal
from torch.testing import assert_close

from vaekit.distributions import Autoregressive, Coded, InOrder, UniformIntegers, narrowed, tempered

P = torch.tensor([[0.5, 0.3, 0.15, 0.05], [0.1, 0.2, 0.3, 0.4]], dtype=torch.float64)


def test_the_likeliest_few_keep_their_proportions():
    assert_close(narrowed(Categorical(P), top_k=2).probs, P.new_tensor([[5 / 8, 3 / 8, 0, 0], [0, 0, 3 / 7, 4 / 7]]))
    assert_close(narrowed(Categorical(P), top_k=9).probs, P)


@pytest.mark.parametrize(
    ("top_p", "kept"), [(0.5, (1, 2)), (0.51, (2, 2)), (0.79, (2, 3)), (0.81, (3, 3)), (1.0, (4, 4))]
)
def test_the_fewest_that_have_so_much_probability_are_kept(top_p, kept):
    found = narrowed(Categorical(P), top_p=top_p).probs
    assert ((found > 0).sum(-1)).tolist() == list(kept)


def test_top_k_comes_before_top_p():
    found = narrowed(Categorical(P[:1]), top_k=2, top_p=0.6)
    assert_close(found.probs, P.new_tensor([[1.0, 0, 0, 0]]))  # of 5/8 and 3/8 the first has 0.6 already


def strings() -> Autoregressive:
    def step(previous, state):
        return Categorical(P[previous % 2]), state

    return Autoregressive(step, {"s": torch.zeros(0)}, (), 3, whole=lambda x, state: Categorical(P[previous_of(x) % 2]))


def previous_of(x: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.pad(x, (1, 0))[:, :-1]


def test_every_symbol_of_a_string_is_changed_in_both_ways_of_pricing():
    whole = narrowed(tempered(InOrder(strings(), (1, 3)), 0.5), top_k=2)
    x = whole.sample((200,))
    stepwise = Autoregressive(whole.base_dist.step, {"s": torch.zeros(0)}, (), 3)
    assert_close(whole.log_prob(x), stepwise.log_prob(x[:, 0]))
    squared = P[0, :2] ** 2 / (P[0, :2] ** 2).sum()
    assert_close(whole.base_dist.log_prob_of_steps(x[:, 0])[:, 0].exp(), squared[x[:, 0, 0]])
    coded = Coded(whole, lambda code: code.double(), (1, 3), (4,))
    assert narrowed(coded, top_k=1).sample((5,)).unique(dim=0).shape[0] == 1


def test_what_cannot_be_cut_is_refused():
    with pytest.raises(ValueError, match="top_k must be a whole number of at least 1, got 0"):
        narrowed(Categorical(P), top_k=0)
    with pytest.raises(ValueError, match="top_p must lie above 0 and at most at 1, got 0"):
        narrowed(Categorical(P), top_p=0)
    with pytest.raises(ValueError, match="over symbols that are not all alike, got Normal"):
        narrowed(Normal(0.0, 1.0), top_k=2)
    codes = Coded(Independent(UniformIntegers(torch.tensor([4])), 1), lambda c: c, (1,), (4,))
    with pytest.raises(ValueError, match="got Independent"):
        narrowed(codes, top_k=2)
    assert narrowed(Normal(0.0, 1.0)) is not None
