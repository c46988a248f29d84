import json
import math
from functools import partial

import pytest
import torch
from rich.console import Console
from torch.distributions import Categorical, Distribution, Independent, Normal, Uniform, constraints
from torch.testing import assert_close

from vaekit.conditionals import Bernoulli, Conditional, Deterministic, DiscretisedLogistic, Gaussian
from vaekit.data import DataSpec, Domain, Split
from vaekit.data import open as open_data
from vaekit.distributions import PointMass
from vaekit.evaluation import bits_per_dim, bound, evaluate, log_likelihood
from vaekit.models import VAE, Model
from vaekit.networks import MLP
from vaekit.priors import StandardNormal

BITS, BOUND = "bits/dim", "bits/dim (bound)"


class EveryLevelAlike(Distribution):
    """1 / levels for each."""

    arg_constraints = {}  # noqa: RUF012
    support = constraints.unit_interval

    def __init__(self, shape, levels):
        self.levels = levels
        super().__init__(shape, validate_args=False)

    def log_prob(self, value):
        return torch.full(torch.broadcast_shapes(value.shape, self.batch_shape), -math.log(self.levels))


class Alike(Conditional):
    """`family` of the shape of the event, whatever the input."""

    def __init__(self, network, event_shape, family):
        super().__init__(network, event_shape, per_element=1)
        self.family = family

    def parametrise(self, h):
        return {"raw": self.last(h)}

    def distribution(self, **parameters):
        return Independent(self.family(parameters["raw"].shape), len(self.event_shape), validate_args=False)


def indifferent(decoder):
    """A VAE whose rate is zero, with this decoder."""
    model = VAE(StandardNormal(2), Gaussian(MLP(decoder.event_shape), 2), decoder)
    torch.nn.init.zeros_(model.encoder.last.layer.weight)
    torch.nn.init.constant_(model.encoder.last.layer.bias, 0.0)
    with torch.no_grad():
        model.encoder.last.layer.bias[2:] = math.log(math.expm1(1 - 1e-4)) - math.log(math.e - 1)
    return model


def levels(n=12, **options):
    return open_data(torch.randint(256, (n, 1, 3, 3), dtype=torch.uint8), valid=0, test=0, domain="levels", **options)


def test_a_uniform_model_of_256_levels_costs_8_bits():
    data = levels()
    model = indifferent(Alike(MLP(2), (1, 3, 3), lambda shape: EveryLevelAlike(shape, 256)))
    found = evaluate(model, data.train, data.spec, samples=3)
    assert found.bits_per_dim.value == pytest.approx(8)
    assert found.bits_per_dim_bound.value == pytest.approx(8)


def test_a_uniform_density_of_dequantised_levels_costs_8_bits():
    data = levels(dequantise=True)
    model = indifferent(Alike(MLP(2), (1, 3, 3), lambda s: Uniform(torch.zeros(s), torch.ones(s), validate_args=False)))
    found = evaluate(model, data.train, data.spec, samples=3)
    assert found.bits_per_dim.value == pytest.approx(8)
    assert found.log_likelihood.value == pytest.approx(0, abs=1e-9)
    assert "the data's own noise was drawn once, under the seed" in found.notes


def test_a_fair_coin_costs_a_bit():
    decoder = Bernoulli(MLP(2), 5)
    torch.nn.init.zeros_(decoder.last.layer.weight)
    torch.nn.init.zeros_(decoder.last.layer.bias)
    data = open_data((torch.rand(10, 5) < 0.5).to(torch.uint8), valid=0, test=0)
    assert data.spec.domain is Domain.BINARY
    assert evaluate(indifferent(decoder), data.train, data.spec, samples=2).bits_per_dim.value == pytest.approx(1)


@pytest.mark.parametrize(
    ("head", "options", "reason"),
    [
        (Gaussian, {}, "Normal is no probability of"),
        (Bernoulli, {}, "Bernoulli is no probability of"),
        (partial(DiscretisedLogistic, levels=17), {}, "DiscretisedLogistic is no probability of"),
        (DiscretisedLogistic, {"dequantise": True}, "DiscretisedLogistic is no density on"),
    ],
)
def test_a_likelihood_that_does_not_price_the_levels_gives_no_bits(head, options, reason):
    data = levels(**options)
    found = evaluate(indifferent(head(MLP(2), (1, 3, 3))), data.train, data.spec, samples=2)
    assert found.bits_per_dim is None
    assert found.bits_per_dim_bound is None
    assert any(reason in note for note in found.notes)


def test_bits_are_nats_over_elements_and_log_2():
    spec = DataSpec("x", (3, 4), Domain.LEVELS, levels=256)
    assert bits_per_dim(-12 * math.log(2), spec) == pytest.approx(1)
    dequantised = DataSpec("x", (3, 4), Domain.UNIT, levels=16, dequantise=True)
    assert bits_per_dim(-12 * math.log(2), dequantised) == pytest.approx(5)


@pytest.fixture
def figures(wrong, correlated):
    return evaluate(wrong, correlated, DataSpec("six", (6,), Domain.REAL), samples=20, seed=3)


def test_figures_are_those_of_the_functions(figures, wrong, correlated):
    parts, likelihood = bound(wrong, correlated, seed=3), log_likelihood(wrong, correlated, 20, seed=3)
    assert figures.examples == 40
    assert figures.elbo.value == parts.elbo.mean
    assert figures.elbo.value == pytest.approx(-(figures.distortion.value + figures.rate.value))
    assert figures.log_likelihood.value == likelihood.mean
    assert figures.log_likelihood.standard_error == likelihood.standard_error
    assert figures.elbo.value < figures.log_likelihood.value
    assert_close(float(figures.latents["z"].rate.sum()), figures.rate.value)


def test_bounds_are_called_bounds_and_estimates_estimates_with_their_samples(figures):
    assert figures.elbo.what == "lower bound of log p(x), 1 draw"
    assert figures.log_likelihood.what == "estimate of log p(x), 20 samples; below it on average"
    assert figures.rate.what == "KL(q(z|x) || p(z)), closed form"
    assert figures.notes == ("no bits/dim: these are log-densities of real data and depend on its units",)


def test_it_is_written_as_json(figures):
    read = json.loads(json.dumps(figures.to_dict(), allow_nan=False))
    assert read["figures"]["log-likelihood"]["value"] == figures.log_likelihood.value
    assert {figure["unit"] for figure in read["figures"].values()} == {"nats/example"}
    assert read["latents"]["z"]["active"] == 3
    assert sum(read["latents"]["z"]["rate_nats"]) == pytest.approx(figures.rate.value)


def test_one_example_has_no_standard_error(wrong, correlated):
    found = evaluate(wrong, Split(correlated.x[:1]), DataSpec("one", (6,), Domain.REAL), samples=2)
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["figures"]["ELBO"]["standard_error"] is None
    assert "nan" not in printed(found)


def test_the_table_gives_every_number_its_unit(figures):
    text = printed(figures)
    for said in ("six, 40 examples, seed 3", "nats/example", "lower bound", "20 samples", "active units of z", "±"):
        assert said in text


def test_a_deterministic_code_has_a_distortion_and_says_why_no_more(correlated):
    model = VAE(None, Deterministic(MLP(6), 2), Gaussian(MLP(2), 6))
    found = evaluate(model, correlated, DataSpec("six", (6,), Domain.REAL))
    assert list(found.figures()) == ["distortion"]
    assert found.distortion.what == "-log p(x|z), at the code"
    assert found.notes == ("z: a deterministic code, or no prior: no rate, hence neither ELBO nor likelihood",)
    assert "deterministic code" in printed(found)


class Codebook(Model):
    """The sign of x as a code, one of two under a uniform prior."""

    def walk(self, walk):
        q = PointMass((walk.data["x"] > 0).long(), 1)
        z = walk.latent("z", Independent(Categorical(logits=torch.zeros(6, 2)), 1), lambda: q)
        walk.likelihood("x", Independent(Normal(2.0 * z - 1, 1.0), 1))


def test_an_integer_code_has_a_length_and_needs_no_draws(correlated):
    found = evaluate(Codebook(), correlated, DataSpec("six", (6,), Domain.REAL))
    assert found.rate.value == pytest.approx(6 * math.log(2))
    assert found.elbo.value == pytest.approx(-(found.distortion.value + found.rate.value))
    assert found.log_likelihood is None
    assert found.notes[0].startswith("every latent is a deterministic code")


def test_wrong_arguments_are_refused(exact, correlated):
    spec = DataSpec("six", (6,), Domain.REAL)
    with pytest.raises(ValueError, match="samples must be a whole number of at least 1, got 0"):
        evaluate(exact, correlated, spec, samples=0)
    with pytest.raises(ValueError, match="split must hold at least one example, got none"):
        evaluate(exact, Split(correlated.x[:0]), spec)


def printed(found):
    console = Console(width=200)
    with console.capture() as capture:
        console.print(found.table())
    return capture.get()
