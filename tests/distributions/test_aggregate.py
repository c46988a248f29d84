import math
from itertools import permutations

import pytest
import torch
from torch.distributions import Categorical, Independent, Laplace, MultivariateNormal, Normal
from torch.profiler import ProfilerActivity, profile
from torch.testing import assert_close

from vaekit.distributions import (
    aggregate,
    concatenated,
    log_aggregate,
    log_aggregate_and_marginals,
    log_minibatch_weights,
    log_stratified_weights,
)

B, D, N = 12, 3, 100
WEIGHTS = {
    "all of them": lambda: None,
    "weighted": lambda: log_minibatch_weights(B, N),
    "stratified": lambda: log_stratified_weights(B, N),
    "others": lambda: torch.zeros(B, B).fill_diagonal_(-math.inf),
}


def posteriors(family=Normal, rows=B):
    loc, raw = torch.randn(rows, D, requires_grad=True), torch.randn(rows, D, requires_grad=True)
    return (loc, raw), Independent(family(loc, raw.exp(), validate_args=False), 1, validate_args=False)


def at_once(q, z, log_weights):
    """The same with every pair at every element in memory."""
    log_w = -math.log(len(z)) if log_weights is None else log_weights
    pairs = q.base_dist.log_prob(z.unsqueeze(1))  # (M, N, D)
    spread = log_w.unsqueeze(-1) if isinstance(log_w, torch.Tensor) and log_w.ndim else log_w
    return torch.logsumexp(log_w + pairs.sum(-1), 1), torch.logsumexp(spread + pairs, 1)


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("most", [1, 5 * B * D, 1 << 20])
@pytest.mark.parametrize("family", [Normal, Laplace])
def test_values_and_gradients_are_those_of_all_pairs_at_once(monkeypatch, weights, most, family):
    monkeypatch.setitem(aggregate.AT_ONCE, "cpu", most)
    leaves, q = posteriors(family)
    z, log_w = q.rsample(), WEIGHTS[weights]()
    found, expected = log_aggregate_and_marginals(q, z, log_w), at_once(q, z, log_w)
    for one, other in zip(found, expected, strict=True):
        assert_close(one, other)
        assert_close(log_aggregate(q, z, log_w), expected[0])
    of_found, of_expected = (
        torch.autograd.grad((joint - each.sum(1)).square().sum(), leaves, retain_graph=True)
        for joint, each in (found, expected)
    )
    for one, other in zip(of_found, of_expected, strict=True):
        assert_close(one, other)


def test_marginals_are_densities_and_the_aggregate_of_one_posterior_is_it():
    _, q = posteriors()
    z = torch.linspace(-80, 80, 8001).unsqueeze(-1).expand(-1, D)
    _, each = log_aggregate_and_marginals(q, z)
    assert_close(torch.trapezoid(each.exp(), z, dim=0), torch.ones(D), atol=1e-3, rtol=0)
    one = Independent(Normal(q.mean[:1], q.stddev[:1]), 1)
    assert_close(log_aggregate(one, z[:5]), one.log_prob(z[:5]))


def test_posteriors_of_any_kind_have_an_aggregate_and_of_any_event_shape():
    q = MultivariateNormal(torch.randn(B, 2), torch.eye(2) + 0.4)
    z = q.sample()
    assert_close(log_aggregate(q, z), torch.stack([q.log_prob(v).logsumexp(0) for v in z]) - math.log(B))
    maps = Independent(Normal(torch.randn(B, 2, 3), 1.0), 2)
    z = maps.sample()
    joint, each = log_aggregate_and_marginals(maps, z)
    flat = Independent(Normal(maps.mean.flatten(1), 1.0), 1)
    assert_close((joint, each.flatten(1)), log_aggregate_and_marginals(flat, z.flatten(1)))
    labels = Categorical(logits=torch.randn(B, 4))
    assert_close(log_aggregate(labels, torch.arange(4)).exp(), labels.probs.mean(0))


def test_a_stratified_minibatch_is_unbiased_over_all_that_could_be_drawn():
    """Every ordered choice of 2 companions of each of 5 examples, against the whole mixture."""
    total, batch = 5, 3
    _, q = posteriors(rows=total)
    z = q.sample()
    whole = log_aggregate(q, z).exp()
    for own in range(total):
        chosen = [(own, *others) for others in permutations([i for i in range(total) if i != own], batch - 1)]
        seen = []
        for rows in map(list, chosen):
            part = Independent(Normal(q.mean[rows], q.stddev[rows]), 1)
            seen.append(log_aggregate(part, z[rows], log_stratified_weights(batch, total))[0].exp())
        assert_close(torch.stack(seen).mean(), whole[own])


def test_the_weights_of_a_stratified_row_sum_to_one():
    for batch, total in ((2, 2), (2, 7), (5, 5), (6, 1000)):
        weights = log_stratified_weights(batch, total).exp()
        assert_close(weights.sum(1), torch.ones(batch))
        assert_close(weights.diagonal(), torch.full((batch,), 1 / total))
        assert bool((weights > 0).all())


@pytest.mark.parametrize(("spread", "missing"), [(1e3, math.log(B)), (1e-9, math.log(N))], ids=["apart", "alike"])
def test_a_weighted_minibatch_is_log_b_too_low_where_posteriors_lie_apart_and_log_n_where_they_are_alike(
    spread, missing
):
    loc = spread * torch.arange(float(B)).unsqueeze(-1).expand(-1, D)
    q = Independent(Normal(loc, 1.0), 1)
    z = q.sample()
    truth = q.log_prob(z) - (math.log(N) if spread > 1 else 0.0)
    joint, each = log_aggregate_and_marginals(q, z, log_minibatch_weights(B, N))
    assert_close(truth - joint, torch.full((B,), missing), atol=1e-6, rtol=0)
    by_element = q.base_dist.log_prob(z) - (math.log(N) if spread > 1 else 0.0)
    assert_close(by_element - each, torch.full((B, D), missing), atol=1e-6, rtol=0)
    stratified = log_aggregate(q, z, log_stratified_weights(B, N))
    assert_close(stratified, truth, atol=1e-6, rtol=0)


def test_1024_draws_of_32_dimensions_take_less_than_256_megabytes_backwards_too():
    torch.set_default_dtype(torch.float32)
    assert peak(lambda: backwards(log_aggregate_and_marginals, 1024, 32)) < 64
    assert peak(lambda: backwards(at_once, 256, 32)) > 50  # what is measured: 16 times as much at 1,024


def backwards(estimate, rows, dimensions):
    loc, raw = torch.randn(rows, dimensions, requires_grad=True), torch.randn(rows, dimensions, requires_grad=True)
    q = Independent(Normal(loc, raw.exp(), validate_args=False), 1, validate_args=False)
    joint, each = estimate(q, q.rsample(), log_stratified_weights(rows, 60_000))
    (joint - each.sum(1)).mean().backward()
    assert bool(loc.grad.isfinite().all())


def peak(run):
    """The most that torch held at once while `run` ran, MiB."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as watched:
        run()
    found = [event for event in watched.profiler.kineto_results.events() if event.name() == "[memory]"]
    steps = torch.tensor([event.nbytes() for event in sorted(found, key=lambda event: event.start_ns())])
    return float(steps.cumsum(0).max()) / 2**20


@pytest.mark.slow
def test_a_compiled_estimate_is_one_graph():
    leaves, q = posteriors()
    z = q.rsample().detach()

    def estimate(loc, raw, z):
        q = Independent(Normal(loc, raw.exp(), validate_args=False), 1, validate_args=False)
        joint, each = log_aggregate_and_marginals(q, z, log_stratified_weights(B, N))
        return joint - each.sum(1)

    expected = estimate(*leaves, z)
    compiled = torch.compile(estimate, backend="aot_eager", fullgraph=True)(*leaves, z)
    assert_close(compiled, expected)
    for one, other in zip(*(torch.autograd.grad(t.sum(), leaves) for t in (compiled, expected)), strict=True):
        assert_close(one, other)


def test_distributions_below_each_other_are_one():
    (first, second) = (posteriors(rows=rows)[1] for rows in (2, 3))
    both = concatenated([first, second])
    assert both.batch_shape == (5,)
    z = torch.randn(5, D)
    assert_close(both.log_prob(z), torch.cat([first.log_prob(z[:2]), second.log_prob(z[2:])]))


def test_mistakes_are_named():
    _, q = posteriors()
    with pytest.raises(ValueError, match=r"z must have the shape \(M, 3\), got \(4, 2\)"):
        log_aggregate(q, torch.zeros(4, 2))
    with pytest.raises(ValueError, match=r"q must have a batch shape \(N,\), one posterior for each example, got \(\)"):
        log_aggregate(Independent(Normal(torch.zeros(D), 1.0), 1), torch.zeros(4, D))
    correlated = MultivariateNormal(torch.zeros(B, 2), torch.eye(2))
    with pytest.raises(ValueError, match="q must factorise over the elements of z, MultivariateNormal does not"):
        log_aggregate_and_marginals(correlated, torch.zeros(4, 2))
    for weights in (log_minibatch_weights, log_stratified_weights):
        with pytest.raises(ValueError, match="batch must lie between 2 and the 100 examples in all, got 1"):
            weights(1, 100)
        with pytest.raises(ValueError, match="batch must lie between 2 and the 100 examples in all, got 101"):
            weights(101, 100)
