import pytest
import torch
from scipy.stats import kstest
from torch.distributions import Distribution
from torch.testing import assert_close

from vaekit.distributions import Flowing, detached, mapped, normal_points
from vaekit.networks import MaskedFlow

D, C = 2, 3


def flow(spline: bool, quick: bool, context: int = C) -> MaskedFlow:
    torch.manual_seed(3)
    made = MaskedFlow(D, context, layers=3, hidden=(16,), spline=spline, bins=6, quick_density=quick).double()
    for p in made.parameters():  # far from the identity
        p.data += 0.15 * torch.randn_like(p)
    return made


KINDS = [(spline, quick) for spline in (False, True) for quick in (False, True)]
each = pytest.mark.parametrize(("spline", "quick"), KINDS, ids=["iaf", "maf", "spline", "spline, quick density"])


def flowing(spline: bool, quick: bool, *batch: int) -> Flowing:
    return Flowing(
        0.3 * torch.randn(*batch, D), torch.rand(*batch, D) + 0.4, torch.randn(*batch, C), flow(spline, quick)
    )


@each
def test_the_density_integrates_to_one(spline, quick):
    d = flowing(spline, quick)
    side = torch.linspace(-10, 10, 501)
    grid = torch.cartesian_prod(side, side)
    with torch.no_grad():
        total = torch.cat([d.log_prob(part).exp() for part in grid.split(50_000)]).sum() * (side[1] - side[0]) ** 2
    assert abs(total.item() - 1) < 5e-3


@each
def test_a_draw_brings_the_density_that_it_has_when_the_flow_is_inverted(spline, quick):
    d = flowing(spline, quick, 4)
    z, log_q = d.rsample_and_log_prob((5,))
    assert z.shape == (5, 4, D)
    assert_close(d.log_prob(z), log_q, atol=1e-6, rtol=1e-6)


@each
def test_draws_go_back_to_normal_noise(spline, quick):
    d = flowing(spline, quick)
    with torch.no_grad():
        noise = (d.flow(d.context).inv(d.sample((4000,))) - d.loc) / d.scale
    assert all(kstest(noise[:, i].numpy(), "norm").pvalue > 1e-3 for i in range(D))
    assert abs(torch.corrcoef(noise.T)[0, 1]) < 0.06


@each
def test_elements_depend_on_each_other_both_ways(spline, quick):
    d = flowing(spline, quick)
    slopes = torch.autograd.functional.jacobian(d.flow(d.context), torch.randn(D))
    assert (slopes.abs() > 1e-4).all()


@each
def test_mean_and_variance_are_those_of_many_draws(spline, quick):
    d = flowing(spline, quick, 3)
    with torch.no_grad():
        z = d.sample((20_000,))
        assert_close(d.mean, z.mean(0), atol=0.06, rtol=0.05)
        assert_close(d.variance, z.var(0), atol=0.1, rtol=0.15)


def test_the_points_are_always_the_same_and_those_of_a_normal():
    points = normal_points(256, 3)
    assert torch.equal(points, normal_points(256, 3))
    assert_close(points.mean(0), torch.zeros(3), atol=0.02, rtol=0)
    assert_close(points.var(0), torch.ones(3), atol=0.03, rtol=0)


def test_gradients_reach_the_noise_the_context_and_the_flow():
    d = flowing(False, False, 4)
    loc = d.loc.clone().requires_grad_()
    made = Flowing(loc, d.scale, d.context, d.flow)
    made.rsample_and_log_prob()[1].sum().backward()
    assert loc.grad.abs().sum() > 0
    assert all(p.grad is not None for p in d.flow.parameters())
    assert detached(made).loc.requires_grad is False


def test_rows_and_batches_are_those_of_its_tensors():
    d = flowing(False, False, 4)
    z = torch.randn(4, D)
    assert_close(mapped(d, lambda p: p[1:3]).log_prob(z[1:3]), d.log_prob(z)[1:3])
    assert d.expand((2, 4)).log_prob(z).shape == (2, 4)


def test_a_flow_without_a_context_is_one_distribution_and_torchs_checks_are_as_they_were():
    d = Flowing(torch.zeros(D), torch.ones(D), torch.zeros(0), flow(False, True, context=0))
    assert d.batch_shape == ()
    assert d.log_prob(torch.randn(7, D)).shape == (7,)
    assert Distribution._validate_args is True


@pytest.mark.parametrize("arguments", [{"size": 0}, {"size": 2, "layers": 0}])
def test_a_flow_of_nothing_is_refused(arguments):
    with pytest.raises(ValueError, match="must be a whole number of at least 1, got 0"):
        MaskedFlow(**arguments)
