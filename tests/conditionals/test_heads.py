"""Every head, from a table: the generic checks below take a new head as one more row."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.special import log_softmax
from torch import nn
from torch.testing import assert_close

from vaekit import conditionals as heads
from vaekit.distributions import direction, kl_per_element, log_prob_per_element

IMAGE = (3, 4, 4)


class Features(nn.Module):
    """A network (B, 2) -> (B, *out_shape) whose outputs are about `gain` in size."""

    def __init__(self, *out_shape, gain=1.0):
        super().__init__()
        self.out_shape, self.gain = out_shape, gain
        self.linear = nn.Linear(2, int(np.prod(out_shape)))

    def forward(self, x):
        return self.gain * self.linear(x).view(-1, *self.out_shape)


def unit(shape):
    return torch.rand(shape)


def levels(count):
    return lambda shape: torch.randint(count, shape) / (count - 1)


def classes(count):
    return lambda shape: torch.randint(count, shape)


def positives(shape):
    return torch.rand(shape) * 3 + 0.01


def shares(shape):
    return torch.softmax(torch.randn(shape), -1)


def dirichlet(x, concentration):
    return np.array([stats.dirichlet.logpdf(value, a) for value, a in zip(x, concentration, strict=True)])


def counts(shape):
    return torch.poisson(torch.full(shape, 3.0))


def logistic_bins(x, loc, scale, count):
    edge = 0.5 / (count - 1)
    upper = np.where(x > 1 - edge, np.inf, x + edge)
    lower = np.where(x < edge, -np.inf, x - edge)
    return np.log(stats.logistic.cdf(upper, loc, scale) - stats.logistic.cdf(lower, loc, scale))


def logistic_colours(x, logits, loc, scale, coupling, count):
    weights = np.exp(log_softmax(logits, axis=1))
    r, g = x[:, None, 0], x[:, None, 1]
    shifts = [0, coupling[:, :, 0] * r, coupling[:, :, 1] * r + coupling[:, :, 2] * g]
    log_p = sum(logistic_bins(x[:, None, c], loc[:, :, c] + shifts[c], scale[:, :, c], count) for c in range(3))
    return np.log((weights * np.exp(log_p)).sum(1))


def directions(shape):
    return direction(torch.randn(shape))


def von_mises_fisher(x, loc, concentration):
    each = zip(x, loc, concentration, strict=True)
    return np.array([stats.vonmises_fisher(mean, kappa).logpdf(value) for value, mean, kappa in each])


def continuous_bernoulli(x, logits):
    rate = np.abs(logits)  # a truncated exponential, or its mirror image
    return stats.truncexpon.logpdf(np.where(logits < 0, x, 1 - x), b=rate, scale=1 / rate)


def chosen(x, logits):
    return np.take_along_axis(log_softmax(logits, axis=-1), x[..., None], -1)[..., 0]


@dataclass
class Row:
    build: Any  # network, event shape -> head
    data: Any  # shape -> values the head can price
    log_prob: Any  # x and the parameters as arrays -> log-probabilities that sum to the whole
    event_shape: tuple[int, ...] = (5,)


HEADS = {
    "gaussian": Row(heads.Gaussian, torch.randn, stats.norm.logpdf),
    "gaussian, shared scale": Row(
        lambda net, shape: heads.Gaussian(net, shape, scale=heads.Shared(0.5)), torch.randn, stats.norm.logpdf
    ),
    "gaussian, fixed scale": Row(
        lambda net, shape: heads.Gaussian(net, shape, scale=0.5), torch.randn, stats.norm.logpdf
    ),
    "gaussian, frozen optimal scale": Row(
        lambda net, shape: heads.Gaussian(net, shape, scale=heads.Optimal()).eval(), torch.randn, stats.norm.logpdf
    ),
    "gaussian image": Row(heads.Gaussian, torch.randn, stats.norm.logpdf, IMAGE),
    "laplace": Row(heads.Laplace, torch.randn, stats.laplace.logpdf),
    "student": Row(heads.StudentT, torch.randn, stats.t.logpdf),
    "student of fixed df": Row(
        lambda net, shape: heads.StudentT(net, shape, df=1.0, scale=heads.Shared()), torch.randn, stats.t.logpdf
    ),
    "cauchy": Row(heads.Cauchy, torch.randn, stats.cauchy.logpdf),
    "gamma": Row(
        heads.Gamma, positives, lambda x, concentration, rate: stats.gamma.logpdf(x, concentration, scale=1 / rate)
    ),
    "beta": Row(
        heads.Beta, unit, lambda x, concentration1, concentration0: stats.beta.logpdf(x, concentration1, concentration0)
    ),
    "dirichlet": Row(heads.Dirichlet, shares, dirichlet),
    "bernoulli": Row(
        heads.Bernoulli, lambda s: classes(2)(s).double(), lambda x, logits: -np.logaddexp(0, logits * (1 - 2 * x))
    ),
    "continuous bernoulli": Row(heads.ContinuousBernoulli, unit, continuous_bernoulli),
    "categorical": Row(lambda net, shape: heads.Categorical(net, shape, 4), classes(4), chosen),
    "one label": Row(lambda net, shape: heads.Categorical(net, shape, 4), classes(4), chosen, ()),
    "von Mises-Fisher": Row(heads.VonMisesFisher, directions, von_mises_fisher),
    "poisson": Row(heads.Poisson, counts, lambda x, rate: stats.poisson.logpmf(x, rate)),
    "discretised logistic": Row(
        heads.DiscretisedLogistic, levels(256), lambda x, loc, scale: logistic_bins(x, loc, scale, 256)
    ),
    "discretised logistic, one scale": Row(
        lambda net, shape: heads.DiscretisedLogistic(net, shape, 8, scale=heads.Shared(0.3)),
        levels(8),
        lambda x, loc, scale: logistic_bins(x, loc, scale, 8),
    ),
    "logistic mixture": Row(
        lambda net, shape: heads.DiscretisedLogisticMixture(net, shape, components=3, levels=32),
        levels(32),
        lambda x, logits, loc, scale, coupling: logistic_colours(x, logits, loc, scale, coupling, 32),
        IMAGE,
    ),
}
DETERMINISTIC = Row(heads.Deterministic, torch.randn, None)


@pytest.fixture(params=[*HEADS, "deterministic"], ids=str)
def any_row(request):
    return (HEADS | {"deterministic": DETERMINISTIC})[request.param]


@pytest.fixture(params=HEADS, ids=str)
def row(request):
    return HEADS[request.param]


def head_of(row, gain=1.0):
    return row.build(Features(7, gain=gain), row.event_shape)


def test_the_density_is_the_textbook_one(row):
    head, x = head_of(row), row.data((6, *row.event_shape))
    inputs = torch.randn(6, 2)
    parameters = {name: p.detach().numpy() for name, p in head.outputs(inputs).items()}
    expected = torch.tensor(row.log_prob(x.numpy(), **parameters)).reshape(6, -1).sum(1)
    assert_close(head(inputs).log_prob(x), expected)


def test_a_draw_has_the_shape_of_the_event(any_row):
    p_x = head_of(any_row)(torch.randn(6, 2))
    assert (p_x.batch_shape, p_x.event_shape) == ((6,), any_row.event_shape)
    assert p_x.sample((3,)).shape == (3, 6, *any_row.event_shape)


def test_the_two_steps_compose_to_the_head(any_row):
    head, inputs = head_of(any_row), torch.randn(6, 2)
    x = head(inputs).sample()
    composed = head.distribution(**head.parametrise(head.network(inputs)))
    assert_close(composed.log_prob(x), head(inputs).log_prob(x))


def test_leading_axes_give_the_same_as_a_loop(row):
    head, inputs, x = head_of(row), torch.randn(3, 6, 2), row.data((3, 6, *row.event_shape))
    together = head(inputs, leading=2).log_prob(x)
    assert_close(together, torch.stack([head(i).log_prob(v) for i, v in zip(inputs, x, strict=True)]))


def test_elements_sum_to_the_whole(row):
    p_x, x = head_of(row)(torch.randn(6, 2)), row.data((6, *row.event_shape))
    assert_close(log_prob_per_element(p_x, x).reshape(6, -1).sum(1), p_x.log_prob(x))


def test_a_closed_divergence_from_itself_is_nought_for_every_element(row):
    p_x = head_of(row)(torch.randn(6, 2))
    divergence = kl_per_element(p_x, p_x)
    if divergence is not None:
        assert_close(divergence, torch.zeros_like(divergence), atol=1e-12, rtol=0)


def test_every_trained_parameter_gets_a_gradient(row):
    head = head_of(row)
    head(torch.randn(6, 2)).log_prob(row.data((6, *row.event_shape))).sum().backward()
    for name, parameter in head.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("gain", [0.0, 1.0, 1e4])
def test_the_first_loss_is_finite_in_float32_under_any_network(row, gain):
    head = head_of(row, gain).float()
    x = row.data((6, *row.event_shape))
    x = x.float() if x.is_floating_point() else x
    loss = -head(torch.randn(6, 2, dtype=torch.float32)).log_prob(x).sum()
    loss.backward()
    assert torch.isfinite(loss)
    assert all(torch.isfinite(p.grad).all() for p in head.parameters())


def test_a_saved_head_is_the_same_head(any_row):
    head, again = head_of(any_row), head_of(any_row)
    again.load_state_dict(head.state_dict())
    inputs = torch.randn(1, 2)
    assert_close(again.outputs(inputs), head.outputs(inputs))


def test_half_precision_networks_give_float32_parameters(any_row):
    head = head_of(any_row).bfloat16()
    assert {p.dtype for p in head.outputs(torch.randn(2, 2).bfloat16()).values()} == {torch.float32}


def test_the_mean_is_among_the_values(row):
    head = head_of(row)
    if isinstance(head, heads.StudentT | heads.Categorical | heads.Cauchy):
        pytest.skip("Cauchy and classes have no mean")
    assert torch.isfinite(head(torch.randn(6, 2)).mean).all()


def test_a_map_of_the_image_s_size_is_read_by_a_convolution(row):
    if len(row.event_shape) != 3:
        pytest.skip("not an image")
    head = row.build(Features(7, 4, 4), row.event_shape)
    assert isinstance(head.last.layer, nn.Conv2d)
    assert head(torch.randn(6, 2)).log_prob(row.data((6, *IMAGE))).shape == (6,)


def test_a_fresh_discretised_head_lies_in_the_middle_and_is_wide():
    p_x = heads.DiscretisedLogistic(Features(7, gain=0.0), 5)(torch.randn(64, 2)).base_dist
    assert_close(p_x.loc.mean(), torch.tensor(0.5), atol=0.5, rtol=0)
    assert (p_x.scale > 0.1).all()


def test_one_scale_is_the_same_for_all_elements_and_learned():
    head = heads.DiscretisedLogistic(Features(7), 5, 8, scale=heads.Shared(0.3))
    p_x = head(torch.randn(4, 2)).base_dist
    assert_close(p_x.scale, torch.full((4, 5), 0.3 + 0.05 / 7 + 1e-4))
    p_x.log_prob(torch.zeros(4, 5)).sum().backward()
    assert head.scale.log_scale.grad.abs() > 0
    fixed = heads.DiscretisedLogistic(Features(7), 5, 8, scale=0.2)(torch.randn(4, 2)).base_dist
    assert_close(fixed.scale, torch.full((4, 5), 0.2 + 0.05 / 7))
    with pytest.raises(ValueError, match=r"scale=Optimal\(\) is for Gaussian heads, got it for DiscretisedLogistic"):
        heads.DiscretisedLogistic(Features(7), 5, scale=heads.Optimal())


def test_fresh_components_spread_over_the_range():
    head = heads.DiscretisedLogisticMixture(Features(7), IMAGE, components=4)
    nn.init.zeros_(head.last.layer.weight)
    nn.init.zeros_(head.last.layer.bias)
    loc = head.outputs(torch.randn(1, 2))["loc"][0, :, 0, 0, 0]
    assert_close(loc, torch.tensor([0.125, 0.375, 0.625, 0.875]))


def test_grey_images_have_nothing_to_couple():
    head = heads.DiscretisedLogisticMixture(Features(7), (1, 4, 4), components=2)
    assert set(head.outputs(torch.randn(2, 2))) == {"logits", "loc", "scale"}
    assert head(torch.randn(2, 2)).log_prob(torch.rand(2, 1, 4, 4)).shape == (2,)


def test_learned_degrees_of_freedom_start_at_ten_and_stay_above_two():
    head = heads.StudentT(Features(7), 5)
    assert_close(head.outputs(torch.randn(1, 2))["df"], torch.full((1, 5), 10.0))
    with torch.no_grad():
        head.df.raw_df.fill_(-3.0)
    assert (head.outputs(torch.randn(1, 2))["df"] > 2).all()


NONSENSE = [
    (lambda net: heads.Categorical(net, 5, classes=1), "classes must be a whole number of at least 2, got 1"),
    (lambda net: heads.DiscretisedLogistic(net, 5, levels=1), "levels must be a whole number of at least 2, got 1"),
    (
        lambda net: heads.DiscretisedLogisticMixture(net, IMAGE, components=0),
        "components must be a whole number of at least 1, got 0",
    ),
    (
        lambda net: heads.DiscretisedLogisticMixture(net, IMAGE, levels=0),
        "levels must be a whole number of at least 2, got 0",
    ),
    (lambda net: heads.DiscretisedLogisticMixture(net, (4, 4)), r"must be \(channels, height, width\), got \(4, 4\)"),
    (lambda net: heads.StudentT(net, 5, df=-1.0), "df must be a finite number above 0, got -1.0"),
    (lambda net: heads.Laplace(net, 5, scale=0.0), "scale must be a finite number above 0, got 0.0"),
    (lambda net: heads.Laplace(net, 5, scale=heads.Optimal()), r"scale=Optimal\(\) is for Gaussian heads"),
    (lambda net: heads.StudentT(net, 5, scale=heads.Optimal()), r"scale=Optimal\(\) is for Gaussian heads"),
    (lambda net: heads.Cauchy(net, 5, scale=heads.Optimal()), r"scale=Optimal\(\) is for Gaussian heads"),
    (lambda net: heads.Dirichlet(net, 1), r"event_shape must be one number of at least 2, of shares, got \(1,\)"),
    (
        lambda net: heads.Dirichlet(net, (2, 3)),
        r"event_shape must be one number of at least 2, of shares, got \(2, 3\)",
    ),
    (lambda net: heads.Uniform(net, 5, least=1.0, most=1.0), "least must lie below most, got 1.0 and 1.0"),
    (lambda net: heads.VonMisesFisher(net, 1), "a sphere needs a whole number of at least 2 dimensions, got 1"),
    (lambda net: heads.VonMisesFisher(net, (2, 3)), r"must be one number, of a vector on the sphere, got \(2, 3\)"),
    (lambda net: heads.Gaussian(net, (0, 3)), r"event_shape must hold sizes of at least 1, got \(0, 3\)"),
    (lambda net: heads.Bernoulli(nn.Linear(2, 7), 5), "Linear does not say what it gives: set features="),
    (lambda net: heads.Gaussian(Features(7, 2, 2), IMAGE), "gives a map of 2x2, the event is 4x4"),
]


@pytest.mark.parametrize(("build", "message"), NONSENSE)
def test_nonsense_is_refused_in_one_sentence(build, message):
    with pytest.raises(ValueError, match=message):
        build(Features(7))


def test_directions_have_length_one_and_concentrations_are_at_least_one_whatever_the_network_gives():
    head, inputs = heads.VonMisesFisher(Features(7, gain=1e3), 5).bfloat16(), torch.randn(50, 2).bfloat16()
    found = head.outputs(inputs)
    assert_close(found["loc"].norm(dim=-1), torch.ones(50, dtype=torch.float32))
    assert found["concentration"].shape == (50,)
    assert (found["concentration"] >= 1).all()


def test_a_network_that_gives_no_direction_gives_the_first_axis_and_finite_gradients():
    head = heads.VonMisesFisher(Features(7, gain=0.0), 3)
    nn.init.zeros_(head.last.layer.bias)
    q = head(torch.randn(4, 2))
    assert_close(q.mode, torch.eye(3)[:1].expand(4, 3))
    q.rsample().sum().backward()
    assert all(p.grad.isfinite().all() for p in head.parameters())


def test_a_shared_scale_is_one_number_or_one_for_each_element():
    h = torch.randn(5, 3, dtype=torch.get_default_dtype())
    one = heads.Gaussian(nn.Identity(), 2, scale=heads.Shared(0.5), features=3).parametrise(h)["scale"]
    each_head = heads.Gaussian(nn.Identity(), 2, scale=heads.Shared(0.5, shape=(2,)), features=3)
    with torch.no_grad():
        each_head.scale.log_scale.copy_(torch.tensor([0.0, 1.0]))
    each = each_head.parametrise(h)["scale"]
    assert_close(one, torch.full((5, 2), 0.5001).to(one))
    assert_close(each, (torch.tensor([1.0, np.e]).expand(5, 2) + 1e-4).to(each))


def test_uniform_intervals_lie_in_their_box_and_have_the_density_of_their_length():
    head = heads.Uniform(Features(7, gain=3.0), 5, least=-2.0, most=3.0)
    found = head.outputs(torch.randn(50, 2))
    assert (found["low"] >= -2).all()
    assert (found["high"] <= 3).all()
    assert ((found["high"] - found["low"]).amax(1) > (found["high"] - found["low"]).amin(1)).all()
    q = head.distribution(**found)
    z = q.rsample()
    assert_close(q.log_prob(z), -(found["high"] - found["low"]).log().sum(1))
    z.sum().backward()
    assert head.last.layer.weight.grad.abs().min() > 0


def test_moments_say_how_heavy_tails_are():
    assert heads.Gaussian(Features(7), 5).moments == np.inf
    assert heads.Laplace(Features(7), 5).moments == np.inf
    assert heads.StudentT(Features(7), 5, df=1.5).moments == 1.5
    assert heads.StudentT(Features(7), 5).moments > 2
    assert heads.Cauchy(Features(7), 5).moments == 1.0
