import torch
from torch.distributions import Independent, Normal, kl_divergence
from torch.testing import assert_close

from vaekit.distributions import precision_weighted


def normals(*shape):
    return Independent(Normal(torch.randn(shape), torch.rand(shape) + 0.2), 1)


def test_the_product_has_the_product_of_the_densities_but_for_a_constant():
    first, second = normals(5, 3), normals(5, 3)
    z = torch.randn(7, 5, 3)
    left = first.log_prob(z) + second.log_prob(z) - precision_weighted(first, second).log_prob(z)
    assert_close(left, left[:1].expand(7, 5))


def test_a_vague_factor_changes_nothing_and_a_sharp_one_decides():
    known, vague = normals(5, 3), Independent(Normal(torch.randn(5, 3), torch.full((5, 3), 1e6)), 1)
    assert kl_divergence(precision_weighted(known, vague), known).max() < 1e-9
    sharp = Independent(Normal(torch.randn(5, 3), torch.full((5, 3), 1e-6)), 1)
    assert_close(precision_weighted(known, sharp).mean, sharp.mean, rtol=0, atol=1e-9)


def test_leading_axes_broadcast():
    prior, estimate = normals(4, 5, 3), normals(5, 3)
    product = precision_weighted(estimate, prior)
    assert product.batch_shape == (4, 5)
    assert product.event_shape == (3,)
