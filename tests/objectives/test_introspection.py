"""The model as its own critic, against hand calculations."""

import pytest
import torch
from torch.testing import assert_close

import vaekit as vk
from vaekit.networks import MLP
from vaekit.objectives import After, DistortionOf, Introspection, RateOf, generated, rebuilt


@pytest.fixture
def inference():
    torch.manual_seed(0)
    model = vk.VAE(vk.StandardNormal(2), vk.Gaussian(MLP(3, 8), 2), vk.Gaussian(MLP(2, 8), 3, scale=0.5))
    return model.infer(torch.randn(5, 3))


def made(inference):
    torch.manual_seed(3)
    return generated(inference)[0], rebuilt(inference)[0]


def test_the_rate_and_distortion_of_what_was_made_are_those_of_a_walk_with_it(inference):
    new, copy = made(inference)
    torch.manual_seed(4)
    by_hand = [inference.model.infer(x) for x in (copy, new)]
    torch.manual_seed(4)
    assert_close(RateOf([rebuilt, generated])(inference, {}), (by_hand[0].rate + by_hand[1].rate) / 2)
    torch.manual_seed(4)
    found = DistortionOf([rebuilt, generated])(inference, {})
    assert_close(found, (by_hand[0].distortion + by_hand[1].distortion) / 2)


def test_introspection_is_the_exponential_of_the_bound_of_what_was_made(inference):
    new, copy = made(inference)
    torch.manual_seed(4)
    walks = [inference.model.infer(x) for x in (copy, new)]
    expected = sum(torch.exp(-2 / 3 * (0.2 * w.distortion + 0.9 * w.rate)) for w in walks) / 4
    torch.manual_seed(4)
    assert_close(Introspection([rebuilt, generated], 1 / 3, distortion=0.2, rate=0.9)(inference, {}), expected)


def test_examples_carry_the_gradient_to_the_decoder_in_its_own_game_alone(inference):
    made(inference)
    model = inference.model
    wide = model.decoder.network
    RateOf([generated])(inference, {}).sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in wide.parameters())
    model.zero_grad()
    Introspection([generated], 1 / 3, distortion=0.0)(inference, {}).sum().backward()
    assert all(p.grad is None or p.grad.abs().sum() == 0 for p in wide.parameters())
    assert all(p.grad.abs().sum() > 0 for p in model.encoder.parameters())


def test_a_weight_can_wait():
    late = After(0.5, 10)
    assert [late(step) for step in (0, 9, 10, 1000)] == [0.0, 0.0, 0.5, 0.5]
    with pytest.raises(ValueError, match="steps must be at least 0"):
        After(1.0, -1)
