"""Decoders that draw symbol by symbol: exact probabilities, the same in both ways of pricing, blind to what comes later."""

import itertools

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from vaekit.conditionals import StepByStep
from vaekit.distributions import Autoregressive
from vaekit.networks import CausalTransformer, NextWord, PixelCNN


def wild(module: nn.Module) -> nn.Module:
    torch.manual_seed(1)
    for p in module.parameters():
        nn.init.normal_(p, std=0.5)
    return module.eval()


def pictures(levels=3, channels=1, size=(2, 2)) -> StepByStep:
    reader = PixelCNN((levels,) * channels, size, width=6, layers=2, ordinal=True, context=(2, *size))
    return wild(StepByStep(nn.Identity(), (channels, *size), reader, levels=levels, features=(2, *size)))


def strings(kind: str, stop=0) -> StepByStep:
    reader = {
        "lstm": lambda: NextWord(4, 5, embedding=3, width=4, context=(2,)),
        "transformer": lambda: CausalTransformer((4,), (5,), width=8, blocks=1, heads=2, context=(2,)),
    }[kind]()
    return wild(StepByStep(nn.Identity(), (5,), reader, stop=stop, features=2))


@pytest.mark.parametrize(("levels", "channels"), [(2, 1), (3, 1), (2, 2)])
def test_the_probabilities_of_all_pictures_sum_to_one(levels, channels):
    size = (2, 2) if channels == 1 else (1, 2)
    head, n = pictures(levels, channels, size), channels * size[0] * size[1]
    every = torch.tensor(list(itertools.product(range(levels), repeat=n))).reshape(-1, channels, *size) / (levels - 1)
    z = torch.randn(1, 2, *size)
    log_p = head(z).log_prob(every[:, None])
    assert_close(log_p.logsumexp(0), torch.zeros(1), atol=1e-10, rtol=0)
    assert log_p.std() > 0.3


@pytest.mark.parametrize("kind", ["lstm", "transformer"])
def test_the_probabilities_of_all_strings_sum_to_one(kind):
    head = strings(kind)
    ended = [
        s for s in itertools.product(range(4), repeat=5) if all(b == 0 for a, b in itertools.pairwise(s) if a == 0)
    ]
    log_p = head(torch.randn(1, 2)).log_prob(torch.tensor(ended)[:, None])
    assert_close(log_p.logsumexp(0), torch.zeros(1), atol=1e-10, rtol=0)
    assert head(torch.randn(1, 2)).log_prob(torch.tensor([[1, 0, 2, 0, 0]])).item() == -torch.inf


@pytest.mark.parametrize("kind", ["lstm", "transformer"])
def test_a_drawn_string_costs_the_product_of_its_steps(kind):
    p = strings(kind)(torch.randn(6, 2))
    x = p.sample((3,))
    stepwise = Autoregressive(p.step, p.start, (6,), 5, stop=0)
    assert_close(p.log_prob(x), stepwise.log_prob(x), atol=1e-10, rtol=0)
    assert_close(p.log_prob_of_steps(x).sum(-1), p.log_prob(x))


def test_a_drawn_picture_costs_the_product_of_its_steps_and_is_a_picture():
    p = pictures(3, 2, (3, 2))(torch.randn(4, 2, 3, 2))
    x = p.sample((5,))
    assert x.shape == (5, 4, 2, 3, 2)
    assert set(x.flatten().tolist()) <= {0.0, 0.5, 1.0}
    inner = p.base_dist
    stepwise = Autoregressive(inner.step, inner.start, (4,), inner.length)
    assert_close(p.log_prob(x), stepwise.log_prob(p.string(x)), atol=1e-10, rtol=0)


def test_no_pixel_is_told_by_one_behind_it():
    head, x = pictures(3, 2, (3, 3)), torch.randint(3, (1, 2, 3, 3)) / 2
    z = torch.randn(1, 2, 3, 3)
    order = [(c, i, j) for i in range(3) for j in range(3) for c in range(2)]
    before = head(z).base_dist.log_prob_of_steps(head(z).string(x))[0]
    for t, (c, i, j) in enumerate(order):
        other = x.clone()
        other[0, c, i, j] = (other[0, c, i, j] + 0.5) % 1.5
        now = head(z).base_dist.log_prob_of_steps(head(z).string(other))[0]
        assert_close(now[:t], before[:t], atol=1e-12, rtol=0)
        assert not torch.allclose(now[t:], before[t:])


def test_several_draws_of_z_price_x_each_by_its_own():
    head, x = strings("lstm"), torch.tensor([[1, 2, 0, 0, 0], [3, 3, 3, 3, 0]])
    z = torch.randn(7, 2, 2)
    together = head(z, leading=2).log_prob(x)
    assert_close(together, torch.stack([head(one).log_prob(x) for one in z]))
    assert head(z, leading=2).sample().shape == (7, 2, 5)


def test_the_mode_takes_the_likeliest_symbol_each_time():
    p = strings("lstm")(torch.randn(3, 2))
    mode = p.mode
    assert torch.equal(mode, p.mode)
    logits, _ = p.step(torch.zeros(3, dtype=torch.long), p.start)
    assert torch.equal(mode[:, 0], logits.logits.argmax(-1))


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="levels are those of a picture"):
        StepByStep(nn.Identity(), (5,), NextWord(4, 5, context=(2,)), levels=3, features=2)
    with pytest.raises(ValueError, match="levels are those of a picture"):
        StepByStep(nn.Identity(), (1, 2, 2), PixelCNN((2,), (2, 2), context=(2,)), features=2)
