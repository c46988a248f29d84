"""Densities against quadrature: their mass, their divergences, the gradients of their draws."""

import pytest
import torch
from torch import distributions as td
from torch.distributions import kl_divergence
from torch.testing import assert_close

from vaekit.distributions import ContinuousBernoulli, OptimalNormal
from vaekit.distributions.continuous_bernoulli import inverse_cdf

LINE = torch.linspace(-200, 200, 400_001, dtype=torch.float64)
UNIT = torch.linspace(0, 1, 20_001, dtype=torch.float64)
FAR = torch.linspace(-22, 22, 1_000_001, dtype=torch.float64).sinh()
POSITIVE = torch.linspace(1e-9, 80, 800_001, dtype=torch.float64)
INNER = torch.linspace(1e-12, 1 - 1e-12, 200_001, dtype=torch.float64)
COIN = torch.tensor([0.0, 1.0], dtype=torch.float64)


def integral(values, grid):
    return values.sum(-1) if grid is COIN else torch.trapezoid(values, grid)


def optimal_normal(loc, scale):
    return OptimalNormal(loc, scale, observe=lambda scale: None)


def bernoulli(logits):
    return td.Bernoulli(logits=logits)


def tensors(*numbers):
    return [torch.tensor([n]) for n in numbers]


FAMILIES = {
    "normal": (td.Normal, (0.3, 0.8), LINE),
    "laplace": (td.Laplace, (0.25, 0.8), LINE),
    "student": (td.StudentT, (5.0, 0.3, 0.8), LINE),
    "cauchy": (td.Cauchy, (0.3, 0.8), FAR),
    "gamma": (td.Gamma, (1.7, 0.8), POSITIVE),
    "beta": (td.Beta, (1.7, 2.3), UNIT),
    "continuous bernoulli": (ContinuousBernoulli, (1.7,), UNIT),
    "continuous bernoulli, level": (ContinuousBernoulli, (1e-5,), UNIT),
    "continuous bernoulli, steep": (ContinuousBernoulli, (-30.0,), UNIT),
    "bernoulli": (bernoulli, (0.4,), COIN),
}
PAIRS = {
    "normal, normal": (td.Normal, (0.3, 0.8), td.Normal, (-0.5, 1.5), LINE),
    "laplace, laplace": (td.Laplace, (0.25, 0.8), td.Laplace, (-0.5, 1.5), LINE),
    "laplace, normal": (td.Laplace, (0.25, 0.8), td.Normal, (-0.5, 1.5), LINE),
    "normal, laplace": (td.Normal, (0.25, 0.8), td.Laplace, (-0.5, 1.5), LINE),
    "gamma, gamma": (td.Gamma, (1.7, 0.8), td.Gamma, (1.0, 1.0), POSITIVE),
    "beta, beta": (td.Beta, (2.7, 2.3), td.Beta, (1.0, 1.0), INNER),
    "uniform, normal": (td.Uniform, (-0.5, 0.75), td.Normal, (0.0, 1.0), torch.linspace(-0.5, 0.7499999, 20_001)),
    "bernoulli, bernoulli": (bernoulli, (0.4,), bernoulli, (-2.0,), COIN),
    "continuous bernoulli": (ContinuousBernoulli, (2.0,), ContinuousBernoulli, (-3.0,), UNIT),
    "continuous bernoulli, level": (ContinuousBernoulli, (0.0,), ContinuousBernoulli, (1e-2,), UNIT),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_densities_integrate_to_one(family):
    build, numbers, grid = FAMILIES[family]
    mass = integral(build(*tensors(*numbers)).log_prob(grid).exp(), grid)
    assert_close(mass, torch.tensor(1.0), atol=1e-6, rtol=0)


@pytest.mark.parametrize("pair", PAIRS)
def test_closed_divergences_are_the_integral_of_the_log_ratio(pair):
    build_q, of_q, build_p, of_p, grid = PAIRS[pair]
    q, p = build_q(*tensors(*of_q)), build_p(*tensors(*of_p))
    expected = integral(q.log_prob(grid).exp() * (q.log_prob(grid) - p.log_prob(grid)), grid)
    assert_close(kl_divergence(q, p)[0], expected, atol=1e-9, rtol=1e-6)


PATHWISE = FAMILIES | {"optimal normal": (optimal_normal, (0.3, 0.8), LINE)}
del PATHWISE["bernoulli"]


@pytest.mark.parametrize("family", PATHWISE)
def test_gradients_of_draws_average_to_the_gradient_of_the_expectation(family):
    build, numbers, grid = PATHWISE[family]
    exact = [p.requires_grad_() for p in tensors(*numbers)]
    density = td.Normal(*exact) if build is optimal_normal else build(*exact)
    expected = torch.autograd.grad(integral(density.log_prob(grid).exp() * (3 * grid).sin(), grid), exact)

    draws = [torch.full((100_000,), n, requires_grad=True) for n in numbers]
    gradients = torch.autograd.grad((3 * build(*draws).rsample()).sin().sum(), draws)
    for gradient, truth in zip(gradients, expected, strict=True):
        standard_error = gradient.std() / len(gradient) ** 0.5
        assert (gradient.mean() - truth[0]).abs() < 4 * standard_error + 1e-7


@pytest.mark.parametrize("logit", [-20.0, -0.9, 1e-4, 0.3, 5.0])
def test_moments_of_the_continuous_bernoulli_are_integrals(logit):
    d = ContinuousBernoulli(torch.tensor([logit]))
    density = d.log_prob(UNIT).exp()
    mean = torch.trapezoid(density * UNIT, UNIT)
    assert_close(d.mean[0], mean, atol=1e-6, rtol=0)
    assert_close(d.variance[0], torch.trapezoid(density * (UNIT - mean) ** 2, UNIT), atol=1e-6, rtol=0)
    assert_close(d.entropy()[0], -torch.trapezoid(density * density.log(), UNIT), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    "logit", [0.0, 1e-6, 1e-3, 0.0041, 0.01, 0.3, 0.999, 1.001, 5.0, 17.0, 90.0, 1e4, -0.01, -50.0]
)
def test_the_continuous_bernoulli_is_exact_in_float32(logit):
    mpmath = pytest.importorskip("mpmath")
    x, given = 0.3, torch.tensor(logit, dtype=torch.float32, requires_grad=True)
    d = ContinuousBernoulli(given)
    log_p = d.log_prob(torch.tensor(x, dtype=torch.float32))
    (slope,) = torch.autograd.grad(log_p, given)
    with mpmath.workdps(60):
        exact = mpmath.mpf(given.item())
        log_normaliser = mpmath.log(mpmath.expm1(exact) / exact) if logit else mpmath.mpf(0)
        mean = 1 / (1 - mpmath.exp(-exact)) - 1 / exact if logit else mpmath.mpf("0.5")
        expected, expected_slope = float(exact * x - log_normaliser), float(x - mean)
    assert log_p.item() == pytest.approx(expected, rel=1e-6, abs=3e-7)
    assert slope.item() == pytest.approx(expected_slope, rel=1e-6, abs=3e-7)
    assert d.mean.item() == pytest.approx(float(mean), abs=3e-7)


@pytest.mark.parametrize("logit", [-40.0, -1e-3, 0.0, 1e-4, 0.02, 3.0])
def test_the_inverse_of_the_continuous_bernoulli_has_the_gradient_of_its_integral(logit):
    given = torch.tensor(logit, requires_grad=True)
    x = inverse_cdf(torch.tensor(0.3), given)
    grid = torch.linspace(0, 1, 20_001) * x.detach()
    cdf = torch.trapezoid(ContinuousBernoulli(given).log_prob(grid).exp(), grid)
    assert cdf.item() == pytest.approx(0.3, abs=1e-6)
    (cdf_slope,) = torch.autograd.grad(cdf, given, retain_graph=True)
    (slope,) = torch.autograd.grad(x, given)
    density = ContinuousBernoulli(given.detach()).log_prob(x.detach()).exp()
    assert slope.item() == pytest.approx((-cdf_slope / density).item(), abs=1e-6)


@pytest.mark.parametrize("logit", [-0.018, 1e-3, 0.015, 0.02, 9.0])
def test_draws_of_the_continuous_bernoulli_are_exact_in_float32(logit):
    values, slopes = [], []
    for dtype in (torch.float32, torch.float64):
        given = torch.tensor(logit, dtype=torch.float32).to(dtype).requires_grad_()
        values.append(inverse_cdf(torch.tensor(0.25, dtype=dtype), given))
        slopes += torch.autograd.grad(values[-1], given)
    assert values[0].item() == pytest.approx(values[1].item(), abs=1e-7)
    near = abs(logit) < 0.0185
    assert slopes[0].item() == pytest.approx(slopes[1].item(), abs=1e-7 if near else 5e-6)
