import math
from functools import partial

import pytest
import torch
from torch.distributions import Categorical as Choice
from torch.distributions import Independent, Normal
from torch.testing import assert_close

from vaekit.conditionals import Bernoulli, Deterministic, Gaussian
from vaekit.data import Split
from vaekit.data.noise import binarise
from vaekit.evaluation import bound, log_likelihood
from vaekit.models import VAE, Enumerate, FromPrior, Model, Observe
from vaekit.networks import MLP
from vaekit.priors import StandardNormal


class Mixture(Model):
    """Two normals, and q(y|x) far from the true posterior."""

    def __init__(self):
        super().__init__()
        self.loc = torch.tensor([[-1.0], [2.0]])
        self.prior = Choice(probs=torch.tensor([0.3, 0.7]))

    def walk(self, walk):
        y = walk.latent("y", self.prior, lambda: Choice(probs=torch.full((walk.axes.shape[-1], 2), 0.5)), 0)
        walk.likelihood("x", Independent(Normal(self.loc[y], 1.0), 1))

    def joint(self, x):
        return self.prior.probs.log() + Normal(self.loc[:, 0], 1.0).log_prob(x)


def seen(module, of):
    """What `of` makes of the first input of every call of `module`."""
    calls = []
    module.register_forward_pre_hook(lambda _, inputs: calls.append(of(inputs[0])))
    return calls


def beyond_errors(lower, upper):
    gap = upper - lower
    return gap.mean() > 3 * gap.std() / math.sqrt(len(gap))


@pytest.mark.parametrize(("samples", "chunk", "batch_size"), [(1, None, 100), (7, 3, 40), (7, 1, 6), (50, None, 1)])
def test_every_estimate_is_the_evidence_under_the_true_posterior(
    exact, optimum, correlated, samples, chunk, batch_size
):
    found = log_likelihood(exact, correlated, samples, chunk=chunk, batch_size=batch_size)
    assert_close(found.per_example.values, optimum.log_likelihood(correlated.x), rtol=0, atol=1e-9)
    assert found.samples == samples
    assert not found.exact


def test_the_bound_touches_the_evidence_under_the_true_posterior(exact, optimum, correlated):
    draws = 4000
    found = bound(exact, correlated, draws=draws)
    assert_close(found.rate.values, optimum.rate(correlated.x))
    gap = found.elbo.values - optimum.log_likelihood(correlated.x)
    noise = math.sqrt(3 / 2 / draws)  # of -log p(x|z) at one draw: at most half a chi-square with 3 degrees
    assert gap.abs().max() < 5 * noise
    assert abs(float(gap.mean())) < 5 * noise / math.sqrt(len(gap))
    assert found.closed_form == {"z": True}


def test_bounds_tighten_with_samples_and_stay_below_the_evidence(wrong, optimum, correlated):
    elbo = bound(wrong, correlated, draws=200).elbo.values
    five, fifty = (log_likelihood(wrong, correlated, samples).per_example.values for samples in (5, 50))
    truth = optimum.log_likelihood(correlated.x)
    assert beyond_errors(elbo, five)
    assert beyond_errors(five, fifty)
    assert beyond_errors(fifty, truth)


def test_the_weights_average_to_the_evidence_over_chunks_of_unequal_size(wrong, optimum, correlated):
    few = Split(correlated.x[:1].expand(20_000, -1))
    found = log_likelihood(wrong, few, 5, chunk=2, batch_size=20_000).per_example.values
    ratio = (found - optimum.log_likelihood(few.x)).exp()
    assert abs(float(ratio.mean()) - 1) < 4 * float(ratio.std()) / math.sqrt(len(ratio))


@pytest.mark.parametrize(("samples", "chunk"), [(1, None), (7, 3), (8, 4), (3, 100)])
def test_exactly_as_many_draws_as_asked_for(exact, correlated, samples, chunk):
    rows = seen(exact.decoder.network, len)
    log_likelihood(exact, correlated, samples, chunk=chunk, batch_size=15)
    assert sum(rows) == samples * len(correlated)


def test_each_batch_is_encoded_once(exact, correlated):
    rows = seen(exact.encoder.network, len)
    log_likelihood(exact, correlated, 9, chunk=2, batch_size=15)
    assert rows == [15, 15, 10]


def test_memory_does_not_grow_with_samples(exact, correlated):
    rows = seen(exact.decoder.network, len)
    log_likelihood(exact, correlated, 10_000)
    assert max(rows) * 6 <= 2**20
    rows.clear()
    log_likelihood(exact, correlated, 1000, chunk=8)
    assert max(rows) == 8 * len(correlated)


def test_an_enumerated_latent_gives_the_evidence_in_one_walk():
    model, x = Mixture(), torch.randn(9, 1)
    found = log_likelihood(model, Split(x.float()), 10**9, at=lambda batch: {"y": Enumerate()})
    assert_close(found.per_example.values, model.joint(x.float().double()).logsumexp(-1))
    assert found.exact


def test_observed_labels_give_the_joint_density():
    model, x, y = Mixture(), torch.randn(9, 1), torch.randint(2, (9,))
    found = log_likelihood(model, Split(x.float(), y), 10, at=lambda batch: {"y": Observe(batch["labels"])})
    assert_close(found.per_example.values, model.joint(x.float().double()).gather(-1, y.unsqueeze(-1)).squeeze(-1))


def test_a_discrete_latent_is_estimated_from_draws():
    model, x = Mixture(), torch.randn(30, 1)
    found = log_likelihood(model, Split(x.float()), 20_000).per_example.values
    assert_close(found, model.joint(x.float().double()).logsumexp(-1), rtol=0, atol=0.05)


def test_parts_sum_to_the_bound_whatever_the_batch_size(exact, correlated):
    whole, cut = bound(exact, correlated), bound(exact, correlated, batch_size=7)
    assert_close(cut.rate.values, whole.rate.values)
    assert_close(whole.elbo.values, -(whole.distortions["x"].values + whole.rates["z"].values))
    assert whole.rate.standard_error == pytest.approx(float(whole.rate.values.std()) / 40**0.5)


def test_the_noise_of_the_data_depends_on_the_seed_alone():
    grey = Split(torch.rand(30, 4), visit=binarise)
    model = VAE(StandardNormal(2), Gaussian(MLP(4), 2), Bernoulli(MLP(2), 4))
    torch.nn.init.zeros_(model.decoder.last.layer.weight)  # no draw of z matters
    torch.nn.init.normal_(model.decoder.last.layer.bias)
    prior = {"z": FromPrior()}
    scores = [
        log_likelihood(model, grey, 3, batch_size=size, at=lambda batch: prior).per_example.values for size in (4, 30)
    ]
    assert_close(scores[0], scores[1])
    assert_close(scores[0], -bound(model, grey).distortion.values)


def test_one_seed_gives_one_result_and_the_global_generator_is_left_alone(wrong, correlated):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = log_likelihood(wrong, correlated, 3, seed=1)
    torch.rand(17)
    again, other = (log_likelihood(wrong, correlated, 3, seed=seed) for seed in (1, 2))
    assert torch.equal(first.per_example.values, again.per_example.values)
    assert first.mean != other.mean
    torch.manual_seed(5)
    bound(wrong, correlated, seed=3)
    assert torch.equal(torch.get_rng_state(), before)


def test_every_module_is_evaluated_and_returns_to_its_own_mode(exact, correlated):
    exact.train()
    exact.decoder.eval()
    modes = seen(exact.encoder.network, lambda _: (exact.training, torch.is_grad_enabled()))
    log_likelihood(exact, correlated, 2)
    with pytest.raises(ValueError, match="no latent is named 'w'"):
        log_likelihood(exact, correlated, 2, at=lambda batch: {"w": Enumerate()})
    assert set(modes) == {(False, False)}
    assert exact.training
    assert exact.encoder.training
    assert not exact.decoder.training
    assert torch.is_grad_enabled()


def test_a_float32_model_is_evaluated_in_float32(exact, optimum, correlated):
    found = log_likelihood(exact.float(), correlated, 3)
    assert_close(found.per_example.values, optimum.log_likelihood(correlated.x), rtol=0, atol=1e-3)


@pytest.mark.parametrize("option", ["samples", "batch_size", "chunk"])
@pytest.mark.parametrize("value", [0, -1, True, 2.0])
def test_counts_must_be_whole_and_positive(exact, correlated, option, value):
    call = partial(log_likelihood, exact, correlated)
    with pytest.raises(ValueError, match=f"{option} must be a whole number of at least 1"):
        call(**{option: value})


def test_an_empty_split_is_refused(exact, correlated):
    for figures in (log_likelihood, bound):
        with pytest.raises(ValueError, match="split must hold at least one example"):
            figures(exact, Split(correlated.x[:0]))


def test_a_deterministic_code_has_a_distortion_alone(correlated):
    model = VAE(None, Deterministic(MLP(6), 2), Gaussian(MLP(2), 6, scale=1.0))
    with pytest.raises(ValueError, match="latent 'z' lacks one"):
        log_likelihood(model, correlated, 5)
    found = bound(model, correlated)
    assert found.without_rate == ("z",)
    assert found.rate is None
    assert found.elbo is None
    x = correlated.x.double()
    at_code = model.decode(model.encode(x).mean).log_prob(x)
    assert_close(found.distortion.values, -at_code.detach())


@pytest.mark.slow
def test_compiled_and_eager_agree(exact, optimum, correlated):
    found = log_likelihood(exact, correlated, 7, chunk=3, batch_size=15, compile=True)
    assert_close(found.per_example.values, optimum.log_likelihood(correlated.x))
