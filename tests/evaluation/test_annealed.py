"""Annealing against closed forms: from below, from above, and without bias in the evidence itself."""

import json
import math

import pytest
import torch
from contracts.hierarchy import cases as hierarchies
from contracts.sequence import cases as sequences
from models.graphs import LOG_P, MEANS, NOISE, SPREAD, Graph, clusters, normal
from torch.distributions import Gamma, Independent, Normal
from torch.testing import assert_close

from vaekit.conditionals import Bernoulli, Deterministic, Gaussian
from vaekit.data import DataSpec, Domain, Split
from vaekit.evaluation import (
    Annealing,
    annealed,
    annealed_likelihood,
    bidirectional,
    bits_per_dim,
    evaluate,
    log_likelihood,
    ppca,
)
from vaekit.evaluation.annealed import examples_at_once, generated, learned_lengths, log_mean_exp, travel
from vaekit.evaluation.bridge import bridge
from vaekit.evaluation.passes import Batch, evaluating
from vaekit.models import VAE, Enumerate, FromPrior, Infer, Observe
from vaekit.networks import MLP
from vaekit.priors import StandardNormal
from vaekit.recipes import recipe

pytestmark = pytest.mark.usefixtures("short")
QUICK = Annealing(steps=60, chains=8, leapfrogs=5)


@pytest.fixture
def short(monkeypatch, request):
    """Lengths learned in fewer steps: less well, for nothing but time."""
    if request.node.get_closest_marker("slow"):
        return
    monkeypatch.setattr(annealed, "PILOT", 40)
    monkeypatch.setattr(annealed, "SETTLING", 10)


@pytest.fixture
def twenty():
    """x in 20 dimensions from 5, and the model that knows it."""
    loading = torch.randn(5, 20)
    return ppca(torch.randn(400, 5) @ loading + 0.7 * torch.randn(400, 20) + 1, 5)


@pytest.fixture
def twentieth(twenty, build_linear_vae):
    p = twenty
    return build_linear_vae(p.mean, p.weight, p.noise, p.encoder, p.posterior_variance)


def below(lower, upper, errors=3.0):
    gap = upper - lower
    return gap.mean() > -errors * gap.std() / math.sqrt(len(gap))


@pytest.mark.slow
def test_a_thousand_steps_bracket_the_closed_form_within_a_tenth_of_a_nat(twenty, twentieth):
    p, settings = twenty, Annealing(steps=1000, chains=16)
    x = torch.randn(20, 5) @ p.weight.T + p.noise**0.5 * torch.randn(20, 20) + p.mean
    found = annealed_likelihood(twentieth, Split(x.float()), settings)
    assert abs(found.mean - float(p.log_likelihood(x.float()).mean())) < 0.1
    both = bidirectional(twentieth, Split(x.float()), settings)
    assert -0.02 < both.gap.mean < 0.1 + 2 * both.gap.standard_error
    assert 0.55 < float(found.acceptance.mean()) < 0.75


def test_bounds_tighten_with_steps_from_both_sides(wrong, optimum, correlated):
    truth = optimum.log_likelihood(correlated.x)
    few, more = (Annealing(steps, chains=4, leapfrogs=5) for steps in (2, 60))
    loose, tight = (annealed_likelihood(wrong, correlated, s).per_example.values for s in (few, more))
    assert float((truth - loose).mean()) > 1
    assert below(loose, tight)
    assert below(tight, truth)
    assert float((truth - tight).mean()) < float((truth - loose).mean()) / 4
    wide, narrow = (bidirectional(wrong, correlated, s, n=40).gap for s in (few, more))
    assert wide.mean > 1
    assert -3 * narrow.standard_error < narrow.mean < wide.mean / 3


def sums(walk):
    """z ~ N(0, 1) and x | z ~ N(z, 1.5^2): wide enough for 1 / p(x|z) to have a variance."""
    walk.likelihood("x", normal(walk.latent("z", normal(torch.zeros(1)), None), 1.5))


EVIDENCE = Normal(0.0, math.sqrt(1 + 1.5**2))


def is_one_on_average(ratio):
    return abs(float(ratio.mean()) - 1) < 4 * float(ratio.std()) / math.sqrt(len(ratio))


def test_the_weights_average_to_the_evidence_however_few_steps_there_are():
    x = torch.full((4000, 1), 2.5)
    found = annealed_likelihood(Graph(sums), Split(x.float()), Annealing(steps=4, chains=1, leapfrogs=2))
    off = found.per_example.values - EVIDENCE.log_prob(x).squeeze(1)
    assert is_one_on_average(off.exp())
    assert float(off.mean()) < -0.05


def test_the_weights_back_average_to_one_over_the_evidence(monkeypatch):
    seen = []
    monkeypatch.setattr("vaekit.evaluation.annealed.generated", watched(seen))
    both = bidirectional(Graph(sums), Split(torch.zeros(4000, 1)), Annealing(steps=4, chains=1, leapfrogs=2), n=4000)
    truth = EVIDENCE.log_prob(torch.cat(seen)).squeeze(1)
    assert float(torch.cat(seen).std()) == pytest.approx(float(EVIDENCE.stddev), rel=0.05)
    assert is_one_on_average((truth - both.upper.values).exp())
    assert is_one_on_average((both.lower.values - truth).exp())
    assert float((both.upper.values - truth).mean()) > 0.02
    assert float((truth - both.lower.values).mean()) > 0.02


def watched(seen):
    """`generated`, noting the examples that it makes."""

    def noting(model, batch):
        found = generated(model, batch)
        seen.append(found[0].data["x"])
        return found

    return noting


def test_from_the_true_posterior_every_weight_is_the_evidence(exact, optimum, correlated):
    settings = Annealing(steps=3, chains=2, leapfrogs=2, start=Infer())
    found = annealed_likelihood(exact, correlated, settings)
    assert_close(found.per_example.values, optimum.log_likelihood(correlated.x), rtol=0, atol=1e-9)
    assert abs(bidirectional(exact, correlated, settings).gap.values).max() < 1e-9


def test_from_a_posterior_that_is_off_the_evidence_is_found_too(wrong, optimum, correlated):
    found = annealed_likelihood(wrong, correlated, Annealing(60, 8, 5, Infer()))
    assert_close(found.mean, float(optimum.log_likelihood(correlated.x).mean()), rtol=0, atol=0.15)


def test_one_step_is_importance_sampling_from_the_prior():
    """w = p(x|z): of z ~ N(0, 1) and x ~ N(z, 1) their variance is known."""
    x = torch.full((4000, 1), 0.8)
    model = Graph(lambda w: w.likelihood("x", normal(w.latent("z", normal(torch.zeros(1)), None))))
    found = annealed_likelihood(model, Split(x.float()), Annealing(1, 1))
    w = found.per_example.values.exp()
    assert bool(found.acceptance.isnan().all())
    evidence = Normal(0.0, math.sqrt(2)).log_prob(x[0]).exp()
    # E w^2 = N(0; 0, 2 * 1)-like: p(x|z)^2 = N(z; x, 1/2) / (2 sqrt(pi)), and z ~ N(0, 1)
    second = Normal(0.0, math.sqrt(1.5)).log_prob(x[0]).exp() / (2 * math.sqrt(math.pi))
    assert_close(w.mean(), evidence[0].double(), rtol=0.05, atol=0)
    assert_close(w.square().mean(), second[0].double(), rtol=0.05, atol=0)


def test_two_latents_of_a_hierarchy_are_annealed_together():
    case = hierarchies()[0]
    split = Split(case.batch["x"].float())
    x = split.x.double()
    total = (case.model.w**2 * (case.model.a**2 + case.model.q) + case.model.r).detach()
    truth = Independent(Normal(0.0, total.sqrt().expand_as(x)), 1).log_prob(x)
    for start in (FromPrior(), Infer()):
        settings = Annealing(100, 16, 5, start)
        found = annealed_likelihood(case.model, split, settings).per_example.values
        assert_close(found, truth, rtol=0, atol=0.4 if start == FromPrior() else 1e-6)
        assert_close(found.mean(), truth.mean(), rtol=0, atol=0.1)
    assert bidirectional(case.model, split, QUICK).gap.mean < 0.3


def test_a_latent_at_every_step_is_annealed_as_one_and_padding_counts_nothing():
    """The Kalman filter's likelihood, of sequences with gaps and resets."""
    case, settings = sequences()[0], Annealing(100, 16, 5)
    batch = Batch(case.batch, None, None)
    with evaluating(case.model.double()):
        exact = bridge(case.model, batch, 3, Infer())
        assert_close(exact.log_ratio(exact.draw()), -case.expected.repeat_interleave(3))
        way = bridge(case.model, batch, settings.chains, FromPrior())
        log_w, _ = travel(way, way.draw(), settings.schedule(), learned_lengths(way, settings), settings)
    assert_close(log_mean_exp(log_w), -case.expected, rtol=0, atol=0.6)
    assert_close(log_mean_exp(log_w).mean(), -case.expected.mean(), rtol=0, atol=0.3)


def test_sequences_are_simulated_with_as_many_steps_as_the_data_have():
    torch.set_default_dtype(torch.float32)
    model = recipe("vrnn")(DataSpec("paths", (4, 5), Domain.REAL, timed=True), latent=2, recurrent=6).model
    split = Split(torch.randn(6, 3, 5), lengths=torch.tensor([3, 1, 2, 3, 3, 3]))
    found = annealed_likelihood(model, split, Annealing(20, 8, 3)).per_example.values
    assert_close(found, log_likelihood(model, split, 1000).per_example.values, rtol=0, atol=0.3)
    both = bidirectional(model, split, Annealing(10, 2, 2))
    assert len(both.gap.values) == 6
    assert abs(both.gap.mean) < 0.3


def test_an_observed_label_is_data():
    x, y = torch.randn(6, 1), torch.tensor([0, 1, 2, 0, 1, 2])
    split = Split(x.float(), y)
    p_x = Normal(MEANS.double()[y], math.sqrt(SPREAD + NOISE)).log_prob(x.float().double().squeeze(1))
    found = annealed_likelihood(Graph(clusters), split, QUICK, at=lambda batch: {"y": Observe(batch["labels"])})
    assert_close(found.per_example.values, LOG_P.double()[y] + p_x, rtol=0, atol=0.4)
    both = bidirectional(Graph(clusters), split, QUICK, at=lambda batch: {"y": Observe(batch["labels"])})
    assert both.gap.mean < 0.2


def test_a_context_is_that_of_each_example():
    model = Graph(lambda w: w.likelihood("x", normal(w.latent("z", normal(w.context), None))))
    x, c = torch.randn(5, 2), 3 * torch.randn(5, 2)
    split = Split(x.float(), context=c)
    truth = Independent(Normal(c.double(), math.sqrt(2)), 1).log_prob(x.float().double())
    assert_close(annealed_likelihood(model, split, Annealing(100, 16, 5)).per_example.values, truth, rtol=0, atol=0.15)
    assert bidirectional(model, split, QUICK).gap.mean < 0.2


def test_the_schedule_is_a_sigmoid_from_nothing_to_all():
    shares = torch.tensor(Annealing(8).schedule())
    assert_close(shares[[0, 4, 8]], torch.tensor([0.0, 0.5, 1.0]))
    steps = shares.diff()
    assert_close(steps, steps.flip(0))
    assert bool((steps[:4].diff() > 0).all())
    assert_close(steps[4] / steps[0], torch.tensor((math.tanh(0.5)) / (math.tanh(2) - math.tanh(1.5))))
    assert Annealing(1).schedule() == [0.0, 1.0]


def test_one_seed_gives_one_result_and_the_global_generator_is_left_alone(wrong, correlated):
    settings, few = Annealing(3, 2, 2), correlated.first(5)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one, again, other = (annealed_likelihood(wrong, few, settings, seed=s).per_example.values for s in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    both = [bidirectional(wrong, few, settings, seed=1).gap.values for _ in range(2)]
    assert torch.equal(*both)
    assert torch.equal(torch.get_rng_state(), before)
    assert not any(p.grad is not None for p in wrong.parameters())


def test_chains_are_taken_in_blocks_of_bounded_size(wrong, correlated):
    rows = []
    wrong.decoder.network.register_forward_pre_hook(lambda _, inputs: rows.append(len(inputs[0])))
    annealed_likelihood(wrong, correlated, Annealing(2, 3, 1), batch_size=15)
    assert set(rows) == {45, 30}
    large = Split(torch.zeros(2, 1 << 20))
    assert examples_at_once(wrong, correlated, Annealing(chains=16), None) == 4096 // 16
    assert (
        examples_at_once(
            VAE(StandardNormal(1), Gaussian(MLP(1 << 20), 1), Gaussian(MLP(1), 1 << 20)), large, QUICK, None
        )
        == 1
    )


def test_a_float32_model_is_annealed_in_float32(wrong, optimum, correlated):
    torch.set_default_dtype(torch.float32)
    found = annealed_likelihood(wrong.float(), correlated, QUICK)
    assert found.per_example.values.dtype is torch.float64
    assert_close(found.mean, float(optimum.log_likelihood(correlated.x).mean()), rtol=0, atol=0.3)


def positive(walk):
    z = walk.latent("z", Independent(Gamma(torch.ones(3), 1.0), 1), None)
    walk.likelihood("x", normal(z))


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: Graph(clusters), "'y' is discrete"),
        (lambda: VAE(StandardNormal(2), Deterministic(MLP(3), 2), Gaussian(MLP(2), 3)), "'z' is a deterministic code"),
        (lambda: Graph(positive), r"'z' has values in GreaterThanEq\(lower_bound=0.0\)"),
    ],
    ids=["discrete", "deterministic", "positive"],
)
def test_a_latent_that_cannot_be_annealed_is_refused_in_a_sentence(build, said):
    split = Split(torch.randn(4, 3).float())
    for figure in (annealed_likelihood, bidirectional):
        with pytest.raises(ValueError, match=f"annealing needs latents that are points of a real space .*: {said}"):
            figure(build(), split, QUICK)


def test_an_autoencoder_has_no_prior_to_anneal_from():
    model = VAE(None, Deterministic(MLP(3), 2), Gaussian(MLP(2), 3))
    with pytest.raises(ValueError, match="latent 'z' has no prior to draw from"):
        annealed_likelihood(model, Split(torch.randn(4, 3).float()), QUICK)


def test_mistakes_are_named(wrong, correlated):
    for name in ("steps", "chains", "leapfrogs"):
        with pytest.raises(ValueError, match=f"{name} must be a whole number of at least 1, got 0"):
            Annealing(**{name: 0})
    with pytest.raises(ValueError, match=r"start must be FromPrior\(\) or Infer\(\), got FromPrior\(temperature=0.7"):
        Annealing(start=FromPrior(0.7))
    for name in ("n", "batch_size"):
        with pytest.raises(ValueError, match=f"{name} must be a whole number of at least 1, got 0"):
            bidirectional(wrong, correlated, QUICK, **{name: 0})
    with pytest.raises(ValueError, match="split must hold at least one example, got none"):
        annealed_likelihood(wrong, Split(correlated.x[:0]), QUICK)
    with pytest.raises(ValueError, match=r"observed in every row, or not at all, got Enumerate\(\) at 'z'"):
        annealed_likelihood(wrong, correlated, QUICK, at=lambda batch: {"z": Enumerate()})
    with pytest.raises(ValueError, match="annealing needs a latent that is not observed, this model has none"):
        annealed_likelihood(wrong, correlated, QUICK, at=lambda batch: {"z": Observe(torch.zeros(40, 3))})


def test_an_evaluation_says_that_it_is_a_bound_and_how_it_was_made(wrong, correlated):
    spec, settings = DataSpec("six", (6,), Domain.REAL), Annealing(5, 2, 2)
    figures = evaluate(wrong, correlated, spec, samples=2, seed=3, annealed=settings)
    bound = figures.figures()["log-likelihood (annealed)"]
    assert bound.value == annealed_likelihood(wrong, correlated, settings, seed=3).mean
    assert bound.what == "lower bound of log p(x), annealed importance sampling: 5 steps, 2 chains"
    assert figures.figures()["gap of annealing"].value == bidirectional(wrong, correlated, settings, seed=3).gap.mean
    read = json.loads(json.dumps(figures.to_dict(), allow_nan=False))
    assert read["annealing"]["start"] == "p(z)"
    assert 0 < read["annealing"]["acceptance"] <= 1
    assert read["generated"]["upper"] > read["generated"]["lower"]
    assert "log-likelihood (annealed)" not in evaluate(wrong, correlated, spec, samples=2).figures()


def test_bits_of_the_bound_are_an_upper_bound():
    x = (torch.rand(6, 5) < 0.5).float()
    spec = DataSpec("bits", (5,), Domain.BINARY)
    model = VAE(StandardNormal(2), Gaussian(MLP(5), 2), Bernoulli(MLP(2), 5))
    figures = evaluate(model, Split(x), spec, samples=2, annealed=Annealing(2, 2, 1))
    bits = figures.figures()["bits/dim (annealed)"]
    assert bits.value == pytest.approx(bits_per_dim(figures.annealed.mean, spec))
    assert bits.what == "upper bound, by annealing"
