import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from vaekit.networks import MLP, Corrupted, GaussianNoise, Masking, SaltAndPepper, ToneCurves

CORRUPTIONS = [GaussianNoise(0.5), Masking(0.3), SaltAndPepper(0.4)]
every_corruption = pytest.mark.parametrize("corruption", CORRUPTIONS, ids=lambda c: type(c).__name__)


@every_corruption
def test_is_on_in_training_and_off_in_evaluation(corruption):
    torch.manual_seed(0)
    network, x = Corrupted(MLP((1, 8, 8)), corruption), torch.rand(3, 1, 8, 8) + 0.1
    assert not torch.equal(network(x), x.flatten(1))
    assert torch.equal(network.eval()(x), x.flatten(1))


@every_corruption
def test_the_context_stays_clean(corruption):
    network = Corrupted(MLP(6 + 4), corruption)
    c = torch.full((3, 4), 0.5)
    assert torch.equal(network(torch.rand(3, 6), c)[:, 6:], c)


@every_corruption
def test_a_generator_repeats_it_and_leaves_the_global_one_alone(corruption):
    x, state = torch.rand(3, 50), torch.get_rng_state()
    first, second = (corruption(x, torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(first, second)
    assert torch.equal(torch.get_rng_state(), state)


def test_masking_keeps_the_share_it_says():
    torch.manual_seed(0)
    kept = Masking(0.3)(torch.full((1000, 100), 7.0))
    assert set(kept.unique().tolist()) == {0.0, 7.0}
    assert (kept == 7).double().mean().item() == pytest.approx(0.7, abs=5 * (0.3 * 0.7 / 1e5) ** 0.5)


def test_salt_and_pepper_are_equal_halves():
    torch.manual_seed(0)
    x = SaltAndPepper(0.4)(torch.full((1000, 100), 0.5))
    for value, share in ((0.0, 0.2), (1.0, 0.2), (0.5, 0.6)):
        assert (x == value).double().mean().item() == pytest.approx(share, abs=5 * (0.25 / 1e5) ** 0.5)


def test_gaussian_noise_has_its_scale_and_no_mean():
    torch.manual_seed(0)
    noise = GaussianNoise(0.5)(torch.full((1000, 100), 3.0, dtype=torch.float64)) - 3
    assert noise.mean().item() == pytest.approx(0.0, abs=5 * 0.5 / 1e5**0.5)
    assert noise.std().item() == pytest.approx(0.5, rel=0.02)


@pytest.mark.parametrize("nothing", [GaussianNoise(0.0), Masking(0.0), SaltAndPepper(0.0)])
def test_none_of_it_is_the_identity(nothing):
    x = torch.rand(3, 5)
    assert torch.equal(nothing(x), x)


def test_masking_everything_leaves_nothing():
    assert_close(Masking(1.0)(torch.ones(3, 5)), torch.zeros(3, 5))


def test_any_callable_corrupts():
    assert torch.equal(Corrupted(MLP(2), torch.neg)(torch.ones(1, 2)), -torch.ones(1, 2))


def test_out_shape_is_the_networks_or_missing_with_it():
    assert Corrupted(MLP(6, 4), Masking(0.1)).out_shape == (4,)
    assert getattr(Corrupted(nn.Linear(6, 4), Masking(0.1)), "out_shape", None) is None


def test_a_tone_curve_is_linear_between_its_knots_on_channels_that_changed_places():
    x = torch.rand(2, 4, 3, 5, 6, dtype=torch.float64)
    found = ToneCurves(knots=4)(x, torch.Generator().manual_seed(3))
    again = torch.Generator().manual_seed(3)
    order = torch.rand(2, 3, generator=again).argsort(1)
    heights = torch.rand(2, 3, 4, generator=again)
    for row in range(2):
        for channel in range(3):
            seen, curve = x[row, :, order[row, channel]], heights[row, channel]
            wanted = np.interp(seen.numpy(), np.linspace(0, 1, 4), curve.double().numpy())
            assert_close(found[row, :, channel], torch.from_numpy(wanted))


def test_tone_curves_keep_what_is_alike_and_tell_no_colour():
    torch.manual_seed(0)
    x = torch.zeros(500, 2, 3, 1, 2)
    x[:, :, 0, 0, 1] = 1.0  # the left pixel is black, the right one red, in both frames of all rows
    found = ToneCurves()(x)
    assert torch.equal(found[:, 0], found[:, 1])
    assert found.min() >= 0
    assert found.max() <= 1
    red = found[:, 0, :, 0, 1]
    assert len(red.unique(dim=0)) == 500
    assert_close(red.mean(0), torch.full((3,), 0.5), atol=5 * (1 / 12 / 500) ** 0.5, rtol=0)


def test_a_share_of_the_rows_keeps_its_colours():
    torch.manual_seed(0)
    x = torch.rand(2000, 1, 2, 2)
    kept = (ToneCurves(probability=0.3)(x) == x).flatten(1).all(1).double().mean().item()
    assert kept == pytest.approx(0.7, abs=5 * (0.3 * 0.7 / 2000) ** 0.5)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: ToneCurves(probability=0.0), "probability must lie above 0 and at most at 1, got 0.0"),
        (lambda: ToneCurves(1), "knots must be at least 2, got 1"),
        (lambda: ToneCurves()(torch.rand(3, 4, 5)), r"\(B, ..., channels, height, width\), got the shape \(3, 4, 5\)"),
    ],
)
def test_says_what_tone_curves_need(call, said):
    with pytest.raises(ValueError, match=said):
        call()
