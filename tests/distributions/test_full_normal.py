import pytest
import torch
from torch.distributions import (
    Independent,
    Laplace,
    LowRankMultivariateNormal,
    MultivariateNormal,
    Normal,
    kl_divergence,
)
from torch.testing import assert_close

from vaekit.distributions import UnitNormal
from vaekit.distributions.elements import kl_per_element

B, D = 4, 3


@pytest.fixture(params=["full", "low rank"])
def q(request):
    loc, diagonal = torch.randn(B, D), torch.rand(B, D) + 0.2
    if request.param == "full":
        return MultivariateNormal(loc, scale_tril=torch.tril(torch.randn(B, D, D), -1) + torch.diag_embed(diagonal))
    return LowRankMultivariateNormal(loc, torch.randn(B, D, 2), diagonal)


def test_the_divergence_from_independent_normals_is_torchs_from_the_same_as_one(q):
    mean, scale = torch.randn(D), torch.rand(D) + 0.5
    same = MultivariateNormal(q.loc, q.covariance_matrix)
    to = MultivariateNormal(mean, torch.diag(scale**2))
    assert_close(kl_per_element(q, Independent(Normal(mean, scale), 1)), kl_divergence(same, to))
    unit = Independent(UnitNormal(torch.zeros(D), torch.ones(D)), 1)
    assert_close(kl_per_element(q, unit), kl_divergence(same, MultivariateNormal(torch.zeros(D), torch.eye(D))))


def test_there_is_no_closed_form_from_another_family(q):
    assert kl_per_element(q, Independent(Laplace(torch.zeros(D), torch.ones(D)), 1)) is None
