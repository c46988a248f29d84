"""Networks of words: what stands behind the end is not read, and word by word is all at once."""

import pytest
import torch
from torch.testing import assert_close

from vaekit.networks import CausalTransformer, Forgetful, NextWord, Sentence, up_to_end


def test_the_end_is_the_last_that_counts():
    strings = torch.tensor([[3, 2, 0, 4, 0], [1, 1, 1, 1, 1], [0, 5, 5, 0, 0]])
    assert up_to_end(strings, 0).sum(1).tolist() == [3, 5, 1]


def test_nothing_behind_the_end_is_read():
    torch.manual_seed(0)
    network = Sentence(6, embedding=4, width=5).eval()
    strings = torch.tensor([[3, 2, 0, 4, 5], [1, 2, 3, 4, 0]])
    other = torch.tensor([[3, 2, 0, 1, 1], [1, 2, 3, 4, 0]])
    assert_close(network(strings), network(other))
    assert_close(network(strings[:1]), network(strings)[:1])  # whatever stands beside it
    assert not torch.allclose(network(strings)[0], network(torch.tensor([[3, 1, 0, 4, 5]]))[0])


@pytest.mark.parametrize("context", [None, (3,)])
def test_word_by_word_is_all_at_once(context):
    torch.manual_seed(0)
    network = NextWord(7, 6, embedding=4, width=5, context=context).eval()
    for p in network.parameters():
        torch.nn.init.normal_(p, std=0.5)
    strings, given = torch.randint(7, (4, 6)), None if context is None else torch.randn(4, 3)
    state = network.start(4, given)
    whole, previous = network.whole(strings, state), torch.full((4,), 3)
    for t in range(6):
        logits, state = network.step(previous, state)
        assert_close(logits, whole[:, t], atol=1e-5, rtol=0)
        previous = strings[:, t]
    changed = strings.clone()
    changed[:, 3] = (changed[:, 3] + 1) % 7
    assert_close(network.whole(changed, network.start(4, given))[:, :4], whole[:, :4])
    assert not torch.allclose(network.whole(changed, network.start(4, given))[:, 4], whole[:, 4])


def test_the_context_is_seen_at_every_word():
    torch.manual_seed(0)
    network = NextWord(7, 6, embedding=4, width=5, context=(3,)).eval()
    strings, z = torch.randint(7, (1, 6)), torch.randn(1, 3, requires_grad=True)
    logits = network.whole(strings, network.start(1, z))
    for t in range(6):
        (grad,) = torch.autograd.grad(logits[0, t].square().sum(), z, retain_graph=True)
        assert grad.abs().sum() > 0


def test_a_forgetful_reader_sees_less_in_training_alone():
    torch.manual_seed(0)
    reader = CausalTransformer((7,), (6,), width=8, blocks=1, heads=2)
    torch.nn.init.normal_(reader.last.weight)
    blind, half = Forgetful(reader, 1.0, 1), Forgetful(reader, 0.5, 1)
    strings = torch.randint(2, 7, (4, 6))
    told = reader.whole(strings, reader.start(4))
    nothing = reader.whole(torch.ones_like(strings), reader.start(4))
    assert_close(blind.whole(strings, blind.start(4)), nothing)
    assert not torch.allclose(half.whole(strings, half.start(4)), told)
    assert_close(blind.eval().whole(strings, blind.start(4)), told)
    assert_close(half.eval().step(strings[:, 0], half.start(4))[0], told[:, 0])
    with pytest.raises(ValueError, match="share"):
        Forgetful(reader, 1.5, 1)


def test_more_words_than_it_was_made_for_are_refused():
    network = NextWord(7, 3)
    with pytest.raises(ValueError, match="strings may have up to 3 words, got 4"):
        network.whole(torch.zeros(1, 4, dtype=torch.long), network.start(1))
