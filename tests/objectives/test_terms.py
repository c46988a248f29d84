import math

import numpy as np
import pytest
import torch
from models.graphs import Graph, clusters, normal, two_levels
from scipy import stats
from torch import nn
from torch.distributions import Bernoulli, Categorical, Independent, Normal
from torch.testing import assert_close

from vaekit.distributions import PointMass
from vaekit.models import Enumerate, Observe, Set
from vaekit.objectives import Distortion, ImportanceWeighted, Linear, Penalty, Rate, free_bits

B, K = 6, 4


def known_rates(shift):
    """A graph whose posterior is N(shift, 1) under N(0, 1): elements cost shift^2 / 2 nats."""

    def graph(walk):
        z = walk.latent("z", normal(torch.zeros(shift.shape[1:])), lambda: normal(shift))
        walk.likelihood("x", normal(z))

    return Graph(graph).infer(torch.zeros_like(shift))


def test_free_bits_are_the_larger_of_the_allowance_and_the_mean_of_every_dimension():
    shift = torch.randn(B, 8)
    expected = np.maximum((shift.numpy() ** 2 / 2).mean(0), 0.4).sum()
    assert_close((1.0 * Rate(free_bits=0.4))(known_rates(shift)), torch.full((B,), expected))


def test_groups_share_one_allowance_each():
    shift = torch.randn(B, 8)
    expected = np.maximum((shift.numpy() ** 2 / 2).reshape(B, 4, 2).sum(-1).mean(0), 0.9).sum()
    assert_close((1.0 * Rate(free_bits=0.9, groups=4))(known_rates(shift)), torch.full((B,), expected))


def test_a_dimension_below_its_allowance_is_not_pushed_at_all():
    shift = torch.tensor([[0.1, 2.0, 0.3, 1.5]]).expand(B, 4).clone().requires_grad_()
    (1.0 * Rate(free_bits=0.5))(known_rates(shift)).mean().backward()
    assert_close(shift.grad, torch.tensor([0.0, 2.0, 0.0, 1.5]).expand(B, 4) / B)


def test_a_group_below_its_allowance_is_not_pushed_even_where_one_of_it_is_above():
    shift = torch.tensor([[0.1, 1.0, 0.3, 2.0]]).expand(B, 4).clone().requires_grad_()
    (1.0 * Rate(free_bits=0.6, groups=2))(known_rates(shift)).mean().backward()
    assert_close(shift.grad, torch.tensor([0.0, 0.0, 0.3, 2.0]).expand(B, 4) / B)


def test_an_allowance_of_nothing_is_the_rate_itself():
    rate = torch.rand(B, 5)
    assert_close(free_bits(rate, 0.0), rate.sum(-1).mean().expand(B))
    assert_close(Rate(free_bits=1e-12)(known_rates(torch.ones(B, 5)), {}), torch.full((B,), 2.5))


def test_free_bits_of_several_latents_are_those_of_each():
    x = torch.randn(B, 3)
    inference = Graph(two_levels).infer(x, samples=K)
    elements = {name: latent.rate_elements for name, latent in inference.latents.items()}
    top = elements["top"].mean(0).clamp_min(0.2).sum()
    z = elements["z"].mean((0, 1)).clamp_min(0.2).sum()
    assert_close(Rate(free_bits=0.2)(inference, {}), (top + z).expand(B))
    assert_close(Rate("z", free_bits=0.2)(inference, {}), z.expand(B))


def test_free_bits_of_a_label_are_those_of_one_dimension():
    logits = torch.randn(B, 3)
    graph = Graph(lambda w: w.latent("y", Categorical(logits=torch.zeros(3)), lambda: Categorical(logits=logits)))
    inference = graph.infer(torch.zeros(B, 1), at={"y": Enumerate()})
    mean = (math.log(3) - Categorical(logits=logits).entropy()).mean()
    assert_close(Rate(free_bits=0.01)(inference, {}), mean.expand(B))
    assert_close(Rate(free_bits=9.0)(inference, {}), torch.full((B,), 9.0))


def test_dimensions_that_do_not_fall_into_groups_are_refused():
    with pytest.raises(ValueError, match="8 latent dimensions cannot be cut into 3 equal groups"):
        Rate(free_bits=0.5, groups=3)(known_rates(torch.randn(B, 8)), {})


def test_a_target_makes_the_rate_a_distance():
    shift = torch.randn(B, 3)
    rate = shift.numpy() ** 2 / 2
    inference = known_rates(shift)
    assert_close((1.0 * Rate(target=1.0))(inference), torch.from_numpy(np.abs(rate.sum(-1) - 1.0)))
    rising = 2.0 * Rate(target=Linear(0.0, 4.0, 8))
    for step, capacity in [(0, 0.0), (2, 1.0), (8, 4.0), (100, 4.0)]:
        assert_close(rising(inference, step), torch.from_numpy(2 * np.abs(rate.sum(-1) - capacity)))


def test_named_terms_take_their_own_part_and_sum_to_the_whole():
    def graph(walk):
        z = walk.latent("z", normal(torch.zeros(2)), lambda: normal(walk.evidence))
        u = walk.latent("u", normal(torch.zeros(2)), lambda: normal(3 * walk.evidence))
        walk.likelihood("x", normal(z + u))
        walk.likelihood("y", normal(z - u))

    x, y = torch.randn(B, 2), torch.randn(B, 2)
    z, u = torch.randn(B, 2), torch.randn(B, 2)
    inference = Graph(graph).infer({"x": x, "y": y})
    assert_close(Rate("z")(inference, {}), (x**2 / 2).sum(-1))
    assert_close(Rate("u")(inference, {}), (9 * x**2 / 2).sum(-1))
    assert_close(Rate()(inference, {}), (10 * x**2 / 2).sum(-1))
    told = Graph(graph).infer({"x": x, "y": y}, at={"z": Set(z), "u": Set(u)})
    on_x, on_y = (-torch.from_numpy(stats.norm.logpdf(error).sum(-1)) for error in (x - z - u, y - z + u))
    assert_close(Distortion("x")(told, {}), on_x)
    assert_close(Distortion("y")(told, {}), on_y)
    assert_close((2 * Distortion("x") + Distortion("y"))(told), 2 * on_x + on_y)
    assert_close(Distortion()(told, {}), on_x + on_y)


def test_a_name_that_the_model_does_not_have_is_refused():
    inference = known_rates(torch.zeros(B, 2))
    with pytest.raises(ValueError, match=r"the model has no latent named 'w': it has \['z'\]"):
        Rate("w")(inference, {})
    with pytest.raises(ValueError, match=r"the model has no likelihood named 'y': it has \['x'\]"):
        Distortion("y")(inference, {})


def test_terms_are_averages_over_draws_and_labels():
    x = torch.randn(B, 1)
    inference = Graph(clusters).infer(x, samples=K, at={"y": Enumerate()})
    q = inference.latents["y"].posterior.probs
    assert_close(Distortion()(inference, {}), (inference.distortion.mean(0) * q.T).sum(0))
    rate = inference.latents["y"].rate() + (q.T * inference.latents["z"].rate()).sum(0)
    assert_close(Rate()(inference, {}), rate)


def test_the_rate_of_an_observed_latent_is_its_surprise():
    z = torch.randn(B, 3)
    inference = Graph(two_levels).infer(torch.randn(B, 3), samples=K, at={"top": Observe(z)})
    assert_close(Rate("top")(inference, {}), -torch.from_numpy(stats.norm.logpdf(z).sum(-1)))


def charged(walk):
    for name, charge in (("z", 1.0), ("u", 10.0)):
        charges = charge * torch.arange(float(B))
        walk.latent(name, None, lambda charges=charges: PointMass(torch.zeros(B, 1), 1, penalty=charges))


@pytest.mark.parametrize("samples", [None, K])
def test_penalties_are_summed_over_the_latents_that_charge_one(samples):
    inference = Graph(charged).infer(torch.zeros(B, 1), samples=samples)
    assert_close(Penalty()(inference, {}), 11 * torch.arange(float(B)))


def test_a_penalty_that_nobody_charges_is_refused():
    with pytest.raises(ValueError, match="no latent of this model charges a penalty: leave Penalty"):
        Penalty()(known_rates(torch.zeros(B, 1)), {})


NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(60)
NODES, WEIGHTS = torch.from_numpy(NODES), torch.from_numpy(WEIGHTS / math.sqrt(2 * math.pi))
THETA = (1.7, -0.4, 0.6, 0.9)  # slope, offset, posterior mean, posterior standard deviation


def coin(theta):
    """z ~ N(0, 1), x | z ~ Bernoulli(sigmoid(slope z + offset)), q(z) = N(mean, scale); each number (N, 1)."""
    slope, offset, mean, scale = theta

    def graph(walk):
        z = walk.latent("z", normal(torch.zeros(1)), lambda: shifted(mean, scale))
        logits = slope * z + offset
        walk.likelihood("x", Independent(Bernoulli(logits=logits, validate_args=False), 1, validate_args=False))

    return Graph(graph)


def shifted(mean, scale):
    return Independent(Normal(mean, scale, validate_args=False), 1, validate_args=False)


def log_weight(theta, noise):
    """log p(x = 1, z) - log q(z) at z = mean + scale * noise, by the formulas."""
    slope, offset, mean, scale = theta
    z = mean + scale * noise
    log_q = -0.5 * noise**2 - scale.log() - 0.5 * math.log(2 * math.pi)
    log_p = -0.5 * z**2 - 0.5 * math.log(2 * math.pi)
    return log_p - nn.functional.softplus(-(slope * z + offset)) - log_q


def bound_by_quadrature(theta, draws):
    """E log mean_k w_k over one or two draws of q."""
    log_w = log_weight(theta, NODES)
    if draws == 1:
        return (WEIGHTS * log_w).sum()
    pairs = torch.logaddexp(log_w[:, None], log_w[None, :]) - math.log(2)
    return (WEIGHTS[:, None] * WEIGHTS[None, :] * pairs).sum()


def sampled_bounds(theta, draws, rows=40_000):
    """The bound of `rows` examples x = 1, each with parameters of its own, so that each has a gradient of its own."""
    own = [t.detach().expand(rows, 1).clone().requires_grad_() for t in theta]
    loss = ImportanceWeighted(draws)(coin(own).infer(torch.ones(rows, 1), samples=draws), {})
    return -loss.detach(), [-g.squeeze(1) for g in torch.autograd.grad(loss.sum(), own)]


def assert_averages_to(draws, truth):
    error = (draws.mean() - truth).abs()
    assert error < 4 * draws.std() / len(draws) ** 0.5 + 1e-9


@pytest.mark.parametrize("draws", [1, 2])
def test_the_bound_and_its_gradient_are_those_of_quadrature(draws):
    theta = [torch.tensor(number, requires_grad=True) for number in THETA]
    bound = bound_by_quadrature(theta, draws)
    bounds, gradients = sampled_bounds(theta, draws)
    assert_averages_to(bounds, bound.detach())
    for sampled, truth in zip(gradients, torch.autograd.grad(bound, theta), strict=True):
        assert_averages_to(sampled, truth)


def test_one_draw_is_the_elbo_on_average():
    theta = [torch.tensor(number) for number in THETA]
    rows = 40_000
    inference = coin([t.expand(rows, 1) for t in theta]).infer(torch.ones(rows, 1), samples=1)
    elbo = -(Distortion() + Rate())(inference)
    assert_averages_to(elbo - (-ImportanceWeighted(1)(inference, {})), torch.tensor(0.0))
    assert_averages_to(elbo, bound_by_quadrature(theta, 1))


def test_more_draws_tighten_the_bound_and_never_pass_the_evidence():
    theta = [torch.tensor(number) for number in THETA]
    evidence = float((WEIGHTS * torch.sigmoid(THETA[0] * NODES + THETA[1])).sum().log())
    means = [
        sampled_bounds(theta, draws, rows)[0].mean().item() for draws, rows in ((1, 20_000), (4, 20_000), (64, 4_000))
    ]
    assert means[0] < means[1] < means[2] < evidence + 1e-3
    assert means[2] == pytest.approx(evidence, abs=0.01)


@pytest.mark.parametrize("draws", [1, 3])
def test_the_bound_is_the_evidence_under_the_exact_posterior(draws):
    x = torch.randn(B, 3)

    def exact(walk):
        z = walk.latent("z", normal(torch.zeros(3)), lambda: normal(walk.evidence / 2, 0.5**0.5))
        walk.likelihood("x", normal(z))

    evidence = torch.from_numpy(stats.norm.logpdf(x, scale=math.sqrt(2)).sum(-1))
    assert_close((1.0 * ImportanceWeighted(draws))(Graph(exact).infer(x, samples=draws)), -evidence)


@pytest.mark.parametrize("samples", [None, K])
def test_free_bits_of_a_latent_as_one_group_are_those_of_each_level_of_a_hierarchy(samples):
    """Maps too: the allowance is of the whole latent, whatever its shape, and its rate the mean over draws and batch."""
    low, high = 0.1 * torch.randn(B, 2, 3, 3), torch.randn(B, 4)

    def graph(walk):
        one = Independent(Normal(torch.zeros(2, 3, 3), 1.0), 3)
        walk.latent("z1", one, lambda: Independent(Normal(low, 1.0), 3))
        z = walk.latent("z2", normal(torch.zeros(4)), lambda: normal(high))
        walk.likelihood("x", normal(z))

    inference = Graph(graph).infer(torch.zeros(B, 4), samples=samples)
    each = [float((shift**2 / 2).flatten(1).sum(1).mean()) for shift in (low, high)]
    assert each[0] < 0.5 < each[1]
    assert_close((1.0 * Rate(free_bits=0.5, groups=1))(inference), torch.full((B,), 0.5 + each[1]))


def test_an_average_with_axes_behind_the_batch_is_that_of_every_column():
    """Under enumerated values, whose measure differs from row to row, and draws in front of them."""
    inference = Graph(clusters).infer(torch.randn(B, 3), samples=K, at={"y": Enumerate()})
    t = torch.randn(*inference.axes.shape, 2, 5)
    columns = torch.stack([inference.expect(column) for column in t.flatten(-2).unbind(-1)], -1)
    assert_close(inference.expect(t, inner=2), columns.unflatten(-1, (2, 5)))
