"""Samples and enumerated values in front of the batch, and the measure under which they are averaged."""

import math

import pytest
import torch
from scipy import stats
from torch.distributions import Categorical, Independent, MultivariateNormal, Normal
from torch.testing import assert_close

from models.graphs import LOG_P, MEANS, NOISE, SPREAD, Graph, chain, clusters, normal, two_levels
from vaekit.distributions import Rows
from vaekit.models import Enumerate, FromPrior, Infer, Mean, Observe, Set

B, K = 4, 5


@pytest.fixture
def x():
    return torch.randn(B, 1)


def evidence_of_clusters(x):
    """log p(x) of the mixture with z integrated out."""
    parts = stats.norm.logpdf(x.numpy(), MEANS.double().numpy(), math.sqrt(SPREAD + NOISE)) + LOG_P.double().numpy()
    return torch.from_numpy(parts).logsumexp(-1)


def test_draws_stand_in_front_of_enumerated_values_and_those_in_front_of_the_batch(x):
    inference = Graph(clusters).infer(x, samples=K, at={"y": Enumerate()})
    assert inference.axes.shape == (K, 3, B)
    assert inference.latents["y"].value.shape == (3, B)
    assert inference.latents["z"].value.shape == (K, 3, B, 1)
    assert inference.latents["z"].value.unique().numel() == K * 3 * B
    assert inference.distortion.shape == (K, 3, B)


@pytest.mark.parametrize("samples", [None, 1, K])
def test_sums_over_an_enumerated_label_are_exact_for_any_number_of_draws(x, samples):
    inference = Graph(clusters).infer(x, samples=samples, at={"y": Enumerate()})
    assert_close(inference.log_mean_w(), evidence_of_clusters(x))


def test_the_average_weighs_labels_by_their_posterior_and_draws_equally(x):
    inference = Graph(clusters).infer(x, samples=K, at={"y": Enumerate()})
    z, q = inference.latents["z"].value.squeeze(-1), inference.latents["y"].posterior.probs
    assert_close(inference.expect(z), (z.mean(0) * q.T).sum(0))
    assert_close(inference.expect(z[0]), (z[0] * q.T).sum(0))


LABELS = Observe(torch.tensor([0, 1, 2, 0]), torch.tensor([True, True, False, False]), Enumerate())


@pytest.mark.parametrize("samples", [None, K])
@pytest.mark.parametrize("y", [Infer(), Enumerate(), LABELS, FromPrior(), Set(torch.tensor([0, 1, 2, 0]))])
@pytest.mark.parametrize("z", [Infer(), Mean(), FromPrior(), Observe(torch.zeros(B, 1).double())])
def test_the_measure_is_a_probability_at_every_row(x, samples, y, z):
    inference = Graph(clusters).infer(x, samples=samples, at={"y": y, "z": z})
    assert_close(inference.expect(torch.ones(inference.axes.shape)), torch.ones(B))
    assert inference.elbo().shape == inference.log_mean_w().shape == (B,)


LOGITS = torch.randn(B, 3, generator=torch.Generator().manual_seed(0)).double()


def label_after_draws(walk):
    """z ~ N(0, 1) is drawn first; then y is uniform over three, and x | z, y ~ N(z + y, 1)."""
    z = walk.latent("z", normal(torch.zeros(1)), lambda: normal(torch.zeros(B, 1)))
    y = walk.latent("y", Categorical(logits=torch.zeros(3)), lambda: Categorical(logits=LOGITS))
    walk.likelihood("x", normal(walk.value("z") + y.unsqueeze(-1)))
    assert z.shape == (K, B, 1)


def test_a_label_enumerated_after_draws_were_made_is_summed_exactly_too(x):
    inference = Graph(label_after_draws).infer(x, samples=K, at={"y": Enumerate()})
    z = inference.latents["z"].value
    joint = torch.stack([normal(z + label).log_prob(x) - math.log(3) for label in range(3)])
    assert_close(inference.log_mean_w(), joint.logsumexp(0).logsumexp(0) - math.log(K))


def test_rows_observed_after_draws_were_made_keep_the_measure_of_the_draws(x):
    where = torch.tensor([True, False, True, False])
    at = {"y": Observe(torch.ones(B, dtype=torch.long), where, Enumerate())}
    inference = Graph(label_after_draws).infer(x, samples=K, at=at)
    z = inference.latents["z"].value
    known = normal(z + 1).log_prob(x).logsumexp(0) - math.log(3 * K)
    assert_close(inference.log_mean_w()[where], known[where])
    assert_close(inference.expect(torch.ones(inference.axes.shape)), torch.ones(B))


def test_every_weight_is_the_evidence_under_the_exact_posterior():
    x = torch.randn(B, 3)
    evidence = torch.from_numpy(stats.norm.logpdf(x, scale=math.sqrt(2)).sum(-1))
    assert_close(Graph(chain).infer(x, samples=K).log_w(), evidence.expand(K, B))


def test_the_average_of_the_batch_alone_is_itself(x):
    t = torch.randn(B)
    assert Graph(chain).infer(x.expand(B, 3), samples=K).expect(t) is t


def test_fewer_than_one_draw_is_refused(x):
    with pytest.raises(ValueError, match="samples must be at least 1, got 0"):
        Graph(clusters).infer(x, samples=0)


def gaussians_that_factorise():
    q = Independent(Normal(torch.randn(B, 2, 3), torch.rand(B, 2, 3) + 0.5), 2)
    return q, Independent(Normal(torch.zeros(2, 3), 1.0), 2), (B, 2, 3)


def gaussians_that_do_not():
    return MultivariateNormal(torch.randn(B, 3), torch.eye(3) + 0.2), normal(torch.zeros(3)), (B, 1)


def vectors_that_factorise():
    q = Independent(MultivariateNormal(torch.randn(B, 2, 3), torch.eye(3) + 0.2), 1)
    return q, Independent(MultivariateNormal(torch.zeros(2, 3), torch.eye(3)), 1), (B, 1, 1)


def labels():
    return Categorical(logits=torch.randn(B, 4)), Categorical(logits=torch.zeros(4)), (B,)


@pytest.mark.parametrize(
    "pair", [gaussians_that_factorise, gaussians_that_do_not, vectors_that_factorise, labels], ids=lambda f: f.__name__
)
def test_rates_of_elements_keep_the_rank_of_the_latent_and_sum_to_the_whole(pair):
    q, p, shape = pair()
    z = Graph(lambda walk: walk.latent("z", p, lambda: q)).infer(torch.zeros(B, 1)).latents["z"]
    assert z.rate_elements.shape == shape
    whole = torch.distributions.kl_divergence(q, p) if z.analytic else q.log_prob(z.value) - p.log_prob(z.value)
    assert_close(z.rate(), whole)
    assert_close(z.log_ratio(), q.log_prob(z.value) - p.log_prob(z.value))


def test_a_likelihood_that_ignores_the_latent_prices_every_row_on_its_own():
    x = torch.randn(B, 3)
    inference = Graph(lambda walk: walk.likelihood("x", normal(torch.zeros(3)))).infer(x)
    assert_close(inference.distortion, -torch.from_numpy(stats.norm.logpdf(x).sum(-1)))


def test_an_inference_without_likelihoods_says_so_and_one_without_latents_has_no_rate(x):
    with pytest.raises(ValueError, match="no likelihood, so no distortion"):
        _ = Graph(lambda walk: walk.latent("z", normal(torch.zeros(1)))).generate(2).distortion
    rate = Graph(lambda walk: walk.likelihood("x", normal(torch.zeros(1)))).infer(x).rate
    assert_close(rate, torch.zeros(len(x)))


def test_evidence_that_is_handed_over_is_used_as_it_is():
    x, other = torch.randn(B, 3), torch.randn(B, 3)
    model = Graph(two_levels)
    torch.manual_seed(1)
    handed = model.infer(x, evidence=other)
    torch.manual_seed(1)
    recomputed = model.infer(other)
    assert_close(handed.rate, recomputed.rate)
    assert_close(handed.distortion, -normal(recomputed.latents["z"].value).log_prob(x))


@pytest.mark.parametrize("samples", [None, K])
@pytest.mark.parametrize("at", [{}, {"top": FromPrior()}], ids=["inferred", "top from its prior"])
def test_two_halves_of_a_batch_have_the_noise_of_the_whole(samples, at):
    x, model = torch.randn(6, 3), Graph(two_levels)

    def bound(part, rows=None):
        torch.manual_seed(7)
        return model.infer(part, samples=samples, rows=rows, at=at).log_w()

    halves = [bound(x[:2], Rows(0, 6)), bound(x[2:], Rows(2, 6))]
    assert_close(torch.cat(halves, dim=-1), bound(x))
