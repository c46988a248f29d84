"""What each recipe is for, on data where that can be told: clusters for priors and codes, a fan for aggregates."""

import math

import numpy as np
import pytest
import torch

import vaekit as vk
from vaekit.evaluation import aggregate_posterior, bound
from vaekit.objectives import InverseMultiquadric, mean_discrepancy

pytestmark = pytest.mark.slow

PLAN = {"steps": 800, "batch_size": 100, "lr": 3e-3, "patience": 0, "report": vk.Silent()}
NETWORK = {"latent": 2, "hidden": (32,)}


def blobs() -> vk.data.Data:
    """Four clusters in R^6, far apart and unequal."""
    rng = np.random.default_rng(0)
    centres, which = 4 * rng.normal(size=(4, 6)), rng.choice(4, 3000, p=[0.4, 0.3, 0.2, 0.1])
    x = centres[which] + 0.3 * rng.normal(size=(3000, 6))
    return vk.data.open(x.astype(np.float32), labels=which, seed=0, valid=500)


def fan() -> vk.data.Data:
    """Two dependent numbers, neither of them normal, seen through a plane in R^6."""
    rng = np.random.default_rng(1)
    a = rng.uniform(-1.5, 1.5, 3000)
    b = a**2 + 0.5 * rng.uniform(-1, 1, 3000)
    x = np.stack([a, b], 1) @ rng.normal(size=(2, 6)) + 0.05 * rng.normal(size=(3000, 6))
    return vk.data.open(x.astype(np.float32), seed=0, valid=500)


@pytest.fixture(scope="module")
def train(tmp_path_factory):
    sets, done = {"blobs": blobs(), "fan": fan()}, {}

    def trained(name, of, **arguments):
        key = (name, of, tuple(sorted(arguments.items())))
        if key not in done:
            place = tmp_path_factory.mktemp("runs") / "run"
            done[key] = vk.train(name, sets[of], folder=place, arguments={**NETWORK, **arguments}, **PLAN)
        return done[key]

    return trained


def elbo(run) -> float:
    return bound(run.model, run.data.valid, draws=20).elbo.mean


def discrepancy(run) -> float:
    """Between codes of held-out data, drawn, and the standard normal."""
    z = run.model.encode(run.data.valid.x).sample()
    return float(mean_discrepancy(z, torch.randn_like(z), InverseMultiquadric(4.0)))


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("vamp-vae", (("inputs", 20), ("from_data", True))),
        ("flow-prior-vae", (("flow_hidden", (32,)), ("spline", True))),
        ("energy-prior-vae", (("tilt_hidden", (32, 32)), ("langevin_steps", 3))),
        ("vae", (("prior", "mixture"),)),
    ],
)
def test_a_prior_that_can_have_clusters_fits_those_of_the_codes(train, name, arguments):
    plain, run = train("vae", "blobs"), train(name, "blobs", **dict(arguments))
    assert elbo(run) > elbo(plain) + 0.15
    far = aggregate_posterior(run.model, run.data.valid).divergence.mean
    assert far < 0.7 * aggregate_posterior(plain.model, plain.data.valid).divergence.mean


def test_a_categorical_code_names_the_clusters(train):
    run = train("gumbel-vae", "blobs", latent=1, categories=6, cooling_steps=600)
    code = run.encode(run.data.valid).flatten(1).argmax(1)
    table = torch.zeros(6, 4).index_put_((code, run.data.valid.labels.long()), torch.ones(len(code)), accumulate=True)
    assert table.max(1).values.sum() / table.sum() > 0.97


@pytest.mark.parametrize(
    ("name", "share", "arguments"),
    [
        ("wae-mmd", 0.25, ()),
        ("wae-gan", 0.35, (("critic_hidden", (32,)), ("critic_lr", 3e-3))),
        ("aae", 0.7, (("critic_hidden", (32,)), ("critic_lr", 3e-3))),  # its encoder moves slowly by design
        ("info-vae", 0.25, ()),
    ],
)
def test_codes_of_all_examples_together_have_the_priors_shape(train, name, share, arguments):
    torch.manual_seed(0)
    run, free = train(name, "fan", **dict(arguments)), train("autoencoder", "fan")
    assert discrepancy(run) < share * discrepancy(free)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("beta-tcvae", (("beta", 8.0),)),
        ("factor-vae", (("critic_hidden", (32,)), ("critic_lr", 3e-3), ("gamma", 10.0))),
        ("dip-vae", ()),
    ],
)
def test_latents_that_are_to_be_apart_tell_less_of_each_other(train, name, arguments):
    plain, run = train("vae", "fan"), train(name, "fan", **dict(arguments))

    def tied(of) -> float:
        if name == "dip-vae":
            z = of.model.encode(of.data.valid.x).mean
            return float(torch.corrcoef(z.T)[0, 1].abs())
        return aggregate_posterior(of.model, of.data.valid).total_correlation.mean

    assert tied(run) < max(0.6 * tied(plain), 0.05)
    assert math.isfinite(elbo(run))
