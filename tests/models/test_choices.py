import math

import pytest
import torch
from scipy import stats
from torch.distributions import Categorical, Independent, MixtureSameFamily, MultivariateNormal, Poisson
from torch.testing import assert_close

from models.graphs import Graph, chain, clusters, half_posterior, normal, two_levels
from vaekit.distributions import PointMass
from vaekit.models import Enumerate, FromPrior, Infer, Mean, Observe, Set

B = 4


@pytest.fixture
def x():
    return torch.randn(B, 3)


def standard_log_prob(z):
    return torch.from_numpy(stats.norm.logpdf(z.numpy()).sum(-1))


def test_an_inferred_latent_is_a_draw_from_its_posterior_and_costs_the_divergence(x):
    torch.manual_seed(1)
    z = Graph(chain).infer(x).latents["z"]
    torch.manual_seed(1)
    assert_close(z.value, x / 2 + math.sqrt(0.5) * torch.randn(B, 3))
    assert_close(z.rate(), 0.5 * (0.5 + (x / 2) ** 2 - 1 - math.log(0.5)).sum(-1))
    assert z.analytic


def test_the_mean_is_no_draw_and_costs_what_a_draw_does(x):
    model = Graph(chain)
    z = model.infer(x, default=Mean()).latents["z"]
    assert_close(z.value, x / 2)
    assert_close(z.rate(), model.infer(x).latents["z"].rate())


def test_the_mean_of_a_discrete_latent_is_its_mode():
    logits = torch.randn(B, 5)
    graph = Graph(lambda walk: walk.latent("y", Categorical(logits=torch.zeros(5)), lambda: Categorical(logits=logits)))
    assert torch.equal(graph.infer(torch.zeros(B, 1), default=Mean()).latents["y"].value, logits.argmax(-1))


def test_a_latent_drawn_from_the_prior_costs_nothing(x):
    torch.manual_seed(1)
    inference = Graph(chain).infer(x, at={"z": FromPrior()})
    torch.manual_seed(1)
    assert_close(inference.latents["z"].value, torch.randn(B, 3))
    assert_close(inference.rate, torch.zeros(B))
    assert_close(inference.latents["z"].log_ratio(), torch.zeros(B))


def test_the_weights_of_prior_draws_average_to_the_evidence():
    x = torch.tensor([[0.5, -0.3, 0.8]])
    bound = Graph(chain).infer(x, samples=50_000, at={"z": FromPrior()}).log_mean_w()
    assert_close(bound, torch.from_numpy(stats.norm.logpdf(x, scale=math.sqrt(2)).sum(-1)), atol=0.02, rtol=0)


def test_draws_at_a_temperature_are_weighed_by_what_they_were_drawn_from():
    """Plain importance sampling from N(0, 1.5^2) in the place of the prior, and the evidence N(x; 0, 2)."""
    x = torch.tensor([[0.5, -0.3, 0.8]])
    inference = Graph(chain).infer(x, samples=100_000, at={"z": FromPrior(1.5)})
    z = inference.latents["z"].value
    log_w = torch.from_numpy(stats.norm.logpdf(x - z) + stats.norm.logpdf(z) - stats.norm.logpdf(z, scale=1.5))
    assert_close(inference.log_w(), log_w.sum(-1))
    evidence = torch.from_numpy(stats.norm.logpdf(x, scale=math.sqrt(2)).sum(-1))
    assert_close(inference.log_mean_w(), evidence, atol=0.02, rtol=0)
    assert_close(inference.rate, torch.zeros(100_000, 1))


def test_the_middle_of_a_prior_costs_nothing_and_has_no_weight(x):
    inference = Graph(chain).infer(x, at={"z": FromPrior(0.0)})
    assert_close(inference.rate, torch.zeros(B))
    with pytest.raises(ValueError, match="latent 'z' has no importance weight at temperature 0: draw it above 0"):
        inference.log_w()


def test_a_value_that_is_set_costs_nothing_and_is_what_the_data_are_priced_under(x):
    z = torch.randn(B, 3)
    inference = Graph(chain).infer(x, at={"z": Set(z)})
    assert_close(inference.rate, torch.zeros(B))
    assert_close(inference.distortion, -standard_log_prob(x - z))


def test_one_value_can_be_set_for_all_rows_and_draws(x):
    z = torch.randn(3)
    inference = Graph(two_levels).infer(x, samples=2, at={"z": Set(z)})
    assert_close(inference.expect(inference.distortion), -standard_log_prob(x - z))


def test_an_observed_latent_costs_its_surprise_under_the_prior(x):
    z = torch.randn(B, 3)
    inference = Graph(chain).infer(x, at={"z": Observe(z)})
    assert_close(inference.rate, -standard_log_prob(z))
    assert_close(inference.log_mean_w(), standard_log_prob(z) + standard_log_prob(x - z))


@pytest.mark.parametrize("otherwise", [Infer(), Mean(), FromPrior(), Set(torch.full((B, 3), 7.0).double())])
def test_rows_that_are_not_observed_do_as_they_otherwise_would(x, otherwise):
    observed, where = torch.randn(B, 3), torch.tensor([True, False, False, True])
    torch.manual_seed(1)
    mixed = Graph(chain).infer(x, at={"z": Observe(observed, where, otherwise)})
    torch.manual_seed(1)
    plain = Graph(chain).infer(x, at={"z": otherwise})
    assert_close(mixed.rate, torch.where(where, -standard_log_prob(observed), plain.rate))
    assert_close(mixed.distortion[~where], plain.distortion[~where])
    assert_close(mixed.distortion[where], -standard_log_prob(x - observed)[where])


def test_rows_that_are_not_observed_cost_the_same_where_the_posterior_does_not_factorise(x):
    covariance = torch.eye(3) + 0.3

    def mixture(loc):
        both = MultivariateNormal(torch.stack([loc, -loc], 1), covariance)
        return MixtureSameFamily(Categorical(logits=torch.zeros(len(loc), 2)), both)

    def graph(walk):
        z = walk.latent("z", normal(torch.zeros(3)), lambda: mixture(walk.evidence))
        walk.likelihood("x", normal(z))

    observed, where = torch.randn(B, 3), torch.tensor([True, False, False, True])
    z = Graph(graph).infer(x, at={"z": Observe(observed, where)}).latents["z"]
    estimate = mixture(x).log_prob(z.value) - standard_log_prob(z.value.detach())
    assert_close(z.rate(), torch.where(where, -standard_log_prob(observed), estimate))
    assert not z.analytic


@pytest.mark.parametrize("K", [3, B])
def test_an_observed_latent_is_priced_under_every_draw_of_its_parent(x, K):
    observed = torch.randn(B, 3)
    inference = Graph(two_levels).infer(x, samples=K, at={"z": Observe(observed)})
    top = inference.latents["top"].value
    assert top.shape == (K, B, 3)
    assert_close(inference.latents["z"].rate(), -standard_log_prob(observed - top))
    assert_close(inference.latents["z"].log_ratio(), -standard_log_prob(observed - top))


@pytest.mark.parametrize("K", [3, B])
def test_one_value_is_weighed_under_every_draw_of_its_parent(x, K):
    inference = Graph(two_levels).infer(x, samples=K, at={"z": Mean()})
    top, z = inference.latents["top"].value, inference.latents["z"]
    assert_close(z.log_ratio(), standard_log_prob(torch.zeros(B, 3)) - standard_log_prob(x / 2 - top))


def test_enumeration_takes_every_value_and_sums_over_them_exactly(x):
    inference = Graph(clusters).infer(x, at={"y": Enumerate()})
    y = inference.latents["y"]
    assert torch.equal(y.value, torch.arange(3)[:, None].expand(3, B))
    q = y.posterior.probs
    assert_close(inference.expect(y.value.double()), q @ torch.arange(3.0))
    assert_close(y.rate(), (q * (q.log() - torch.tensor([0.5, 0.3, 0.2]).log())).sum(-1), check_dtype=False)


def test_observed_rows_stand_in_equal_copies_along_an_enumerated_axis(x):
    labels, where = torch.tensor([0, 2, 1, 1]), torch.tensor([True, False, True, False])
    inference = Graph(clusters).infer(x, at={"y": Observe(labels, where, Enumerate())})
    share = inference.axes.log_measure.exp()
    assert_close(share[:, where], torch.full((3, 2), 1 / 3))
    assert_close(share[:, ~where], guess(x)[:, ~where])
    assert_close(inference.expect(inference.latents["y"].value.double())[where], labels[where].double())


def guess(x):
    return torch.outer(torch.tensor([-1.0, 0.2, 0.8]), x[:, 0]).softmax(0)


def test_a_code_under_a_uniform_prior_has_the_rate_log_k(x):
    prior = Independent(Categorical(logits=torch.zeros(2, 8)), 1)
    graph = Graph(lambda walk: walk.latent("code", prior, lambda: PointMass(torch.randint(8, (B, 2)), 1)))
    assert_close(graph.infer(x).rate, torch.full((B,), 2 * math.log(8)))


WRONG_VALUES = {
    "another size": (torch.zeros(B, 2), r"a value for latent 'z' must have the shape \(4, 3\), got \(4, 2\)"),
    "other rows": (torch.zeros(3, 3), r"a value for latent 'z' must have the shape \(4, 3\), got \(3, 3\)"),
    "one row": (torch.zeros(1, 3), r"a value for latent 'z' must have the shape \(4, 3\), got \(1, 3\)"),
    "too few axes": (torch.zeros(()), r"a value for latent 'z' must have the shape \(4, 3\), got \(\)"),
    "too many axes": (torch.zeros(2, B, 3), r"a value for latent 'z' must have the shape \(4, 3\), got \(2, 4, 3\)"),
}


@pytest.mark.parametrize("choice", [Set, Observe, lambda value: Observe(value, torch.ones(B, dtype=torch.bool))])
@pytest.mark.parametrize(("value", "sentence"), WRONG_VALUES.values(), ids=list(WRONG_VALUES))
def test_a_value_of_another_shape_is_refused(x, choice, value, sentence):
    with pytest.raises(ValueError, match=sentence):
        Graph(chain).infer(x, at={"z": choice(value)})


@pytest.mark.parametrize("where", [torch.ones(3, dtype=torch.bool), torch.ones(B, 1, dtype=torch.bool), torch.ones(B)])
def test_observed_rows_that_are_no_mask_of_the_rows_are_refused(x, where):
    with pytest.raises(ValueError, match=r"where of an observed latent 'z' must be bool of shape \(4,\), got torch\."):
        Graph(chain).infer(x, at={"z": Observe(torch.zeros(B, 3), where)})


def test_a_value_for_every_draw_can_be_set(x):
    z = torch.randn(2, B, 3)
    inference = Graph(two_levels).infer(x, samples=2, at={"z": Set(z)})
    assert_close(inference.distortion, -standard_log_prob(x - z))


def test_a_name_that_the_model_does_not_have_is_refused(x):
    with pytest.raises(ValueError, match=r"no latent is named 'w': this model has \['z'\]"):
        Graph(chain).infer(x, at={"w": Mean()})


@pytest.mark.parametrize(("choice", "how"), [(Infer(), "inferred"), (Mean(), "inferred"), (Enumerate(), "enumerated")])
def test_a_latent_without_a_posterior_must_be_told(x, choice, how):
    graph = Graph(lambda walk: walk.latent("z", normal(torch.zeros(3))))
    with pytest.raises(ValueError, match=f"latent 'z' has no posterior and cannot be {how}: set it, observe it"):
        graph.infer(x, at={"z": choice})
    assert graph.infer(x, at={"z": FromPrior()}).latents["z"].value.shape == (B, 3)


def test_a_latent_without_a_prior_cannot_be_drawn_from_it_and_has_no_cost(x):
    graph = Graph(lambda walk: walk.latent("z", None, lambda: half_posterior(walk.evidence)))
    with pytest.raises(ValueError, match="latent 'z' has no prior to draw from"):
        graph.infer(x, at={"z": FromPrior()})
    with pytest.raises(ValueError, match="latent 'z' has no prior, so its value has no cost"):
        _ = graph.infer(x, at={"z": Observe(x)}).rate
    with pytest.raises(ValueError, match="latent 'z' has no rate: it needs both a prior and a posterior"):
        _ = graph.infer(x).rate


def test_what_has_no_finite_support_cannot_be_enumerated(x):
    counts = Graph(lambda walk: walk.latent("n", Poisson(1.0), lambda: Poisson(torch.ones(B))))
    with pytest.raises(ValueError, match="latent 'n' cannot be enumerated: Poisson has no finite support"):
        counts.infer(x, at={"n": Enumerate()})
    with pytest.raises(ValueError, match="latent 'z' cannot be enumerated"):
        Graph(chain).infer(x, at={"z": Enumerate()})


def test_a_latent_is_named_once(x):
    def twice(walk):
        chain(walk)
        chain(walk)

    with pytest.raises(ValueError, match="latent 'z' is named twice in one walk"):
        Graph(twice).infer(x)
