import itertools

import pytest
import torch
from scipy.stats import logistic
from torch.testing import assert_close

from vaekit.distributions import DiscretisedLogistic, DiscretisedLogisticMixture


def grid(levels):
    return torch.arange(levels) / (levels - 1)


def mixture(components, channels, height=1, width=1, batch=(), levels=3):
    pairs = channels * (channels - 1) // 2
    return DiscretisedLogisticMixture(
        torch.randn(*batch, components, height, width),
        torch.rand(*batch, components, channels, height, width),
        torch.rand(*batch, components, channels, height, width) * 0.3 + 0.05,
        torch.randn(*batch, components, pairs, height, width),
        levels=levels,
    )


@pytest.mark.parametrize("levels", [2, 3, 256])
@pytest.mark.parametrize("loc", [-3.0, 0.0, 0.41, 1.0, 7.0])
@pytest.mark.parametrize("scale", [1e-6, 1e-3, 0.2, 50.0])
def test_the_levels_share_out_all_the_mass(levels, loc, scale):
    d = DiscretisedLogistic(torch.tensor([loc]), torch.tensor([scale]), levels)
    assert_close(d.log_prob(grid(levels)).logsumexp(0), torch.tensor(0.0), atol=1e-12, rtol=0)


def test_a_level_has_the_mass_of_its_bin_and_the_edges_have_the_tails():
    loc, scale, levels = 0.3, 0.1, 6
    cuts = torch.tensor([-torch.inf, 0.1, 0.3, 0.5, 0.7, 0.9, torch.inf])
    expected = torch.tensor(logistic.cdf(cuts.numpy(), loc, scale)).diff().log()
    d = DiscretisedLogistic(torch.tensor(loc), torch.tensor(scale), levels)
    assert_close(d.log_prob(grid(levels)), expected)


def test_a_value_is_priced_as_its_nearest_level():
    d = DiscretisedLogistic(torch.tensor(0.3), torch.tensor(0.1), levels=6)
    assert_close(d.log_prob(grid(6) + 0.05), d.log_prob(grid(6)))


def test_float32_agrees_with_float64():
    loc = torch.linspace(-0.5, 1.5, 41, dtype=torch.float32)[:, None, None]
    scale = torch.logspace(-3, 2, 26, dtype=torch.float32)[:, None]
    x = grid(256).float()
    single = DiscretisedLogistic(loc, scale).log_prob(x)
    double = DiscretisedLogistic(loc.double(), scale.double()).log_prob(x.double())
    assert_close(single.double(), double, rtol=3e-5, atol=3e-4)


@pytest.mark.parametrize("loc", [-1e6, -1.0, 0.0, 0.5, 1.0, 1e6])
@pytest.mark.parametrize("scale", [1e-10, 1e-4, 1.0, 1e4, 1e10])
def test_extreme_parameters_give_finite_values_and_gradients_in_float32(loc, scale):
    loc = torch.tensor([loc], dtype=torch.float32, requires_grad=True)
    scale = torch.tensor([scale], dtype=torch.float32, requires_grad=True)
    d = DiscretisedLogistic(loc, scale)
    for value in (d.log_prob(grid(256).float()), d.mean):
        gradients = torch.autograd.grad(value.sum(), (loc, scale))
        assert torch.isfinite(value).all()
        assert all(torch.isfinite(g).all() for g in gradients)


@pytest.mark.parametrize("loc", [-0.3, 0.0, 0.41, 0.999])
@pytest.mark.parametrize("scale", [1e-4, 0.01, 0.1, 0.11, 0.5, 30.0])
def test_the_clipped_mean_is_near_the_exact_mean(loc, scale):
    d = DiscretisedLogistic(torch.tensor([loc]), torch.tensor([scale]))
    exact = (d.log_prob(grid(256)).exp() * grid(256)).sum()
    half_a_level = 0.5 / 255
    assert (d.mean - exact).abs() <= min(half_a_level, 1.5 / (96 * 255**2 * scale)) + 1e-9


def test_the_clipped_mean_holds_in_float32():
    loc, scale = torch.linspace(-1, 2, 31)[:, None], torch.logspace(-6, 6, 49)
    single = DiscretisedLogistic(loc.float(), scale.float()).mean
    assert_close(single.double(), DiscretisedLogistic(loc, scale).mean, atol=2e-6, rtol=0)


def test_draws_of_levels_come_as_often_as_they_are_likely():
    d = DiscretisedLogistic(torch.tensor(0.2), torch.tensor(0.3), levels=5)
    counts = (d.sample((100_000,)) * 4).round().long().bincount(minlength=5)
    expected = d.log_prob(grid(5)).exp()
    standard_error = (expected * (1 - expected) / 100_000).sqrt()
    assert ((counts / 100_000 - expected).abs() < 4 * standard_error).all()


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_the_colours_share_out_all_the_mass(channels):
    d = mixture(components=2, channels=channels, levels=3)
    colours = torch.tensor(list(itertools.product(grid(3).tolist(), repeat=channels)))
    assert_close(d.log_prob(colours[..., None, None]).logsumexp(0), torch.tensor(0.0), atol=1e-12, rtol=0)


def test_the_mixture_is_the_sum_over_components_of_channels_in_order():
    d = mixture(components=2, channels=3, height=2, width=2, levels=4)
    x = d.sample()
    total = 0.0
    for i, j in itertools.product(range(2), range(2)):
        red, green, _ = x[:, i, j]
        weights, pixel = d.logits[:, i, j].softmax(0), 0.0
        for m in range(2):
            loc, scale, (gr, br, bg) = d.loc[m, :, i, j], d.scale[m, :, i, j], d.coupling[m, :, i, j]
            means = [loc[0], loc[1] + gr * red, loc[2] + br * red + bg * green]
            channels = [DiscretisedLogistic(means[c], scale[c], 4).log_prob(x[c, i, j]) for c in range(3)]
            pixel = pixel + weights[m] * (channels[0] + channels[1] + channels[2]).exp()
        total = total + pixel.log()
    assert_close(d.log_prob(x), total)


def test_one_uncoupled_component_is_independent_logistics():
    loc, scale = torch.rand(2, 1, 3, 4, 4), torch.rand(2, 1, 3, 4, 4) + 0.1
    d = DiscretisedLogisticMixture(torch.zeros(2, 1, 4, 4), loc, scale)
    single = DiscretisedLogistic(loc[:, 0], scale[:, 0])
    x = single.sample()
    assert_close(d.log_prob(x), single.log_prob(x).sum((-3, -2, -1)))
    assert_close(d.mean, single.mean)


def test_draws_of_colours_come_as_often_as_they_are_likely():
    d = mixture(components=2, channels=3, levels=2)
    colours = torch.tensor(list(itertools.product([0.0, 1.0], repeat=3)))
    expected = d.log_prob(colours[..., None, None]).exp()
    codes = (d.sample((100_000,))[..., 0, 0] @ torch.tensor([4.0, 2.0, 1.0])).long()
    frequency = codes.bincount(minlength=8) / 100_000
    standard_error = (expected * (1 - expected) / 100_000).sqrt()
    assert ((frequency - expected).abs() < 4 * standard_error).all()


def test_the_mean_of_narrow_colours_follows_the_coupling():
    loc, scale = torch.tensor([0.4, 0.1, 0.2]).view(1, 3, 1, 1), torch.full((1, 3, 1, 1), 1e-3)
    coupling = torch.tensor([0.5, 0.25, 1.0]).view(1, 3, 1, 1)
    d = DiscretisedLogisticMixture(torch.zeros(1, 1, 1), loc, scale, coupling)
    assert_close(d.mean.flatten(), torch.tensor([0.4, 0.3, 0.6]), atol=1e-6, rtol=0)
    assert_close(d.sample((20_000,)).mean(0).flatten(), d.mean.flatten(), atol=2e-3, rtol=0)


def test_draws_and_pixels_keep_their_axes():
    d = mixture(components=2, channels=3, height=4, width=5, batch=(7, 2))
    assert d.sample((3,)).shape == (3, 7, 2, 3, 4, 5)
    assert d.log_prob(d.sample((3,))).shape == (3, 7, 2)
    assert d.mean.shape == (7, 2, 3, 4, 5)


def test_the_colour_mixture_is_finite_in_float32_where_nothing_fits():
    parameters = [torch.randn(2, 4, 4), torch.full((2, 3, 4, 4), 50.0), torch.full((2, 3, 4, 4), 1e-5)]
    given = [p.float().requires_grad_() for p in [*parameters, torch.randn(2, 3, 4, 4)]]
    log_p = DiscretisedLogisticMixture(*given).log_prob(torch.zeros(3, 4, 4, dtype=torch.float32))
    assert torch.isfinite(log_p)
    assert all(torch.isfinite(g).all() for g in torch.autograd.grad(log_p, given))


def test_nonsense_is_refused():
    with pytest.raises(ValueError, match="levels must be a whole number of at least 2, got 1"):
        DiscretisedLogistic(torch.zeros(1), torch.ones(1), levels=1)
    with pytest.raises(ValueError, match="coupling must hold 3 pairs for 3 channels, got 1"):
        DiscretisedLogisticMixture(
            torch.zeros(2, 1, 1), torch.zeros(2, 3, 1, 1), torch.ones(2, 3, 1, 1), torch.zeros(2, 1, 1, 1)
        )
