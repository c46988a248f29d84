"""Distributions on the sphere against quadrature, scipy and their closed forms."""

import math

import pytest
import torch
from marginal_angle import Marginal
from scipy import stats
from torch.distributions import Distribution, Independent, Normal, kl_divergence
from torch.testing import assert_close

from vaekit.distributions import (
    UniformOnSphere,
    VonMisesFisher,
    direction,
    is_curved,
    kl_per_element,
    log_area,
    nearest_value,
    tempered,
    unit_sphere,
)

MANY = [(2, 0.5), (2, 50.0), (3, 5.0), (5, 1e-3), (10, 20.0), (40, 100.0), (128, 3.0), (512, 1e-4), (512, 1e4)]
of_many = pytest.mark.parametrize(("m", "k"), MANY)


def pole(m):
    return torch.eye(m)[0]


def on_the_sphere(*shape):
    return direction(torch.randn(shape))


def at_the_pole(m, k):
    return VonMisesFisher(pole(m), torch.tensor(k))


def at_angles(m, angles):
    """Points at these angles to the pole."""
    points = torch.zeros(len(angles), m)
    points[:, 0], points[:, 1] = angles.cos(), angles.sin()
    return points


@of_many
def test_the_density_integrates_to_one_over_the_sphere(m, k):
    """What lies at an angle a to the pole is a sphere of one dimension less, whose radius is sin(a)."""
    angles = Marginal(m, k, points=8001).angles
    around = log_area(m - 1) + (m - 2) * angles.sin().clamp(min=1e-300).log()
    mass = torch.trapezoid((at_the_pole(m, k).log_prob(at_angles(m, angles)) + around).exp(), angles)
    assert_close(mass, torch.tensor(1.0), atol=1e-6, rtol=0)


@of_many
def test_mean_spread_and_entropy_are_integrals(m, k):
    q, marginal = at_the_pole(m, k), Marginal(m, k, points=8001)
    w, log_p = marginal.angles.cos(), q.log_prob(at_angles(m, marginal.angles))
    assert_close(q.mean, pole(m) * marginal.mean(w), atol=1e-7, rtol=0)
    assert_close(q.entropy(), -marginal.mean(log_p), atol=1e-5, rtol=0)
    along, across = marginal.mean((w - marginal.mean(w)) ** 2), marginal.mean(1 - w**2) / (m - 1)
    assert_close(q.variance[:2], torch.stack([along, across]), atol=1e-9, rtol=1e-5)


@pytest.mark.parametrize(("m", "k"), [(2, 0.5), (3, 5.0), (10, 20.0), (40, 100.0)])
def test_density_and_entropy_are_scipys(m, k):
    loc, x = on_the_sphere(m), on_the_sphere(7, m)
    q, witness = VonMisesFisher(loc, torch.tensor(k)), stats.vonmises_fisher(loc.numpy(), k)
    assert_close(q.log_prob(x), torch.from_numpy(witness.logpdf(x.numpy())))
    assert q.entropy().item() == pytest.approx(witness.entropy())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("m", "k", "nats"), [(3, 5.0, 1.303085), (10, 20.0, 4.762103), (40, 100.0, 22.322841)])
def test_the_divergence_from_the_uniform_is_known(m, k, nats, dtype):
    q = VonMisesFisher(pole(m).to(dtype), torch.tensor(k, dtype=dtype))
    assert kl_divergence(q, UniformOnSphere(m, torch.zeros((), dtype=dtype))).item() == pytest.approx(nats, abs=1e-6)


@of_many
def test_the_divergence_is_the_average_log_ratio_of_draws(m, k):
    q, p = at_the_pole(m, k), UniformOnSphere(m)
    x = q.sample((4000,))
    ratio = q.log_prob(x) - p.log_prob(x)
    assert (ratio.mean() - kl_divergence(q, p)).abs() < 4 * ratio.std() / len(ratio) ** 0.5 + 1e-9


def test_the_slope_of_the_divergence_is_concentration_times_the_variance_along_loc():
    k = torch.tensor([1e-3, 1.0, 30.0, 1e4], dtype=torch.float32, requires_grad=True)
    q = VonMisesFisher(pole(6).float(), k)
    (slope,) = torch.autograd.grad(kl_divergence(q, UniformOnSphere(6, k[0].detach())).sum(), k)
    along = torch.stack([at_the_pole(6, n).variance[0] * n for n in k.tolist()])
    assert_close(slope.double(), along, rtol=2e-7, atol=0)


def test_without_concentration_it_is_the_uniform_distribution():
    q, p, x = at_the_pole(7, 0.0), UniformOnSphere(7), on_the_sphere(5, 7)
    assert_close(q.log_prob(x), p.log_prob(x))
    assert_close(kl_divergence(q, p), torch.tensor(0.0))
    assert_close((q.mean, q.variance, q.entropy()), (p.mean, p.variance, p.entropy()))


@pytest.mark.parametrize("m", [2, 3, 512])
@pytest.mark.parametrize("k", [0.0, 1e-6, 1e-4, 1.0, 1e4])
def test_nothing_is_lost_at_the_ends_of_the_range_in_float32(m, k):
    loc = on_the_sphere(200, m).float().requires_grad_()
    concentration = torch.full((200,), k, dtype=torch.float32, requires_grad=True)
    q, p = VonMisesFisher(loc, concentration), UniformOnSphere(m, torch.zeros((), dtype=torch.float32))
    z = q.rsample((3,))
    found = [z, q.log_prob(z), kl_divergence(q, p), q.entropy(), q.mean, q.variance]
    gradients = torch.autograd.grad(sum(t.sum() for t in found), (loc, concentration))
    assert all(t.isfinite().all() for t in (*found, *gradients))
    assert_close(z.norm(dim=-1), torch.ones(3, 200, dtype=torch.float32))
    assert (kl_divergence(q, p) >= -1e-7).all()


def test_the_density_of_a_draw_is_kept_by_float32_at_a_high_concentration():
    q = VonMisesFisher(on_the_sphere(100, 3), torch.tensor(1e4))
    x = q.sample()
    single = VonMisesFisher(q.loc.float(), q.concentration.float()).log_prob(x.float())
    assert_close(single.double(), q.log_prob(x), atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("m", "surface"), [(2, 2 * math.pi), (3, 4 * math.pi), (17, 2 * math.pi / 15 * math.exp(log_area(15)))]
)
def test_the_surface_is_that_of_circle_and_sphere_and_recursive(m, surface):
    assert math.exp(log_area(m)) == pytest.approx(surface)
    assert UniformOnSphere(m).entropy().item() == pytest.approx(math.log(surface))


def test_uniform_points_have_length_one_and_no_direction_above_another():
    x = UniformOnSphere(5, torch.zeros(3)).sample((20_000,))
    assert x.shape == (20_000, 3, 5)
    assert_close(x.norm(dim=-1), torch.ones(20_000, 3))
    coordinate = stats.beta(2, 2, loc=-1, scale=2)  # (1 + y) / 2 ~ Beta((m - 1) / 2, (m - 1) / 2)
    assert stats.kstest(x[:, 1, 2].numpy(), coordinate.cdf).pvalue > 0.01
    assert_close(x.var(0), UniformOnSphere(5).variance.expand(3, 5), atol=0.01, rtol=0)


def test_batch_shapes_broadcast():
    q = VonMisesFisher(on_the_sphere(4, 1, 3), torch.rand(5))
    assert (q.batch_shape, q.event_shape) == ((4, 5), (3,))
    assert q.rsample((2,)).shape == (2, 4, 5, 3)
    assert kl_divergence(q, UniformOnSphere(3, torch.zeros(6, 1, 1))).shape == (6, 4, 5)
    assert q.expand((6, 4, 5)).log_prob(on_the_sphere(3)).shape == (6, 4, 5)
    assert kl_per_element(q, UniformOnSphere(3)).shape == (4, 5)


def test_a_vector_without_length_has_the_first_axis_for_its_direction_and_no_gradient():
    v = torch.tensor([[0.0, 0.0, 0.0], [3.0, 0.0, 4.0]], requires_grad=True)
    assert_close(direction(v), torch.tensor([[1.0, 0.0, 0.0], [0.6, 0.0, 0.8]]))
    (gradient,) = torch.autograd.grad(direction(v)[:, 2].sum(), v)
    assert_close(gradient, torch.tensor([[0.0, 0.0, 0.0], [-0.096, 0.0, 0.072]]))


def test_only_spheres_are_curved_and_bring_values_back():
    flat, z = Independent(Normal(torch.zeros(3), 1.0), 1), torch.tensor([0.0, 3.0, 4.0])
    curved = Independent(VonMisesFisher(on_the_sphere(2, 3), torch.ones(2)), 1)
    assert (is_curved(flat), is_curved(curved), is_curved(UniformOnSphere(3))) == (False, True, True)
    assert nearest_value(flat, z) is z
    assert nearest_value(Distribution(validate_args=False), z) is z
    assert_close(nearest_value(UniformOnSphere(3), z), torch.tensor([0.0, 0.6, 0.8]))


def test_the_support_is_vectors_of_length_one():
    assert unit_sphere.check(torch.tensor([[0.6, 0.8], [0.6, 0.81], [torch.nan, 0.0]])).tolist() == [True, False, False]
    with pytest.raises(ValueError, match="within the support"):
        UniformOnSphere(2, validate_args=True).log_prob(torch.tensor([1.0, 1.0]))


def test_the_middle_of_a_sphere_is_not_on_it():
    assert_close(UniformOnSphere(3).mean, torch.zeros(3))
    with pytest.raises(ValueError, match="no point of a sphere is typical of all"):
        UniformOnSphere(3).mode  # noqa: B018
    with pytest.raises(ValueError, match="UniformOnSphere has neither a scale nor logits"):
        tempered(UniformOnSphere(3), 0.5)


NONSENSE = [
    (lambda: VonMisesFisher(torch.ones(4, 1), torch.ones(4)), "a whole number of at least 2 dimensions, got 1"),
    (lambda: VonMisesFisher(torch.tensor(1.0), torch.ones(())), "a whole number of at least 2 dimensions, got 0"),
    (lambda: UniformOnSphere(1), "a sphere needs a whole number of at least 2 dimensions, got 1"),
    (lambda: UniformOnSphere(2.0), "a sphere needs a whole number of at least 2 dimensions, got 2.0"),
    (lambda: VonMisesFisher(torch.ones(3), torch.ones(()), validate_args=True), "Expected parameter loc"),
    (lambda: VonMisesFisher(pole(3), -torch.ones(()), validate_args=True), "Expected parameter concentration"),
    (lambda: kl_divergence(at_the_pole(3, 1.0), UniformOnSphere(4)), "on one sphere, got one in 3 .* and one in 4"),
]


@pytest.mark.parametrize(("build", "sentence"), NONSENSE)
def test_nonsense_is_refused_in_a_sentence(build, sentence):
    with pytest.raises(ValueError, match=sentence):
        build()
