import itertools
import math

import pytest
import torch
from torch.testing import assert_close

from vaekit.conditionals import Gaussian
from vaekit.data import Split
from vaekit.evaluation import NormalSource, bound, ppca, rate_point
from vaekit.models import VAE
from vaekit.networks import MLP


def test_one_number_has_the_curve_of_shannon():
    source = NormalSource(torch.tensor([4.0]), 1)
    assert source.at(1.0) == pytest.approx((0.5 * math.log(4), 1.0))
    assert source.at(9.0) == pytest.approx((0.0, 4.0))


def test_directions_below_the_level_are_left_out_and_those_that_are_not_kept_are_lost():
    source = NormalSource(torch.tensor([4.0, 1.0, 0.25, 0.1]), 3)
    rate, error = source.at(0.5)
    assert rate == pytest.approx(0.5 * math.log(8) + 0.5 * math.log(2))
    assert error == pytest.approx(0.5 + 0.5 + 0.25 + 0.1)


def test_the_curve_falls_with_the_slope_of_its_level():
    """dD/dR = -2 t, which is why beta s^2 is the level where D / (2 s^2) + beta R is least."""
    source = NormalSource(torch.tensor([4.0, 1.0, 0.25]), 3)
    for level in (0.1, 0.5, 2.0):
        (r0, d0), (r1, d1) = source.at(level * 1.001), source.at(level * 0.999)
        assert (d1 - d0) / (r1 - r0) == pytest.approx(-2 * level, rel=1e-3)
    assert source.level(3.0, noise=0.2) == pytest.approx(0.6)
    cost = {t: source.at(t)[1] / (2 * 0.2) + 3.0 * source.at(t)[0] for t in (0.5, 0.6, 0.7)}
    assert min(cost, key=cost.get) == 0.6


def test_with_a_learned_noise_and_beta_1_it_ends_at_principal_components():
    x = torch.randn(500, 6) * torch.tensor([3.0, 2.0, 1.0, 0.5, 0.4, 0.3])
    source, exact = NormalSource.of(x, 2), ppca(x, 2)
    level = source.level(1.0)
    assert level == pytest.approx(exact.noise)
    assert source.at(level)[0] == pytest.approx(float(exact.rate(x).mean()))
    curve = source.curve()
    assert curve[0] == pytest.approx((0.0, float(source.variances.sum())))
    assert all(a[0] <= b[0] and a[1] >= b[1] for a, b in itertools.pairwise(curve))


def test_a_model_at_the_principal_components_lies_on_the_curve(exact, optimum, correlated):
    found = rate_point(exact, correlated)
    rate, error = NormalSource.of(correlated.x, 3).at(optimum.noise)
    assert found.rate.mean == pytest.approx(rate, rel=1e-3)
    assert found.squared_error.mean == pytest.approx(error, rel=0.25)  # one draw of 40 examples
    assert_close(found.distortion.values, bound(exact, correlated).distortion.values)


def test_what_has_no_rate_and_no_covariance_says_so():
    from vaekit.conditionals import Deterministic

    model = VAE(None, Deterministic(MLP(4), 2), Gaussian(MLP(2), 4))
    with pytest.raises(ValueError, match="there is no rate: z has no prior or no noise"):
        rate_point(model, Split(torch.randn(5, 4)))
    with pytest.raises(ValueError, match="a covariance needs at least 2 examples, got 1"):
        NormalSource.of(torch.randn(1, 4))
