import math

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from vaekit.networks import MLP, Attending, Attention, AttentionBlock, SequenceEncoder, Tokens, positions, unpadded

B, T, WIDTH = 3, 5, 8


@pytest.fixture(autouse=True)
def seeded_float64():
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def encoder(**more):
    return nn.Sequential(Tokens(7, 4), SequenceEncoder(4, WIDTH, **more))


def tokens():
    found = torch.randint(7, (B, T))
    found[0, 3:], found[1] = -1, -1
    return found


def test_attention_is_a_softmax_average_of_values_row_by_row_and_head_by_head():
    attention, x, memory = Attention(WIDTH, heads=2), torch.randn(B, 2, WIDTH), torch.randn(B, T, WIDTH)
    exists = torch.rand(B, T) < 0.6
    exists[:, 0] = True
    rows = torch.zeros(B, 2, WIDTH)
    for b in range(B):
        k, v = attention.key(memory[b]), attention.value(memory[b])
        for i in range(2):
            q = attention.query(x[b, i])
            for part in (slice(0, 4), slice(4, 8)):
                scores = [(q[part] @ k[t, part]).item() / math.sqrt(4) if exists[b, t] else -math.inf for t in range(T)]
                weights = [math.exp(s) / sum(math.exp(other) for other in scores) for s in scores]
                rows[b, i, part] = sum(w * v[t, part] for t, w in enumerate(weights))
    assert_close(attention(x, memory, exists), attention.mix(rows))


def test_a_block_adds_what_is_found_and_then_what_is_made_of_it():
    block, x, exists = AttentionBlock(WIDTH, heads=2), torch.randn(B, T, WIDTH), torch.ones(B, T, dtype=torch.bool)
    asked = block.before(x)
    h = x + block.attention(asked, asked, exists)
    assert_close(block(x, exists), h + block.forwards(block.between(h)))
    memory = torch.randn(B, 2, WIDTH)
    found = x + block.attention(asked, memory, exists[:, :2])
    assert_close(block(x, exists[:, :2], memory), found + block.forwards(block.between(found)))


def test_positions_are_sines_and_cosines_of_falling_frequencies():
    found = positions(4, 6, torch.zeros(()))
    expected = [[f(t / 10_000 ** (2 * i / 6)) for f in (math.sin, math.cos) for i in range(3)] for t in range(4)]
    assert_close(found, torch.tensor(expected))


def test_tokens_are_their_vectors_and_padding_is_no_row():
    embed, given = Tokens(7, 4), tokens()
    vectors, exists = unpadded(embed(given))
    assert torch.equal(exists, given >= 0)
    assert_close(vectors[exists], embed.vectors.weight[given[exists]])
    assert (vectors[~exists] == 0).all()


def test_what_a_padded_place_holds_is_never_seen():
    network, given = encoder(), tokens()
    others = torch.where(given < 0, -torch.randint(1, 100, given.shape), given)
    assert torch.equal(unpadded(network(others))[0], unpadded(network(given))[0])


@pytest.mark.parametrize("asks", [False, True])
def test_more_padding_changes_nothing(asks):
    asking = MLP(6, 5) if asks else None
    network, reader = encoder(), Attending(MLP((6, (4 * WIDTH,)), 9), WIDTH, asking=asking)
    x, given = torch.randn(B, 6), tokens()
    longer = torch.cat([given, torch.full((B, 3), -1)], dim=1)
    assert_close(reader(x, network(longer)), reader(x, network(given)), rtol=1e-12, atol=1e-12)


def test_a_sequence_of_padding_alone_is_read_as_nothing_and_its_gradient_is_finite():
    network, reader = encoder(), Attending(MLP(4 * WIDTH, 9), WIDTH)
    nothing = torch.full((2, T), -1)
    out = reader(network(nothing))
    assert_close(out, reader(network(nothing[:, :1])), rtol=1e-12, atol=1e-12)
    out.sum().backward()
    for p in (*network.parameters(), *reader.parameters()):
        assert p.grad is None or p.grad.isfinite().all()


def test_gradients_are_finite_beside_padding_and_reach_the_tokens_that_are_there_alone():
    network, given = encoder(), tokens()
    Attending(MLP(4 * WIDTH, 9), WIDTH)(network(given)).square().sum().backward()
    grad = network[0].vectors.weight.grad
    there = torch.zeros(7, dtype=torch.bool).index_fill(0, given[given >= 0], True)
    assert torch.equal(grad.abs().sum(1) > 0, there)
    assert all(p.grad.isfinite().all() for p in network.parameters())


def test_the_order_of_tokens_matters_and_other_examples_do_not():
    network, given = encoder(), torch.tensor([[1, 2, 3], [3, 2, 1], [1, 2, 3]])
    read = Attending(MLP(4 * WIDTH, 9), WIDTH)(network(given))
    assert_close(read[0], read[2])
    assert (read[0] - read[1]).abs().max() > 1e-3


def test_rows_of_features_are_read_like_tokens_with_nan_for_padding():
    network, x = SequenceEncoder(3, WIDTH), torch.randn(B, T, 3)
    x[0, 2:] = math.nan
    read = network(x)
    assert read.shape == (B, 1 + T, WIDTH)
    assert torch.equal(read.isnan().all(-1), torch.cat([torch.zeros(B, 1, dtype=torch.bool), x.isnan().all(-1)], 1))
    assert_close(read[:1, :3], network(x[:1, :2]), rtol=1e-12, atol=1e-12)


def test_what_is_looked_up_depends_on_the_input_where_the_input_asks():
    memory, x = torch.randn(B, T, WIDTH), torch.randn(B, 6)

    class Found(nn.Module):
        out_shape = (4 * WIDTH,)

        def forward(self, x, found):
            return found

    asking, blind = Attending(Found(), WIDTH, asking=MLP(6, 5)), Attending(Found(), WIDTH)
    assert (asking(x, memory) - asking(x + 1, memory)).abs().max() > 1e-3
    assert torch.equal(blind(x, memory), blind(x + 1, memory))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: Tokens(7, 4)(torch.tensor([[7]])), "tokens must be below 7, or negative for none, got 7"),
        (lambda: Tokens(7, 4)(torch.zeros(2, 3)), r"tokens must be integers of shape \(B, T\), got torch.float64"),
        (lambda: Tokens(0, 4), "vocabulary must hold sizes of at least 1, got 0"),
        (lambda: Attention(9, heads=2), "width must be a multiple of 2 heads, got 9"),
        (lambda: SequenceEncoder(3, 7), "width must be even, got 7"),
        (lambda: SequenceEncoder(3, 8)(torch.zeros(2, 0, 3)), r"x must be \(B, T of at least 1, 3\), got \(2, 0, 3\)"),
        (lambda: Attending(MLP(32, 3), 8)(torch.zeros(2, 3, 7)), r"the sequence must be \(B, S, 8\), got \(2, 3, 7\)"),
    ],
)
def test_what_is_no_sequence_is_refused_in_a_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
