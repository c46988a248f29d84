import itertools

import pytest
import torch
from torch import nn
from torch.distributions import Categorical
from torch.testing import assert_close

from vaekit.distributions import Autoregressive

SYMBOLS, LENGTH, B = 3, 4, 2
STRINGS = torch.tensor(list(itertools.product(range(SYMBOLS), repeat=LENGTH)))


class Chain(nn.Module):
    """The next symbol's logits are those of a table at the previous one, plus a state that gathers all before it."""

    def __init__(self):
        super().__init__()
        self.table, self.gather = (
            nn.Parameter(torch.randn(SYMBOLS, SYMBOLS)),
            nn.Parameter(torch.randn(SYMBOLS, SYMBOLS)),
        )

    def forward(self, previous, state):
        h = torch.tanh(state["h"] + self.gather[previous])
        return Categorical(logits=self.table[previous] + h, validate_args=False), {"h": h}


def strings(stop=None, batch=(B,), first=0, length=LENGTH):
    torch.manual_seed(5)
    chain = Chain()
    return Autoregressive(chain, {"h": torch.randn(*batch, SYMBOLS)}, batch, length, first=first, stop=stop)


def product_of_conditionals(d, string, row, stop):
    """log p of one string at one row of the batch, by the formula and without the class's own loop."""
    h, previous, total, ended = d.start["h"][row], d.first, 0.0, False
    for symbol in string.tolist():
        if ended:
            total += 0.0 if symbol == stop else -torch.inf
            continue
        h = torch.tanh(h + d.step.gather[previous])
        total += float((d.step.table[previous] + h).log_softmax(-1)[symbol].detach())
        previous, ended = symbol, symbol == stop
    return total


@pytest.mark.parametrize("stop", [None, 0, 2])
@pytest.mark.parametrize("first", [0, 1])
def test_the_probability_of_a_string_is_the_product_of_its_steps(stop, first):
    d = strings(stop, first=first)
    for string in STRINGS:
        expected = torch.tensor([product_of_conditionals(d, string, row, stop) for row in range(B)])
        assert_close(d.log_prob(string), expected)


@pytest.mark.parametrize("stop", [None, 0, 2])
def test_the_probabilities_of_all_strings_sum_to_one(stop):
    d = strings(stop)
    total = sum(d.log_prob(string).exp() for string in STRINGS)
    assert_close(total, torch.ones(B))


def test_after_the_stop_only_the_stop_follows():
    d = strings(stop=2)
    assert d.log_prob(torch.tensor([0, 2, 1, 2])).tolist() == [-torch.inf] * B
    assert_close(d.log_prob_of_steps(torch.tensor([0, 2, 2, 2]))[:, 2:], torch.zeros(B, 2))
    drawn = d.sample((500,))
    ended = (drawn == 2).cumsum(-1) > 0
    assert ended.any()
    assert (drawn[ended] == 2).all()


@pytest.mark.parametrize("stop", [None, 2])
def test_samples_follow_the_probabilities_of_all_strings(stop):
    d, n = strings(stop), 20_000
    places = (d.sample((n,)) * SYMBOLS ** torch.arange(LENGTH).flip(0)).sum(-1)
    for row in range(B):
        share = torch.bincount(places[:, row], minlength=len(STRINGS)) / n
        p = torch.stack([d.log_prob(string)[row] for string in STRINGS]).exp()
        assert ((share - p).abs() < 5 * (p * (1 - p) / n).sqrt() + 1e-4).all()


def test_samples_have_the_density_of_their_steps():
    d = strings(stop=2)
    drawn = d.sample()
    assert drawn.shape == (B, LENGTH)
    expected = [product_of_conditionals(d, string, row, 2) for row, string in enumerate(drawn)]
    assert_close(d.log_prob(drawn), torch.tensor(expected))
    assert_close(d.log_prob_of_steps(drawn).sum(-1), d.log_prob(drawn))


@pytest.mark.parametrize("stop", [None, 2])
@pytest.mark.parametrize("t", range(LENGTH))
def test_a_symbol_never_changes_the_steps_before_it(stop, t):
    d = strings(stop)
    for string in STRINGS[::7]:
        steps = torch.stack([d.log_prob_of_steps(changed(string, t, symbol)) for symbol in range(SYMBOLS)])
        assert torch.equal(steps[0, :, :t], steps[1, :, :t])
        assert torch.equal(steps[0, :, :t], steps[2, :, :t])
        if stop is None or not (string[:t] == stop).any():
            assert not torch.equal(steps[0, :, t], steps[1, :, t])


def changed(string, t, symbol):
    return torch.cat([string[:t], torch.tensor([symbol]), string[t + 1 :]])


@pytest.mark.parametrize("batch", [(), (3,), (2, 3)], ids=str)
@pytest.mark.parametrize("shape", [(), (5,), (5, 2)], ids=str)
def test_samples_stand_in_front_of_the_batch(batch, shape):
    d = strings(batch=batch)
    assert d.sample(shape).shape == (*shape, *batch, LENGTH)
    assert d.log_prob(d.sample()).shape == batch


def test_every_row_is_drawn_from_its_own_state():
    def repeat(previous, state):
        return Categorical(logits=100.0 * torch.eye(SYMBOLS)[state["s"]]), state

    d = Autoregressive(repeat, {"s": torch.tensor([[0, 1, 2], [2, 1, 0]])}, (2, 3), LENGTH)
    assert torch.equal(d.sample((5,))[..., 0], torch.tensor([[0, 1, 2], [2, 1, 0]]).expand(5, 2, 3))


def test_many_samples_have_a_density_at_once():
    d = strings(stop=2)
    drawn = d.sample((5,))
    assert_close(d.log_prob(drawn), torch.stack([d.log_prob(each) for each in drawn]))


def test_the_gradient_is_that_of_the_product():
    d, string = strings(), torch.tensor([0, 2, 1, 1])
    (table,) = torch.autograd.grad(d.log_prob(string).sum(), d.step.table)
    epsilon = 1e-6
    with torch.no_grad():
        d.step.table[2, 1] += epsilon
        up = d.log_prob(string).sum()
        d.step.table[2, 1] -= 2 * epsilon
        down = d.log_prob(string).sum()
    assert_close(table[2, 1], (up - down) / (2 * epsilon), rtol=1e-6, atol=1e-8)


def test_a_string_past_the_stop_gives_a_finite_gradient_elsewhere():
    d = strings(stop=2)
    (table,) = torch.autograd.grad(d.log_prob(torch.tensor([1, 2, 2, 2])).sum(), d.step.table)
    assert table.isfinite().all()
    assert_close(table[2], torch.zeros(SYMBOLS))
