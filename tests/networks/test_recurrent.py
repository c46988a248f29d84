"""LSTMs of our own against torch's, with packed sequences as the witness for masks."""

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch.testing import assert_close

from vaekit.networks import LSTM, MLP, BothWays, EachStep, OneStep, Summary

B, T, D, H = 4, 5, 3, 2
LENGTHS = torch.tensor([5, 1, 3, 4])
MASK = torch.arange(T) < LENGTHS[:, None]


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def weights(ours: LSTM) -> dict[str, torch.Tensor]:
    """Ours under torch's names, whose gates come in the same order."""
    zero = torch.zeros_like(ours.read.bias)
    return {
        "weight_ih": ours.read.weight,
        "bias_ih": ours.read.bias,
        "weight_hh": ours.recur.weight,
        "bias_hh": zero,
    }


def test_a_step_is_that_of_torch():
    ours, theirs = LSTM(D, H).double(), nn.LSTMCell(D, H).double()
    theirs.load_state_dict(weights(ours))
    x, h, c = (torch.randn(B, n, dtype=torch.float64) for n in (D, H, H))
    assert_close(ours(x, torch.cat([h, c], -1)), torch.cat(theirs(x, (h, c)), -1))


def torch_both_ways(ours: BothWays) -> nn.LSTM:
    theirs = nn.LSTM(D, H, batch_first=True, bidirectional=True).double()
    named = {f"{name}_l0": t for name, t in weights(ours.forwards).items()}
    theirs.load_state_dict(named | {f"{name}_l0_reverse": t for name, t in weights(ours.backwards).items()})
    return theirs


def test_both_ways_are_those_of_torch_on_packed_sequences():
    ours, x = BothWays(D, H).double(), torch.randn(B, T, D, dtype=torch.float64)
    packed = pack_padded_sequence(x, LENGTHS, batch_first=True, enforce_sorted=False)
    expected, (last, _) = torch_both_ways(ours)(packed)
    expected, _ = pad_packed_sequence(expected, batch_first=True)
    assert_close(ours(x, mask=MASK)[MASK], expected[MASK])
    summary = Summary(D, H).double()
    summary.both = ours
    assert_close(summary(x, MASK), torch.cat([last[0], last[1]], -1))


def test_without_a_mask_every_step_exists():
    ours, x = BothWays(D, H).double(), torch.randn(B, T, D, dtype=torch.float64)
    assert_close(ours(x), torch_both_ways(ours)(x)[0])
    assert_close(ours(x), ours(x, mask=torch.ones(B, T, dtype=torch.bool)))


def test_what_a_step_that_does_not_exist_holds_reaches_nothing_and_gets_no_gradient():
    ours, x = Summary(D, H).double(), torch.randn(B, T, D, dtype=torch.float64, requires_grad=True)
    other = torch.where(MASK[..., None], x, torch.randn(B, T, D, dtype=torch.float64))
    assert_close(ours(x, MASK), ours(other, MASK))
    (gradient,) = torch.autograd.grad(ours(x, MASK).square().sum(), x)
    assert not gradient[~MASK].any()
    assert (gradient[MASK].abs().sum(-1) > 0).all()


def test_inputs_of_the_whole_sequence_stand_beside_every_step():
    ours = BothWays(D + 2, H).double()
    x, whole = torch.randn(B, T, D, dtype=torch.float64), torch.randn(B, 2, dtype=torch.float64)
    assert_close(ours(x, whole), ours(torch.cat([x, whole[:, None].expand(B, T, 2)], -1)))


def test_a_network_at_each_step_is_the_network_at_each_step():
    network, x = MLP((D, 2), 6), torch.randn(B, T, D, 2)
    assert_close(EachStep(network, (6,))(x), torch.stack([network(x[:, t]) for t in range(T)], 1))


def test_one_step_is_any_that_exists_in_training_and_their_mean_after():
    x = torch.arange(T, dtype=torch.float64).expand(4000, T)[..., None]
    mask = torch.arange(T) < torch.tensor([1, 3, T, 2]).repeat(1000)[:, None]
    lengths = mask.sum(1)
    one = OneStep(1)
    drawn = one(x, mask)[:, 0]
    assert (drawn < lengths).all()
    counts = torch.stack([(drawn[lengths == T] == t).double().mean() for t in range(T)])
    assert_close(counts, torch.full((T,), 1 / T, dtype=torch.float64), atol=0.05, rtol=0)
    assert_close(one.eval()(x, mask)[:, 0], (lengths - 1).double() / 2)
    assert_close(one(x)[:, 0], torch.full((4000,), (T - 1) / 2, dtype=torch.float64))
