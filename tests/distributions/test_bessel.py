"""Modified Bessel functions against mpmath and scipy, from tiny to huge arguments and up to order 511."""

import pytest
import torch
from scipy import special
from torch.testing import assert_close

from vaekit.distributions import bessel_growth_and_ratio, bessel_ratio, log_bessel_growth, log_scaled_bessel

ORDERS = [-0.5, 0.0, 0.5, 1.0, 4.0, 19.0, 63.0, 255.0, 511.0]
ARGUMENTS = [1e-6, 1e-3, 0.3, 3.0, 30.0, 300.0, 1e4]
ANGLES = torch.linspace(0, torch.pi, 20_001, dtype=torch.float64)


def exact(order, x):
    """log(I exp(-x)), log(S) - x, the ratio, and their slopes, to thirty digits."""
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workdps(60):
        x, order = mpmath.mpf(x), mpmath.mpf(order)
        own, above = mpmath.besseli(order, x), mpmath.besseli(order + 1, x)
        ratio = above / own
        log = mpmath.log(own) - x
        growth = log + mpmath.loggamma(order + 1) - order * mpmath.log(x / 2)
        slopes = (ratio + order / x - 1, ratio - 1, 1 - ratio**2 - (2 * order + 1) * ratio / x)
        return [float(value) for value in (log, growth, ratio, *slopes)]


def found(order, x):
    given = torch.tensor(x, requires_grad=True) if isinstance(x, float) else x
    values = log_scaled_bessel(order, given), log_bessel_growth(order, given), bessel_ratio(order, given)
    slopes = [torch.autograd.grad(value, given)[0] for value in values]
    return [value.detach() for value in values] + slopes


@pytest.mark.parametrize("x", ARGUMENTS)
@pytest.mark.parametrize("order", ORDERS)
def test_logarithm_ratio_and_slopes_are_those_of_sixty_digits(order, x):
    for ours, truth in zip(found(order, x), exact(order, x), strict=True):
        assert ours.item() == pytest.approx(truth, rel=1e-11, abs=2e-15)


@pytest.mark.parametrize("x", ARGUMENTS)
@pytest.mark.parametrize("order", ORDERS)
def test_single_precision_is_wrong_by_its_rounding_alone(order, x):
    given = torch.tensor(x, dtype=torch.float32, requires_grad=True)
    for ours, truth in zip(found(order, given), exact(order, given.item()), strict=True):
        assert ours.dtype is torch.float32
        assert ours.item() == pytest.approx(truth, rel=2e-7, abs=2e-15)


@pytest.mark.parametrize("order", [0.0, 0.5, 3.3, 20.0])
def test_it_is_scipys_where_that_does_not_underflow(order):
    x = torch.logspace(-3, 4, 57)
    assert_close(log_scaled_bessel(order, x).exp(), torch.from_numpy(special.ive(order, x.numpy())), rtol=1e-12, atol=0)


@pytest.mark.parametrize("m", [2, 3, 10, 40])
@pytest.mark.parametrize("x", [1e-2, 1.0, 50.0])
def test_the_growth_is_the_mean_of_an_exponential_over_the_sphere_and_the_ratio_its_slope(m, x):
    weight = ANGLES.sin() ** (m - 2)
    mean = torch.trapezoid(weight * (x * (ANGLES.cos() - 1)).exp(), ANGLES) / torch.trapezoid(weight, ANGLES)
    tilted = torch.trapezoid(weight * ANGLES.cos() * (x * (ANGLES.cos() - 1)).exp(), ANGLES) / torch.trapezoid(
        weight, ANGLES
    )
    growth, ratio = bessel_growth_and_ratio(m / 2 - 1, torch.tensor(x))
    assert_close(growth, mean.log(), rtol=0, atol=1e-6)
    assert_close(ratio, tilted / mean, rtol=1e-6, atol=0)


def test_half_an_order_is_elementary():
    x = torch.logspace(-2, 3, 50)
    assert_close(bessel_ratio(-0.5, x), x.tanh())
    assert_close(bessel_ratio(0.5, x), 1 / x.tanh() - 1 / x, rtol=1e-9, atol=0)


def test_at_nothing_there_is_no_growth_and_the_ratio_rises_by_half_of_one_over_the_order():
    x = torch.zeros((), requires_grad=True)
    growth, ratio = bessel_growth_and_ratio(7.0, x)
    assert (growth.item(), ratio.item()) == (0.0, 0.0)
    assert_close(torch.autograd.grad(ratio, x)[0], torch.tensor(1 / 16))


def test_gradients_are_those_of_differences_for_any_shape():
    x = (torch.rand(3, 2) * 20).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: log_scaled_bessel(2.3, x), x)
    assert torch.autograd.gradcheck(lambda x: bessel_growth_and_ratio(6.0, x), x)


def test_it_has_a_shape_on_a_device_that_holds_nothing():
    assert bessel_ratio(3.0, torch.ones(4, 2, device="meta")).shape == (4, 2)


def test_a_second_derivative_is_refused_rather_than_wrong():
    x = torch.ones((), requires_grad=True)
    (slope,) = torch.autograd.grad(bessel_ratio(1.0, x), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        slope.backward()


@pytest.mark.parametrize("order", [-1.0, float("nan"), float("inf")])
def test_an_order_that_there_is_not_is_refused(order):
    with pytest.raises(ValueError, match="order must be a finite number above -1, got"):
        bessel_ratio(order, torch.ones(()))
