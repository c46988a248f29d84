"""What picks the best epoch: the bound on the validation examples, whatever else a model is trained by."""

import numpy as np
import pytest
import torch

import vaekit as vk
from vaekit.recipes import recipe
from vaekit.training.step import Step
from vaekit.training.validation import validate


@pytest.fixture(scope="module")
def pictures():
    return vk.data.open(np.random.default_rng(0).integers(0, 255, (60, 16, 16, 1), np.uint8), valid=20)


def judged(model, objective, split, at=None):
    torch.manual_seed(0)
    return validate(Step(model, 1.0 * objective, at), split, torch.device("cpu"))


def test_the_selection_of_nvae_does_not_depend_on_its_spectral_norms(pictures):
    found = []
    for spectral in (0.0, 0.01, 1000.0):
        torch.manual_seed(0)
        system = recipe("nvae")(pictures.spec, width=4, groups=(1, 1), spectral=spectral)
        found.append(judged(system.model, system.objective, pictures.valid))
    plain, small, large = found
    assert small.bound == large.bound == pytest.approx(plain.bound, rel=1e-6)
    assert large.bound == pytest.approx(large.means["distortion"] + large.means["rate"], rel=1e-6)
    assert large.means["loss"] == pytest.approx(large.bound + 1000.0 * large.means["spectral"], rel=1e-6)
    assert large.means["balance"] == 0
    assert large.row()["valid/bound"] == large.bound
    assert "valid/bound" not in plain.row()


@pytest.mark.parametrize("alpha", [0.1, 500.0])
def test_the_selection_of_m2_is_by_its_bound_whatever_classification_weighs(alpha):
    data = vk.data.open("digits", binarise="fixed", limit=200)
    torch.manual_seed(0)
    system = recipe("m2")(data.spec, latent=2, hidden=(8,), alpha=alpha)
    found = judged(system.model, system.objective, data.valid, system.at)
    assert found.means["classification"] > 0
    assert found.bound == pytest.approx(found.means["distortion"] + found.means["rate"], rel=1e-6)


def test_a_classifier_alone_is_judged_by_its_classification():
    data = vk.data.open("digits", binarise="fixed", limit=200)
    system = recipe("m2")(data.spec, latent=2, hidden=(8,))
    found = judged(system.model, vk.Classification(), data.valid, system.at)
    assert found.bound == found.means["loss"] == found.means["classification"] > 0


def test_a_bound_of_many_draws_beside_classification_is_not_written_over_by_its_weight():
    data = vk.data.open("digits", binarise="fixed", limit=200)
    torch.manual_seed(0)
    system = recipe("m2")(data.spec, latent=2, hidden=(8,))
    found = judged(system.model, 2.0 * vk.ImportanceWeighted(3), data.valid)
    assert found.bound == found.means["loss"] == pytest.approx(2 * found.means["bound"], rel=1e-6)
