import json
import math

import pytest
import torch
from models.graphs import Graph, clusters, two_levels
from models.small_hierarchy import hierarchy
from torch.distributions import Categorical, Independent, MixtureSameFamily, MultivariateNormal, Normal
from torch.testing import assert_close

from vaekit.conditionals import Deterministic, Gaussian
from vaekit.data import DataSpec, Domain, Split
from vaekit.distributions import log_aggregate_and_marginals, log_minibatch_weights, log_stratified_weights
from vaekit.evaluation import aggregate_posterior, bound, evaluate
from vaekit.models import VAE
from vaekit.networks import MLP
from vaekit.priors import StandardNormal
from vaekit.training.validation import information

D = 4


class Gaussians:
    """x ~ N(0, I) and z ~ N(W x, v I), so that q(z) = N(0, C) with C = W W^T + v I: every term in closed form."""

    def __init__(self, weight, variance):
        self.weight, self.variance, d = weight, variance, len(weight)
        cov = weight @ weight.T + variance * torch.eye(d)
        each = cov.diagonal()
        self.information = float(cov.logdet() - d * math.log(variance)) / 2
        self.total_correlation = float(each.log().sum() - cov.logdet()) / 2
        self.departures = (each - 1 - each.log()) / 2
        self.informations = (each / variance).log() / 2

    def model(self, linear_vae):
        d = len(self.weight)
        return linear_vae(torch.zeros(d), torch.eye(d), 1.0, self.weight, torch.full((d,), self.variance))

    def examples(self, n):
        """Of exactly the mean and the covariance that x has."""
        x = torch.randn(n, len(self.weight))
        x = x - x.mean(0)
        return Split((x @ torch.linalg.inv(torch.linalg.cholesky(x.T @ x / n)).T).float())


@pytest.fixture
def mixed():
    weight = torch.tensor([[1.2, 0.4, 0.0, 0.0], [0.3, 0.8, 0.2, 0.0], [0.0, 0.5, 0.6, 0.1], [0.0, 0.0, 0.0, 0.0]])
    return Gaussians(weight, 0.3)


def near(found, truth, errors=4.0, bias=0.0):
    assert abs(found.mean - truth) < errors * found.standard_error + bias
    assert found.standard_error < 0.06


def test_each_term_is_its_closed_form_under_the_full_sum(mixed, build_linear_vae):
    found = aggregate_posterior(mixed.model(build_linear_vae), mixed.examples(3000), points=3000)
    assert (found.latent, found.examples) == ("z", 3000)
    near(found.information, mixed.information)
    near(found.information_above, mixed.information)
    near(found.total_correlation, mixed.total_correlation)
    near(found.dimension_wise, float(mixed.departures.sum()))
    near(found.divergence, mixed.total_correlation + float(mixed.departures.sum()))
    assert_close(found.by_element.departure, mixed.departures, atol=0.08, rtol=0)
    assert_close(found.by_element.information, mixed.informations, atol=0.08, rtol=0)


def test_the_terms_sum_to_the_rate_and_every_element_to_its_own(mixed, build_linear_vae):
    found = aggregate_posterior(mixed.model(build_linear_vae), mixed.examples(200))
    assert_close(found.rate.values, found.information.values + found.divergence.values)
    assert_close(found.divergence.values, found.total_correlation.values + found.dimension_wise.values)
    each = found.by_element
    assert_close(each.rate, each.information + each.departure)
    assert float(each.rate.sum()) == pytest.approx(found.rate.mean)
    assert float(each.departure.sum()) == pytest.approx(found.dimension_wise.mean)


def test_an_element_that_says_nothing_of_x_is_told_from_those_that_do(mixed, build_linear_vae):
    each = aggregate_posterior(mixed.model(build_linear_vae), mixed.examples(1000)).by_element
    assert each.active.tolist() == [True, True, True, False]
    assert abs(float(each.information[3])) < 1e-6
    assert float(each.departure[3]) > 0.1  # v is not 1: nats that tell nothing
    assert_close(each.variance, mixed.weight.square().sum(1))


def test_of_fewer_examples_information_is_below_the_datas_and_without_their_own_codes_above(mixed, build_linear_vae):
    model, found = mixed.model(build_linear_vae), []
    for seed in range(60):
        torch.manual_seed(seed)
        found.append(aggregate_posterior(model, Split(torch.randn(10, D).float()), seed=seed))
    below, above = (
        torch.tensor([getattr(f, name).mean for f in found]) for name in ("information", "information_above")
    )
    error = max(float(below.std()), float(above.std())) / math.sqrt(len(found))
    assert float(below.mean()) + 3 * error < mixed.information < float(above.mean()) - 3 * error


def test_information_at_its_cap_is_printed_as_a_lower_bound(build_linear_vae):
    sharp = Gaussians(torch.eye(D) + 0.2, 1e-4)
    found = aggregate_posterior(sharp.model(build_linear_vae), sharp.examples(50))
    assert found.information.mean == pytest.approx(math.log(50), abs=1e-3)
    assert found.saturated
    assert found.information.mean < sharp.information < found.information_above.mean
    figures = found.figures()
    assert str(figures["mutual information of z"]).startswith("≥ 3.91")
    assert "at most log N = 3.91, and at it: a lower bound" in figures["mutual information of z"].what
    assert str(figures["total correlation of z"]).startswith("≤ ")
    assert str(figures["aggregate KL of z"]).startswith("≤ ")
    assert figures["mutual information of z"].to_dict()["bound"] == "lower"


def test_information_below_its_cap_is_an_estimate(mixed, build_linear_vae):
    found = aggregate_posterior(mixed.model(build_linear_vae), mixed.examples(500))
    assert not found.saturated
    assert found.figures()["mutual information of z"].bound is None
    assert str(found.figures()["mutual information of z, from above"]).startswith("≤ ")


@pytest.mark.parametrize("slack", [0.09, 0.11])
def test_within_a_tenth_of_a_nat_is_at_the_cap(mixed, build_linear_vae, slack):
    found = aggregate_posterior(mixed.model(build_linear_vae), mixed.examples(100))
    shifted = type(found.information)(found.information.values - found.information.mean + found.cap - slack)
    assert type(found)(**{**vars(found), "information": shifted}).saturated is (slack < 0.1)


def test_the_minibatch_estimators_are_off_by_as_much_as_is_documented():
    """The table in docs/benchmarks.md has more: 64 of 10,000, each term less its closed form."""
    weight, n, batch = torch.tensor([[0.8, 0.3], [0.3, 0.6]]), 10_000, 64
    truth = Gaussians(weight, 0.25)
    wanted = torch.tensor([truth.information, truth.total_correlation, float(truth.departures.sum())])
    for weights, low, high in (
        (log_minibatch_weights, [9.0, 9.1, -18.5], [9.3, 9.4, -18.3]),  # log N, (D - 1) log N, -D log N
        (log_stratified_weights, [0.0, -0.1, -0.1], [0.15, 0.05, 0.05]),
    ):
        found = torch.stack([terms_of_minibatch(weight, 0.25, weights(batch, n)) for _ in range(100)]).mean(0) - wanted
        assert bool((found > torch.tensor(low)).all()), found
        assert bool((found < torch.tensor(high)).all()), found


def terms_of_minibatch(weight, variance, log_weights):
    """Information, total correlation and dimension-wise KL from one minibatch of the closed-form case."""
    loc = torch.randn(len(log_weights) if log_weights.ndim else 64, len(weight)) @ weight.T
    q = Independent(Normal(loc, math.sqrt(variance)), 1)
    z = q.sample()
    joint, each = log_aggregate_and_marginals(q, z, log_weights)
    log_p = Normal(0.0, 1.0).log_prob(z)
    terms = (q.log_prob(z) - joint, joint - each.sum(1), (each - log_p).sum(1))
    return torch.stack([term.mean() for term in terms])


def test_training_asks_for_the_same_information(mixed, build_linear_vae):
    model, split = mixed.model(build_linear_vae), mixed.examples(1000)
    found = [information(model, split) for _ in range(10)]
    again = aggregate_posterior(model, split, points=10_000).information
    assert abs(sum(found) / 10 - again.mean) < 4 * again.standard_error


def test_one_seed_gives_one_answer_and_leaves_the_generators_alone(mixed, build_linear_vae):
    model, split = mixed.model(build_linear_vae), mixed.examples(60)
    noise = torch.get_rng_state()
    first, again, other = (aggregate_posterior(model, split, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first.total_correlation.values, again.total_correlation.values)
    assert not torch.equal(first.rate.values, other.rate.values)
    assert torch.equal(torch.get_rng_state(), noise)


def test_so_many_examples_are_mixed_and_so_many_draws_averaged(mixed, build_linear_vae):
    model, split = mixed.model(build_linear_vae), mixed.examples(60)
    assert aggregate_posterior(model, split, n=20).examples == 20
    assert len(aggregate_posterior(model, split, points=7).rate.values) == 7
    few = aggregate_posterior(model, split, points=60_000)
    assert len(few.rate.values) == 60
    assert few.rate.mean == pytest.approx(bound(model, split).rate.mean, abs=0.03)  # a closed form


def graph(prior, posterior):
    return Graph(lambda walk: (walk.latent("z", prior, lambda: posterior(walk.evidence)), likely(walk)))


def likely(walk):
    walk.likelihood("x", Independent(Normal(torch.zeros(walk.data["x"].shape[-1]), 1.0), 1))


def narrow(x):
    return Independent(Normal(x, 0.5), 1)


def test_a_prior_that_does_not_factorise_has_no_terms_by_element():
    hills = MixtureSameFamily(Categorical(torch.ones(2)), Independent(Normal(torch.randn(2, 3), 1.0), 1))
    found = aggregate_posterior(graph(hills, narrow), Split(torch.randn(40, 3).float()))
    assert found.dimension_wise is None
    assert found.by_element is None
    assert found.table() is None
    assert_close(found.rate.values, found.information.values + found.divergence.values)
    assert "dimension-wise KL of z" not in found.figures()


def test_the_top_of_a_hierarchy_has_one_prior_though_a_network_makes_it():
    torch.set_default_dtype(torch.float32)
    model, split = hierarchy(3, 2), Split(torch.randint(2, (30, 1, 8, 8)).float())
    found = aggregate_posterior(model, split)
    assert found.latent == "z1"
    q = model.bottom_up.network(split.x)
    level, h = model.levels[0], model.start.expand(30, -1)
    mean = level.posterior(h, q).mean
    assert_close(found.by_element.variance, mean.double().var(0, correction=0).detach(), rtol=1e-4, atol=1e-6)
    with pytest.raises(ValueError, match="'z2' has another prior for each example"):
        aggregate_posterior(model, split, latent="z2")


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: VAE(StandardNormal(2), Deterministic(MLP(3), 2), Gaussian(MLP(2), 3)), "'z' is a deterministic code"),
        (lambda: VAE(None, Gaussian(MLP(3), 2), Gaussian(MLP(2), 3)), "'z' has no prior"),
        (
            lambda: VAE(Gaussian(MLP(3), 2), Gaussian(MLP(((3,), 3)), 2), Gaussian(MLP(((2,), 3)), 3)),
            "another prior for each",
        ),
        (lambda: Graph(clusters), "'y' is discrete"),
        (
            lambda: graph(Independent(Normal(torch.zeros(3), 1.0), 1), lambda x: MultivariateNormal(x, torch.eye(3))),
            "'z' has a posterior that does not factorise, MultivariateNormal",
        ),
    ],
    ids=["deterministic", "no prior", "conditional prior", "discrete", "correlated"],
)
def test_a_latent_without_an_aggregate_posterior_is_refused_in_a_sentence(build, said):
    x = torch.randn(30, 3).float()
    with pytest.raises(ValueError, match=f"needs a continuous latent of each example under one prior: .*{said}"):
        aggregate_posterior(build(), Split(x, context=x if "another" in said else None))


def test_mistakes_are_named(mixed, build_linear_vae):
    model, split = mixed.model(build_linear_vae), mixed.examples(20)
    with pytest.raises(ValueError, match="an aggregate posterior needs at least 2 examples, got 1"):
        aggregate_posterior(model, split.first(1))
    with pytest.raises(ValueError, match="an aggregate posterior needs at least 2 examples, got 1"):
        aggregate_posterior(model, split, n=1)
    with pytest.raises(ValueError, match="points must be a whole number of at least 1, got 0"):
        aggregate_posterior(model, split, points=0)
    with pytest.raises(ValueError, match="latent must be one of z, got 'w'"):
        aggregate_posterior(model, split, latent="w")


def test_an_evaluation_holds_them_where_asked_for(mixed, build_linear_vae):
    model, split = mixed.model(build_linear_vae), mixed.examples(60)
    spec = DataSpec("four", (D,), Domain.REAL)
    figures = evaluate(model, split, spec, samples=2, aggregate=True)
    same = aggregate_posterior(model, split)
    assert figures.figures()["total correlation of z"].value == same.total_correlation.mean
    assert 0.3 < figures.figures()["holes"].value <= 1.0
    read = json.loads(json.dumps(figures.to_dict(), allow_nan=False))
    assert read["aggregate"]["cap"] == pytest.approx(math.log(60))
    assert read["aggregate"]["by_element"]["active"] == [True, True, True, False]
    assert "total correlation of z" not in evaluate(model, split, spec, samples=2).figures()
    with pytest.raises(ValueError, match="needs a continuous latent of each example under one prior: 'y' is discrete"):
        evaluate(Graph(clusters), Split(torch.randn(30, 3).float()), spec, samples=2, aggregate=True)


def test_dimensions_are_shown_with_the_dearest_first(mixed, build_linear_vae):
    from rich.console import Console

    found = aggregate_posterior(mixed.model(build_linear_vae), mixed.examples(300))
    console = Console(width=120)
    with console.capture() as capture:
        console.print(found.table())
    text = capture.get()
    assert "variance of E[z|x]" in text
    lines = [line.split("│") for line in text.splitlines() if line.startswith("│")]
    rates = [float(line[2]) for line in lines]
    assert rates == sorted(rates, reverse=True)
    assert {int(line[1]): line[-2].strip() for line in lines} == {0: "active", 1: "active", 2: "active", 3: "collapsed"}


def test_two_levels_under_one_top():
    found = aggregate_posterior(Graph(two_levels), Split(torch.randn(50, 3).float()))
    assert found.latent == "top"
