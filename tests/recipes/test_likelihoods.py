"""p(x|z) by name: what fits which data, written out."""

import itertools

import pytest
import torch
from torch.testing import assert_close

from recipes.rows import values
from vaekit.data import DataSpec, Domain
from vaekit.recipes import recipe

SHAPE = (1, 4, 4)
SPECS = {
    "binary": DataSpec("bits", SHAPE, Domain.BINARY),
    "levels": DataSpec("grey", SHAPE, Domain.LEVELS, levels=7),
    "unit": DataSpec("shares", SHAPE, Domain.UNIT),
    "real": DataSpec("numbers", SHAPE, Domain.REAL),
    "counts": DataSpec("genes", SHAPE, Domain.COUNTS),
}
FITTING = {
    "binary": ["bernoulli"],
    "levels": ["discretised-logistic", "discretised-logistic-mixture"],
    "unit": ["continuous-bernoulli", "gaussian", "laplace", "student-t"],
    "real": ["gaussian", "laplace", "student-t"],
    "counts": ["poisson"],
}
NAMES = sorted({*itertools.chain(*FITTING.values()), "categorical", "deterministic", "bernouli"})
PAIRS = list(itertools.product(FITTING, NAMES))
FIT = [(domain, name) for domain, name in PAIRS if name in FITTING[domain]]
MISFIT = [(domain, name) for domain, name in PAIRS if name not in FITTING[domain]]


def model(domain, name=None):
    torch.manual_seed(0)
    return recipe("vae")(SPECS[domain], latent=2, hidden=(6,), likelihood=name).model


def kebab(model):
    words = "".join(f"-{c.lower()}" if c.isupper() else c for c in type(model.decoder).__name__)
    return words.removeprefix("-")


@pytest.mark.parametrize(("domain", "name"), FIT)
def test_a_likelihood_that_fits_is_had_by_its_name_and_prices_the_data(domain, name):
    vae, x = model(domain, name), values(SPECS[domain], 5)
    assert kebab(vae) == name
    assert vae.infer(x).distortion.isfinite().all()


@pytest.mark.parametrize(("domain", "name"), MISFIT)
def test_a_likelihood_that_does_not_fit_is_refused_with_those_that_do(domain, name):
    with pytest.raises(ValueError, match=f"likelihood '{name}' does not fit {domain} data: use .*{FITTING[domain][0]}"):
        model(domain, name)


@pytest.mark.parametrize("domain", ["levels", "unit"])
def test_grey_data_may_be_binarised_for_coins(domain):
    with pytest.raises(ValueError, match="or binarise the data for bernoulli"):
        model(domain, "bernoulli")


@pytest.mark.parametrize(("domain", "name"), [(domain, names[0]) for domain, names in FITTING.items()])
def test_the_likelihood_that_is_not_said_is_the_plainest_that_fits(domain, name):
    assert kebab(model(domain)) == name


def test_levels_are_those_of_the_data():
    d = model("levels").decode(torch.zeros(1, 2))
    grid = torch.arange(7) / 6
    total = sum(d.base_dist.log_prob(torch.full((1, *SHAPE), v)).exp() for v in grid.tolist())
    assert_close(total, torch.ones(1, *SHAPE))


def test_real_values_get_one_learned_scale_and_the_named_gaussian_one_for_each():
    z = torch.randn(3, 2)
    assert model("real").decode(z).stddev.unique().numel() == 1
    assert model("real", "gaussian").decode(z).stddev.unique().numel() == 3 * 16


def test_a_mixture_of_logistics_needs_pictures():
    with pytest.raises(ValueError, match=r"event_shape must be \(channels, height, width\), got \(5,\)"):
        recipe("vae")(DataSpec("v", (5,), Domain.LEVELS, levels=7), likelihood="discretised-logistic-mixture")
