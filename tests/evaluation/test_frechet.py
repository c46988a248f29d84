"""The Fréchet distance against closed forms, scipy's matrix root, and its own expectation."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from torch.testing import assert_close

from vaekit.evaluation import Moments, frechet_bias, frechet_distance


def covariance(features, rank=None):
    loading = torch.randn(features, rank or features)
    return loading @ loading.T


def by_scipy(mean_a, cov_a, mean_b, cov_b):
    shared = sqrtm((cov_a @ cov_b).numpy())
    return float((mean_a - mean_b).square().sum() + cov_a.trace() + cov_b.trace()) - 2 * np.trace(shared).real


def test_two_normals_of_one_dimension():
    one = torch.ones(1)
    found = frechet_distance(1.0 * one, 4.0 * one[None], 3.5 * one, 0.25 * one[None])
    assert found == pytest.approx(2.5**2 + (2 - 0.5) ** 2)


def test_commuting_covariances():
    basis, _ = torch.linalg.qr(torch.randn(6, 6))
    a, b, mean = torch.rand(6), torch.rand(6), torch.randn(6)
    found = frechet_distance(mean, basis * a @ basis.T, 0 * mean, basis * b @ basis.T)
    assert found == pytest.approx(float(mean.square().sum() + (a.sqrt() - b.sqrt()).square().sum()))


def test_any_covariances_as_scipy_has_them():
    args = torch.randn(20), covariance(20), torch.randn(20), covariance(20)
    assert frechet_distance(*args) == pytest.approx(by_scipy(*args))
    assert frechet_distance(*args) == pytest.approx(frechet_distance(*args[2:], *args[:2]))


def test_singular_covariances_on_orthogonal_lines():
    mean = torch.zeros(300)
    a, b = torch.zeros(300, 300), torch.zeros(300, 300)
    a[0, 0], b[1, 1] = 4.0, 9.0
    assert frechet_distance(mean, a, mean, b) == pytest.approx(13, abs=1e-12)
    turn, _ = torch.linalg.qr(torch.randn(300, 300))
    assert frechet_distance(mean, turn @ a @ turn.T, mean, turn @ b @ turn.T) == pytest.approx(13, abs=1e-9)


def test_nothing_lies_between_a_singular_covariance_and_itself():
    mean, cov = torch.randn(200), covariance(200, rank=5)
    assert frechet_distance(mean, cov, mean, cov) == pytest.approx(0, abs=1e-10)


def test_moments_of_batches_are_those_of_all_rows():
    rows = 1e6 + torch.randn(500, 7) @ covariance(7)
    found = Moments()
    for batch in rows.split([1, 3, 246, 250]):
        found.add(batch)
    assert found.count == 500
    assert_close(found.mean, rows.mean(0))
    assert_close(found.covariance, torch.from_numpy(np.cov(rows.numpy().T)), rtol=1e-8, atol=1e-8)
    halves = Moments().add(rows[:200]).merge(Moments().add(rows[200:]))
    assert_close(halves.covariance, found.covariance)
    assert found.merge(Moments()).count == 500


def test_moments_of_float32_rows_are_summed_in_float64():
    rows = (1e3 + torch.randn(4000, 2)).float()
    found = Moments()
    for batch in rows.split(37):
        found.add(batch)
    assert_close(found.covariance, torch.from_numpy(np.cov(rows.double().numpy().T)))


def test_more_noise_is_further_away():
    x = torch.randn(2000, 8)
    clean = Moments().add(x)
    found = [clean.distance(Moments().add(x + s * torch.randn(2000, 8))) for s in (0.0, 0.3, 0.6, 1.2)]
    assert found[0] == pytest.approx(0, abs=1e-9)
    assert found == sorted(found)


@pytest.mark.parametrize(("n", "m"), [(400, 400), (400, 1600)])
def test_few_samples_of_one_normal_lie_apart_by_the_bias_and_more_lie_nearer(n, m):
    scales = torch.linspace(0.2, 3, 12)
    draws = [
        Moments().add(scales * torch.randn(n, 12)).distance(Moments().add(scales * torch.randn(m, 12)))
        for _ in range(200)
    ]
    expected = frechet_bias(scales.square().diag(), n, m)
    assert np.mean(draws) == pytest.approx(expected, rel=0.06)
    assert frechet_bias(scales.square().diag(), 4 * n, 4 * m) == pytest.approx(expected / 4)


def test_the_bias_of_the_identity_is_a_quarter_of_features_squared_for_each_sample():
    assert frechet_bias(torch.eye(1000), 10_000) == pytest.approx(2 * 1000**2 / 4 / 10_000, rel=0.01)


EYE = torch.eye(3)
REFUSED = {
    "mean_a and cov_a must have shapes (F,) and (F, F), got (3,) and (2, 2)": (
        lambda: frechet_distance(EYE[0], EYE[:2, :2], EYE[0], EYE)
    ),
    "mean_a and mean_b must have as many features, got 3 and 2": (
        lambda: frechet_distance(EYE[0], EYE, EYE[0, :2], EYE[:2, :2])
    ),
    "mean_b and cov_b must be finite, got nan or infinity": (lambda: frechet_distance(EYE[0], EYE, EYE[0], EYE / 0.0)),
    "cov_a must be symmetric, got a matrix that is not": (
        lambda: frechet_distance(EYE[0], EYE + EYE.roll(1, 0), EYE[0], EYE)
    ),
    "n and m must be at least 2, got 1 and 1": lambda: frechet_bias(EYE, 1),
    "the covariance of features needs at least 2 rows, got 1": lambda: Moments().add(EYE[:1]).covariance,
    "the mean of features needs at least 1 row, got none": lambda: Moments().mean,
    "features must have the 3 columns of before, got 2": lambda: Moments().add(EYE).add(EYE[:, :2]),
    "features must be finite, got nan or infinity": lambda: Moments().add(EYE / 0.0),
    "features must be floats of shape (B, F), got torch.float32 (3,)": lambda: Moments().add(EYE[0]),
}


@pytest.mark.parametrize("message", REFUSED)
def test_a_mistake_is_refused_in_one_sentence(message):
    with pytest.raises(ValueError) as refusal:  # noqa: PT011
        REFUSED[message]()
    assert str(refusal.value) == message
