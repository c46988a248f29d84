import pytest
import torch
from torch import distributions as td
from torch.distributions import Independent, Normal, kl_divergence
from torch.testing import assert_close

from vaekit.distributions import PointMass, kl_per_element, log_prob_per_element, log_ratio


def normal(*shape, event_dims=1):
    return Independent(Normal(torch.randn(shape), torch.rand(shape) + 0.5), event_dims)


def test_log_densities_of_elements_sum_to_the_whole():
    d = Independent(normal(2, 3, 4), 1)
    x = d.sample()
    assert_close(log_prob_per_element(d, x).sum((-2, -1)), d.log_prob(x))


def test_divergences_of_elements_sum_to_the_whole():
    q, p = normal(2, 3, 4, event_dims=2), normal(2, 3, 4, event_dims=2)
    assert kl_per_element(q, p).shape == (2, 3, 4)
    assert_close(kl_per_element(q, p).sum((-2, -1)), kl_divergence(q, p))


def test_nested_independence_is_the_same_independence():
    q, p = normal(2, 3, 4, event_dims=2), Independent(normal(2, 3, 4), 1)
    assert_close(kl_per_element(q, p), kl_divergence(q.base_dist, p.base_dist.base_dist))


def test_a_pair_without_a_closed_form_has_none():
    student = Independent(td.StudentT(3.0, torch.zeros(2, 3), 1.0), 1)
    full = td.MultivariateNormal(torch.zeros(3), torch.eye(3))
    assert kl_per_element(student, normal(2, 3)) is None
    assert kl_per_element(normal(2, 3), full) is None


def test_dependent_elements_share_one_divergence():
    q = td.MultivariateNormal(torch.ones(2, 3), torch.eye(3))
    p = td.MultivariateNormal(torch.zeros(2, 3), torch.eye(3))
    assert_close(kl_per_element(q, p), torch.full((2,), 1.5))


def test_the_log_ratio_averages_to_the_divergence():
    q, p = normal(3), normal(3)
    ratio = log_ratio(q, p, q.sample((100_000,)))
    standard_error = ratio.std() / len(ratio) ** 0.5
    assert (ratio.mean() - kl_divergence(q, p)).abs() < 4 * standard_error


def test_the_log_ratio_of_a_code_is_its_length():
    code = torch.tensor([[0, 2], [1, 1]])
    logits = torch.randn(2, 2, 3)
    q, p = PointMass(torch.randn(2, 4), 1, code=code), Independent(td.Categorical(logits=logits), 1)
    lengths = -logits.log_softmax(-1).gather(-1, code[..., None])[..., 0]
    assert_close(kl_per_element(q, p), lengths)
    assert_close(log_ratio(q, p, q.value), lengths.sum(-1))


def test_a_uniform_prior_charges_log_classes_for_each_code():
    q = PointMass(torch.randint(8, (5, 4)), 1)
    p = Independent(td.Categorical(logits=torch.zeros(4, 8)), 1)
    assert_close(kl_divergence(q, p), torch.full((5,), 4 * torch.tensor(8.0).log().item()))


def test_a_continuous_code_has_no_rate():
    with pytest.raises(ValueError, match="deterministic continuous code has no rate"):
        kl_per_element(PointMass(torch.randn(2, 3), 1), normal(2, 3))
    with pytest.raises(ValueError, match="deterministic continuous code has no rate"):
        kl_divergence(PointMass(torch.randn(2, 3), 1), normal(2, 3))


def test_a_point_mass_is_certain_of_its_point_alone():
    q = PointMass(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), 1, code=torch.tensor([7, 8]))
    assert q.log_prob(torch.tensor([[1.0, 2.0], [3.0, 5.0]])).tolist() == [0.0, -torch.inf]
    assert q.log_prob(torch.tensor([7, 7])).tolist() == [0.0, -torch.inf]
    assert_close(q.log_prob(q.rsample((3,))), torch.zeros(3, 2))
    assert_close(q.variance, torch.zeros(2, 2))


def test_a_point_mass_passes_gradients_straight_through():
    value = torch.randn(2, 3, requires_grad=True)
    PointMass(value, 1).rsample((5,)).sum().backward()
    assert_close(value.grad, torch.full((2, 3), 5.0))


def test_a_code_must_be_a_whole_number_of_the_batch():
    with pytest.raises(ValueError, match=r"begins with \(2,\), got torch.float64 of shape \(2,\)"):
        PointMass(torch.randn(2, 3), 1, code=torch.zeros(2))
    with pytest.raises(ValueError, match="event_dims must lie between 0 and value's 2 axes, got 3"):
        PointMass(torch.randn(2, 3), 3)
