"""`nvae` and `vdvae`: the papers' sizes, how a fresh one starts, what it is trained by, and what it refuses."""

import pytest
import torch
from torch.testing import assert_close

from vaekit.data import DataSpec, Domain
from vaekit.models import Set, parameter_counts
from vaekit.recipes import recipe
from vaekit.recipes.nvae import PUBLISHED as NVAE
from vaekit.recipes.vdvae import PUBLISHED as VDVAE

MNIST = DataSpec("mnist", (1, 28, 28), Domain.BINARY)
CIFAR = DataSpec("cifar10", (3, 32, 32), Domain.LEVELS, levels=256)
ODD = DataSpec("odd", (3, 13, 9), Domain.LEVELS, levels=4)
SMALL = {"nvae": {"width": 8, "latent": 2, "groups": (2, 1)}, "vdvae": {"width": 8, "latent": 2}}
every = pytest.mark.parametrize("name", SMALL)


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def built(name, spec, **options):
    return recipe(name)(spec, **{**SMALL[name], **options})


def trained_numbers(name, spec, options):
    with torch.device("meta"):
        return sum(parameter_counts(recipe(name)(spec, **options).model).values())


@pytest.mark.parametrize(
    ("size", "side", "released"),
    [
        ("cifar10", 32, 39_145_700),
        pytest.param("imagenet32", 32, 119_280_868, marks=pytest.mark.slow),
        pytest.param("imagenet64", 64, 125_005_860, marks=pytest.mark.slow),
    ],
)
def test_vdvae_has_the_released_models_numbers_but_for_a_scale_and_shift_of_the_last_features(size, side, released):
    spec, options = DataSpec(size, (3, side, side), Domain.LEVELS, levels=256), VDVAE[size]
    assert trained_numbers("vdvae", spec, options) == released - 2 * options["width"]


@pytest.mark.parametrize(
    ("size", "spec", "released", "raised", "outputs"),
    [
        ("mnist", MNIST, 33_363_134, 128 + 64 + 32, 1),
        pytest.param("cifar10", CIFAR, 129_215_680, 128, 100, marks=pytest.mark.slow),
    ],
)
def test_nvae_has_the_released_models_numbers_but_for_its_ends(size, spec, released, raised, outputs):
    last, first = -(8 * NVAE[size]["width"] + 1) * outputs, 256 * 258  # 1x1 for a normed 3x3; z1 also reads the state
    assert trained_numbers("nvae", spec, NVAE[size]) == released + last + first + raised


@pytest.mark.slow
def test_the_published_depth_of_vdvae_is_43_latents_from_one_pixel_to_all():
    spec, options = CIFAR, {**VDVAE["cifar10"], "width": 4, "latent": 1}
    latents = recipe("vdvae")(spec, **options).model.generate(1).latents
    sides = [latent.value.shape[-1] for latent in latents.values()]
    assert sides == [1] + [4] * 3 + [8] * 6 + [16] * 11 + [32] * 22


@pytest.mark.slow
def test_the_published_groups_of_nvae_grow_from_a_quarter_of_the_largest_map():
    options = {**NVAE["celeba64"], "width": 4, "latent": 1, "cells": 1, "edge_cells": 1}
    spec = DataSpec("faces", (3, 64, 64), Domain.LEVELS, levels=256)
    latents = recipe("nvae")(spec, **options).model.generate(2).latents
    assert [latent.value.shape[-1] for latent in latents.values()] == [8] * 5 + [16] * 10 + [32] * 20


def test_a_fresh_vdvae_has_standard_normal_priors_everywhere_and_posteriors_near_them():
    inference = built("vdvae", MNIST).model.infer(torch.rand(16, 1, 28, 28).round())
    for latent in inference.latents.values():
        assert_close(latent.prior.mean, torch.zeros_like(latent.prior.mean))
        assert_close(latent.prior.stddev, torch.ones_like(latent.prior.stddev))
        assert latent.rate().mean() / latent.value[0].numel() < 0.1


def test_a_fresh_nvae_has_posteriors_near_their_priors():
    inference = built("nvae", MNIST).model.infer(torch.rand(16, 1, 28, 28).round())
    assert all(latent.rate().mean() / latent.value[0].numel() < 0.1 for latent in inference.latents.values())


@every
def test_every_posterior_reads_the_picture(name):
    model = built(name, MNIST).model.eval()
    black, white = torch.zeros(1, 1, 28, 28), torch.ones(1, 1, 28, 28)
    same = {z: Set(latent.value) for z, latent in model.infer(black).latents.items()}
    for z in same:
        above = {other: choice for other, choice in same.items() if other != z}
        means = [model.infer(x, at=above).latents[z].posterior.mean for x in (black, white)]
        assert (means[0] - means[1]).abs().max() > 1e-4


@every
@pytest.mark.parametrize("patch", [1, 2, 3])
def test_pictures_of_any_size_are_read_and_drawn(name, patch):
    model = built(name, ODD, patch=patch).model.eval()
    x = torch.randint(4, (3, *ODD.shape)) / 3
    assert model.reconstruct(x).shape == x.shape
    assert model.sample(2).shape == (2, *ODD.shape)
    assert model.infer(x, samples=2).log_mean_w().shape == (3,)


@every
def test_the_likelihood_is_bernoulli_for_binary_a_mixture_for_levels_and_what_is_asked_for(name):
    kinds = [built(name, MNIST), built(name, ODD), built(name, ODD, likelihood="discretised-logistic")]
    heads = [type(system.model.decoder).__name__ for system in kinds]
    assert heads == ["Bernoulli", "DiscretisedLogisticMixture", "DiscretisedLogistic"]


def test_the_mixture_of_the_papers_has_ten_components_of_ten_numbers_for_each_pixel():
    head = built("vdvae", CIFAR, patch=1).model.decoder
    assert head.last.layer.out_channels == 10 * (1 + 3 + 3 + 3)


def test_nvae_is_trained_by_a_balanced_rate_that_is_weighed_in_and_by_spectral_norms():
    objective = 1.0 * built("nvae", MNIST, annealing_steps=200, spectral=0.5).objective
    assert [objective.coefficients(step)["rate"] for step in (0, 100, 200, 10**6)] == [0.0, 0.5, 1.0, 1.0]
    assert [objective.coefficients(step)["balance"] for step in (0, 100)] == [0.0, 0.5]
    assert objective.coefficients(0)["spectral"] == 0.5


def test_nvae_without_a_weight_for_spectral_norms_computes_none():
    system = built("nvae", MNIST, spectral=0.0)
    assert list((1.0 * system.objective).terms) == ["distortion", "rate", "balance"]


def test_the_spectral_norms_are_of_the_weights_as_they_are_applied():
    system = built("nvae", MNIST)
    objective, x = 1.0 * system.objective, torch.zeros(2, 1, 28, 28)
    before = objective.evaluate(system.model.infer(x), objective.coefficients(0))["spectral"]
    with torch.no_grad():
        system.model.levels[0].combine.network.parametrizations.weight.original0.add_(3.0)  # e^3 times the norms
    after = objective.evaluate(system.model.infer(x), objective.coefficients(0))["spectral"]
    assert after - before > 10


def test_vdvae_is_trained_by_the_bound_itself_and_skips_steps_that_explode():
    system = built("vdvae", MNIST)
    x = torch.rand(4, 1, 28, 28).round()
    inference = system.model.infer(x)
    assert_close((1.0 * system.objective)(inference, 0), -inference.elbo())
    assert (system.plan.clip, system.plan.skip) == (200 * 784, 400 * 784)  # of a loss per example


REFUSED = {
    "vdvae, deeper than the picture": (
        "vdvae",
        {"rates": (2, 2, 2, 2, 2)},
        "rates must leave something to divide: 6 sizes .* and a map of 14x14 has only 14x14, 7x7, 4x4, 2x2, 1x1",
    ),
    "vdvae, blocks for too few sizes": (
        "vdvae",
        {"rates": (2, 2), "decoder_blocks": (2, 1)},
        r"decoder_blocks must hold a number for each of the sizes 14x14, 7x7, 4x4, got \(2, 1\)",
    ),
    "vdvae, encoder blocks for too many": (
        "vdvae",
        {"rates": (2,), "encoder_blocks": (1, 1, 1)},
        r"encoder_blocks must hold a number for each of the sizes 14x14, 7x7, got \(1, 1, 1\)",
    ),
    "vdvae, no latent on top": (
        "vdvae",
        {"rates": (2,), "decoder_blocks": (2, 0)},
        "decoder_blocks must be at least 1 at the smallest size, 7x7, got 0",
    ),
    "nvae, deeper than the picture": (
        "nvae",
        {"groups": (1,) * 6},
        "halvings and groups must leave something to divide: 6 sizes .* has only 14x14, 7x7, 4x4, 2x2, 1x1",
    ),
    "nvae, down to one pixel": (
        "nvae",
        {"groups": (1, 1, 1), "halvings": 2},
        "halvings and groups must leave more than one pixel, and 5 sizes of a picture of 28x28 in patches of 2 end in one",
    ),
    "nvae, zero groups": ("nvae", {"groups": (2, 0)}, "groups must be at least 1, got 0"),
    "nvae, no scale": ("nvae", {"groups": ()}, "groups must say how many latents there are at each size, got none"),
    "nvae, a likelihood of other data": ("nvae", {"likelihood": "poisson"}, "'poisson' does not fit binary data"),
}


@pytest.mark.parametrize(("name", "options", "sentence"), REFUSED.values(), ids=list(REFUSED))
def test_nonsense_is_refused_in_a_sentence(name, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        recipe(name)(MNIST, **options)
