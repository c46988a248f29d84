import math

import pytest
import torch
from models.graphs import Graph, normal
from scipy.integrate import dblquad
from torch.testing import assert_close

from vaekit.objectives import MMD, InverseMultiquadric, RadialBasis, mean_discrepancy

D = 3


def similarity(shift: float, variances: float, width: float, scales: tuple[float, ...]) -> float:
    """E exp(-|x - y|^2 / (s C)) averaged over scales, where x - y is normal: mean `shift` in each of D, this variance."""
    terms = [(s * width / (s * width + 2 * variances)) ** (D / 2) for s in scales]
    parts = [t * math.exp(-D * shift**2 / (s * width + 2 * variances)) for t, s in zip(terms, scales, strict=True)]
    return sum(parts) / len(scales)


def test_the_average_over_many_small_batches_is_the_closed_form_of_two_normals():
    kernel, shift, scale = RadialBasis(4.0, (0.5, 1.0)), 0.7, 1.5
    found = torch.stack(
        [mean_discrepancy(shift + scale * torch.randn(4, D), torch.randn(6, D), kernel) for _ in range(6000)]
    )
    own = [similarity(0.0, v, 4.0, kernel.scales) for v in (2 * scale**2, 2.0)]
    exact = sum(own) - 2 * similarity(shift, scale**2 + 1, 4.0, kernel.scales)
    assert abs(found.mean().item() - exact) < 4 * found.std().item() / len(found) ** 0.5
    assert exact > 0.05


def test_equal_distributions_have_none_and_the_estimate_falls_on_both_sides_of_0():
    found = torch.stack([mean_discrepancy(*torch.randn(2, 8, D), InverseMultiquadric(2.0 * D)) for _ in range(3000)])
    assert abs(found.mean().item()) < 4 * found.std().item() / len(found) ** 0.5
    assert (found < 0).any()


def test_the_inverse_multiquadric_of_two_normals_agrees_with_quadrature():
    kernel, shift = InverseMultiquadric(2.0, (1.0, 5.0)), 1.0

    def pair(x, y, a, b):
        squares = torch.tensor((x - y) ** 2)
        return float(kernel(squares)) * math.exp(-((x - a) ** 2 + (y - b) ** 2) / 2) / (2 * math.pi)

    inside, across = (dblquad(pair, -7, 8, -7, 8, args=means, epsabs=1e-5)[0] for means in ((0.0, 0.0), (0.0, shift)))
    batches = torch.stack(
        [mean_discrepancy(torch.randn(40, 1) + shift, torch.randn(40, 1), kernel) for _ in range(2000)]
    )
    assert abs(batches.mean().item() - (2 * inside - 2 * across)) < 4 * batches.std().item() / len(batches) ** 0.5


def latent(batch: int, shift: float, deviation: float, **how):
    graph = Graph(
        lambda w: w.latent("z", normal(torch.zeros(D)), lambda: normal(torch.full((batch, D), shift), deviation))
    )
    return graph.infer(torch.zeros(batch, 1), **how)


def test_the_term_compares_the_aggregate_posterior_and_not_each_posterior_with_the_prior():
    """Means spread as the prior, with no noise: no discrepancy, however narrow each posterior is."""
    means = torch.randn(4000, D)
    graph = Graph(lambda w: w.latent("z", normal(torch.zeros(D)), lambda: normal(means, 1e-3)))
    assert MMD()(graph.infer(torch.zeros(4000, 1)), {}).abs() < 5e-3
    assert MMD()(latent(2000, 0.0, 0.1), {}) > 0.05


@pytest.mark.parametrize("samples", [None, 5])
def test_draws_of_all_samples_are_compared(samples):
    found = MMD(kernel=RadialBasis(4.0))(latent(400, 0.7, 1.0, samples=samples), {})
    exact = 2 * similarity(0, 2.0, 4.0, (1.0,)) - 2 * similarity(0.7, 2.0, 4.0, (1.0,))
    assert found.shape == ()
    assert_close(found.item(), exact, atol=0.03, rtol=0)


def test_a_batch_of_one_has_no_discrepancy_and_two_draws_are_needed_of_each_side():
    assert MMD()(latent(1, 5.0, 1.0), {}) == 0
    with pytest.raises(ValueError, match="at least two draws of each side, got 1 and 4"):
        mean_discrepancy(torch.zeros(1, D), torch.zeros(4, D), RadialBasis(1.0))


@pytest.mark.parametrize("make", [InverseMultiquadric, RadialBasis])
@pytest.mark.parametrize("arguments", [(0.0,), (math.inf,), (1.0, ()), (1.0, (1.0, -1.0))])
def test_a_kernel_of_no_width_is_refused(make, arguments):
    with pytest.raises(ValueError, match="must be finite numbers above 0"):
        make(*arguments)
