"""Draws of the von Mises-Fisher distribution and their gradients against quadrature."""

import numpy as np
import pytest
import torch
from marginal_angle import Marginal
from scipy import stats
from torch.testing import assert_close

from vaekit.distributions import VonMisesFisher, direction
from vaekit.distributions.polar_angle import PROPOSALS, angle_slope, coordinate, drawn

MANY = [(2, 1e-4), (2, 0.5), (2, 50.0), (3, 5.0), (5, 1.0), (10, 20.0), (40, 100.0), (512, 1e-4), (512, 1e4)]
of_many = pytest.mark.parametrize(("m", "k"), MANY)
N = 20_000


def at_random(m, k):
    """Draws, and how each lies to loc: its cosine, and its direction across."""
    loc = direction(torch.randn(m))
    x = VonMisesFisher(loc, torch.tensor(k)).sample((N if m < 100 else N // 5,))
    w = x @ loc
    return loc, x, w, direction(x - w[:, None] * loc)


@of_many
def test_the_angle_to_loc_has_its_distribution(m, k):
    loc, x, _, _ = at_random(m, k)
    angle = 2 * ((x - loc).norm(dim=-1) / 2).clamp(max=1).asin()
    below = Marginal(m, k).below(angle)
    assert stats.kstest(below.numpy(), "uniform").pvalue > 0.01


@of_many
def test_all_directions_across_loc_are_alike(m, k):
    loc, x, w, across = at_random(m, k)
    some = direction(torch.randn(m))
    some = direction(some - (some @ loc) * loc)
    share = across @ some
    if m == 2:
        assert stats.binomtest(int((share > 0).sum()), len(x)).pvalue > 0.01
        return
    coordinate_of_points = stats.beta((m - 2) / 2, (m - 2) / 2, loc=-1, scale=2)
    assert stats.kstest(share.numpy(), coordinate_of_points.cdf).pvalue > 0.01
    assert abs(stats.spearmanr(share.numpy(), w.numpy()).statistic) < 4 / len(x) ** 0.5


@of_many
def test_draws_have_length_one_and_their_mean_is_the_mean(m, k):
    loc, x, w, _ = at_random(m, k)
    assert_close(x.norm(dim=-1), torch.ones(len(x)))
    mean = VonMisesFisher(loc, torch.tensor(k)).mean
    assert_close(x.mean(0), mean, atol=5 * float(x.std(0).max()) / len(x) ** 0.5, rtol=0)
    assert (w.mean() - mean @ loc).abs() < 4 * w.std() / len(w) ** 0.5


@pytest.mark.parametrize("m", [2, 3, 4, 40, 512])
def test_two_uniforms_make_a_coordinate_of_a_uniform_point(m):
    y = coordinate(m, torch.rand(N), torch.rand(N))
    assert stats.kstest(y.numpy(), stats.beta((m - 1) / 2, (m - 1) / 2, loc=-1, scale=2).cdf).pvalue > 0.01


def test_of_many_draws_none_is_without_an_accepted_proposal():
    """At 0.657, the least share of proposals that is taken, 32 are refused once in 7e14 draws."""
    assert (1 - 0.657) ** PROPOSALS < 2e-15
    m, k, b = 2, 1e6, 1 / (2e6 + (4e12 + 1) ** 0.5)  # the hardest: a circle, and a high concentration
    y = coordinate(m, torch.rand(200_000), torch.rand(200_000))
    t = b * (1 + y) / (1 - y)
    taken = (2 * k * (b - t) / ((1 + t) * (1 + b))).exp() * (b + t) * (1 + b) / (2 * b * (1 + t))
    assert taken.max() <= 1 + 1e-9
    assert taken.mean().item() == pytest.approx((np.e / (2 * np.pi)) ** 0.5, abs=0.004)


def quantile(marginal, u):
    """The angle below which there is the share u, by interpolation."""
    cdf = marginal.below(marginal.angles)
    return float(np.interp(u, cdf.numpy(), marginal.angles.numpy()))


@pytest.mark.parametrize("u", [0.02, 0.3, 0.5, 0.9, 0.999])
@pytest.mark.parametrize(("m", "k"), [(2, 0.5), (2, 20.0), (3, 5.0), (10, 20.0), (64, 3.0), (512, 1e3)])
def test_an_angle_moves_as_the_quantile_does(m, k, u):
    h = 2e-2 * k
    difference = (quantile(Marginal(m, k + h), u) - quantile(Marginal(m, k - h), u)) / (2 * h)
    slope = angle_slope(m, torch.tensor(k), torch.tensor(quantile(Marginal(m, k), u)))
    assert slope.item() == pytest.approx(difference, rel=2e-3, abs=1e-9)


@pytest.mark.parametrize("u", [0.01, 0.4, 0.97])
@pytest.mark.parametrize("k", [1e-3, 2.0, 300.0])
def test_on_the_ordinary_sphere_the_slope_is_that_of_the_closed_inverse(k, u):
    """w = 1 + log(u + (1 - u) exp(-2 k)) / k in three dimensions; Ulrich 1984."""
    given = torch.tensor(k, requires_grad=True)
    w = 1 + (u + (1 - u) * (-2 * given).exp()).log() / given
    angle = w.acos()
    (expected,) = torch.autograd.grad(angle, given)
    assert_close(angle_slope(3, given.detach(), angle.detach()), expected, rtol=1e-6, atol=0)


@pytest.mark.parametrize(("m", "k"), [(2, 0.5), (2, 20.0), (3, 5.0), (10, 20.0), (40, 100.0)])
def test_gradients_of_draws_average_to_that_of_the_expectation(m, k):
    """Of sin(3 w) in the concentration: d/dk E f = E[f (w - E w)], by quadrature."""
    marginal = Marginal(m, k)
    w = marginal.angles.cos()
    truth = marginal.mean((3 * w).sin() * (w - marginal.mean(w)))
    each = torch.full((N,), k, requires_grad=True)
    x = VonMisesFisher(torch.eye(m)[0], each).rsample()
    (gradient,) = torch.autograd.grad((3 * x[:, 0]).sin().sum(), each)
    assert (gradient.mean() - truth).abs() < 4 * gradient.std() / N**0.5


@pytest.mark.parametrize("m", [2, 3, 8])
@pytest.mark.parametrize("turned", [0.0, 1e-4, 1.0])
def test_gradients_in_loc_average_to_those_of_the_moments_wherever_loc_is(m, turned):
    """E <x, c>^2 = A / k + (1 - m A / k) <loc, c>^2 for a c of length 1; also where loc is the first axis."""
    v, c, k = torch.eye(m)[0] + turned * torch.randn(m), direction(torch.randn(m)), torch.tensor(4.0)
    start = v.clone().requires_grad_()
    q = VonMisesFisher(direction(start), k)
    s = (q.mean @ q.loc) / k
    (truth,) = torch.autograd.grad(s + (1 - m * s) * (q.loc @ c) ** 2, start)
    each = v.expand(N, m).clone().requires_grad_()
    x = VonMisesFisher(direction(each), k).rsample()
    (gradient,) = torch.autograd.grad(((x @ c) ** 2).sum(), each)
    assert ((gradient.mean(0) - truth).abs() < 4 * gradient.std(0) / N**0.5 + 1e-12).all()
    assert gradient.norm(dim=-1).max() < 10


def test_the_noise_of_a_draw_does_not_depend_on_the_concentration_of_the_others():
    torch.manual_seed(3)
    one = drawn(5, torch.tensor([2.0, 0.1, 7.0]))
    torch.manual_seed(3)
    other = drawn(5, torch.tensor([2.0, 500.0, 1e-3]))
    assert one[0] == other[0]
    assert (one[1:] != other[1:]).all()


def test_a_second_derivative_of_a_draw_is_refused_rather_than_wrong():
    k = torch.ones(3, requires_grad=True)
    x = VonMisesFisher(torch.eye(3), k).rsample()
    (gradient,) = torch.autograd.grad(x[:, 0].sum(), k, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()
