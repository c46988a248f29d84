"""Quality of reconstructions and samples: right at its ends, and named for what it is."""

import json
import math
import sys

import numpy as np
import pytest
import torch
from torch import nn
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from vaekit.conditionals import Bernoulli, Deterministic, DiscretisedLogistic, Gaussian
from vaekit.data import open as open_data
from vaekit.evaluation import Inception, Moments, psnr, quality, ssim
from vaekit.models import VAE, Enumerate, Model
from vaekit.networks import MLP, OneHot
from vaekit.objectives import Distortion, Rate
from vaekit.priors import StandardNormal

PICTURE = (1, 8, 8)


@pytest.fixture(scope="module")
def digits():
    return open_data("digits")


def around(x, scale=1e-4):
    """A narrow normal over pictures."""
    return Independent(Normal(x, torch.full_like(x, scale), validate_args=False), 3, validate_args=False)


class Noisy(Model):
    """p(z) is the training pictures, z is x, and the mean of p(x|z) is z with noise on it."""

    def __init__(self, data, noise=0.0):
        super().__init__()
        x = data.train.all()["x"]
        self.prior = MixtureSameFamily(Categorical(torch.ones(len(x))), around(x), validate_args=False)
        self.noise = noise

    def evidence(self, data, context):
        return data["x"].float()

    def walk(self, walk):
        z = walk.latent("z", self.prior, lambda: around(walk.evidence)).float()
        walk.likelihood("x", around(z + self.noise * torch.randn_like(z)))


class Pretended(Inception):
    """Pixels under the name of Inception."""

    def __init__(self):
        nn.Module.__init__(self)

    def forward(self, x):
        return x.flatten(1)


def vae():
    decoder = DiscretisedLogistic(MLP(6, 64), PICTURE, levels=17)
    return VAE(StandardNormal(6), Gaussian(MLP(64, 64), 6), decoder).float()


@pytest.fixture(scope="module")
def perfect(digits):
    return quality(Noisy(digits), digits)


def test_a_model_that_copies_and_samples_the_data_is_as_good_as_the_data(perfect):
    assert perfect.psnr.value == math.inf
    assert perfect.ssim.value == pytest.approx(1)
    assert perfect.reconstructions.value == pytest.approx(0, abs=1e-6)
    assert 0 < perfect.samples.value < 2 * perfect.floor.value


def test_noise_makes_every_figure_worse(digits, perfect):
    found = [quality(Noisy(digits, noise), digits) for noise in (0.05, 0.2, 0.5)]
    for name in ("psnr", "ssim"):
        values = [getattr(each, name).value for each in (perfect, *found)]
        assert values == sorted(values, reverse=True)
    for name in ("reconstructions", "samples"):
        values = [getattr(each, name).value for each in (perfect, *found)]
        assert values == sorted(values)
    assert len({each.floor.value for each in (perfect, *found)}) == 1


def test_training_makes_every_figure_better(digits):
    model = vae()
    untrained = quality(model, digits)
    optimiser = torch.optim.Adam(model.parameters(), lr=5e-3)
    x, objective = digits.train.all()["x"], Distortion() + Rate()
    for _ in range(300):
        loss = objective(model.infer(x[torch.randint(len(x), (100,))])).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    trained = quality(model, digits)
    assert trained.psnr.value > untrained.psnr.value + 3
    assert trained.ssim.value > untrained.ssim.value + 0.2
    assert trained.reconstructions.value < untrained.reconstructions.value / 3
    assert trained.samples.value < untrained.samples.value / 3


def test_figures_are_those_of_the_functions(digits):
    model, features = vae(), nn.Flatten()
    found = quality(model, digits, split="valid", features=features)
    x = digits.valid.all()["x"]
    made = model.reconstruct(x)
    one_by_one = psnr(made, x).double()
    assert found.psnr.value == pytest.approx(float(one_by_one.mean()))
    assert found.psnr.standard_error == pytest.approx(float(one_by_one.std()) / len(x) ** 0.5)
    assert found.ssim.value == pytest.approx(float(ssim(made, x).mean()))
    data = Moments().add(x.flatten(1))
    assert found.reconstructions.value == pytest.approx(data.distance(Moments().add(made.flatten(1))))
    assert found.reconstructions.what == (
        "Fréchet distance (the caller's features), 180 examples: mean of p(x|z) at the mean of q(z|x) against 180 "
        "held-out examples"
    )
    assert found.split == "valid"
    assert found.accuracy is None


def test_where_training_is_the_split_the_floor_lies_between_its_halves():
    data = open_data(torch.rand(40, *PICTURE), domain="unit", valid=0)
    found = quality(Noisy(data), data, features=nn.Flatten())
    assert found.split == "train"
    assert "20 examples: one half of the examples against 20 of the other" in found.floor.what
    assert found.reconstructions.value == pytest.approx(0, abs=1e-9)


def test_the_same_seed_gives_the_same_figures_and_leaves_the_model_and_the_generators_as_they_were(digits):
    model = vae().train()
    torch.manual_seed(3)
    state = torch.random.get_rng_state()
    first = quality(model, digits, n=100, seed=1)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert model.training
    torch.manual_seed(4)
    assert quality(model, digits, n=100, seed=1).to_dict() == first.to_dict()
    other = quality(model, digits, n=100, seed=2)
    assert other.samples.value != first.samples.value
    assert other.accuracy == first.accuracy  # the features are the same
    assert first.examples == 100
    assert "100 examples" in first.samples.what


def test_it_is_named_for_its_features_and_fid_for_inceptions_alone(digits, perfect):
    name = "Fréchet distance (features of a classifier of digits's own labels; not FID), 359 examples"
    assert perfect.samples.what.startswith(name)
    assert set(perfect.figures()) == {
        "reconstruction PSNR",
        "reconstruction SSIM",
        "reconstruction Fréchet distance",
        "sample Fréchet distance",
        "Fréchet distance of the data",
        "classifier accuracy",
    }

    found = quality(Noisy(digits), digits, features=Pretended())
    assert {"reconstruction FID", "sample FID", "FID of the data"} < set(found.figures())
    assert found.samples.what.startswith("FID (Inception, 359 samples): mean of p(x|z) at z from the prior")


def test_it_is_written_as_json_and_for_people(perfect):
    read = json.loads(json.dumps(perfect.to_dict(), allow_nan=False))
    assert read["figures"]["reconstruction PSNR"]["value"] is None
    assert read["figures"]["sample Fréchet distance"]["value"] == perfect.samples.value
    assert read["examples"] == 359
    assert "1.0000 ± 0.0000" in str(perfect)
    assert "inf" in str(perfect)
    assert "SSIM is seen through a window smaller than its 11 pixels" in " ".join(str(perfect).split())


def test_binary_data_are_compared_with_draws_and_not_with_grey_means():
    p = torch.rand(1, 4, 4)
    data = open_data(torch.bernoulli(p.expand(6000, 1, 4, 4)).to(torch.uint8), valid=0, test=0.5)
    model = VAE(StandardNormal(1), Gaussian(MLP(16), 1), Bernoulli(MLP(1), (1, 4, 4)))
    nn.init.zeros_(model.decoder.last.layer.weight)
    model.decoder.last.layer.bias.data = p.flatten().logit()
    found = quality(model, data, features=nn.Flatten())
    assert found.samples.value < 3 * found.floor.value
    assert found.reconstructions.value < 3 * found.floor.value
    assert found.samples.value < 0.05 * float((p * (1 - p)).sum())
    assert any("distances are of draws of x" in note for note in found.notes)
    assert "draws of x at z from the prior" in found.samples.what


def test_a_conditioned_model_samples_the_labels_of_the_held_out_examples():
    labels = torch.cat([torch.arange(60) % 2, torch.ones(60, dtype=torch.long)])
    x = labels.float().reshape(-1, 1, 1, 1).expand(-1, 1, 4, 4) * 0.5 + 0.25
    data = open_data(x, labels=labels, domain="unit", valid=0.25, on_labels=True)
    model = VAE(StandardNormal(1), Gaussian(MLP((16, (2,))), 1), Gaussian(MLP((1, (2,))), (1, 4, 4)), context=OneHot(2))
    decoder = model.decoder.last.layer
    nn.init.zeros_(decoder.weight)
    decoder.weight.data[:16, 1:] = torch.tensor([0.25, 0.75])
    nn.init.zeros_(decoder.bias)
    found = quality(model, data, features=nn.Flatten())
    assert found.samples.value == pytest.approx(0, abs=1e-9)
    assert found.psnr.value > 100


def test_what_is_enumerated_is_averaged_under_its_posterior():
    class Guess(Model):
        def walk(self, walk):
            y = walk.latent("y", Categorical(torch.ones(2)), lambda: Categorical(torch.tensor([[1.0, 3.0]])), 0)
            walk.likelihood("x", around(y[..., None, None, None].expand(*y.shape, *PICTURE) * 1.0))

    data = open_data(0.75 + 1e-6 * torch.rand(20, *PICTURE), domain="unit")
    found = quality(Guess(), data, at=lambda batch: {"y": Enumerate()})
    assert found.psnr.value > 100
    assert quality(Guess(), data).psnr.value == pytest.approx(20 * math.log10(4), abs=1e-3)


def test_means_outside_the_unit_interval_are_cut_to_it():
    data = open_data(1 - 1e-6 * torch.rand(20, *PICTURE), domain="unit")
    model = VAE(StandardNormal(1), Gaussian(MLP(64), 1), Gaussian(MLP(1), PICTURE))
    nn.init.constant_(model.decoder.last.layer.bias, 3.0)
    nn.init.zeros_(model.decoder.last.layer.weight)
    assert quality(model, data).psnr.value > 100


def test_an_autoencoder_has_reconstructions_and_no_samples(digits):
    model = VAE(None, Deterministic(MLP(64), 4), DiscretisedLogistic(MLP(4), PICTURE, levels=17)).float()
    found = quality(model, digits)
    assert found.samples is None
    assert found.reconstructions is not None
    assert "no distance of samples: z has no prior to draw from" in found.notes


def test_data_without_labels_have_psnr_and_ssim_alone_and_the_note_says_why():
    data = open_data(torch.rand(30, 1, 12, 12), domain="unit")
    model = VAE(StandardNormal(1), Gaussian(MLP(144), 1), Gaussian(MLP(1), (1, 12, 12)))
    found = quality(model, data)
    assert set(found.figures()) == {"reconstruction PSNR", "reconstruction SSIM"}
    assert found.notes == (
        "no Fréchet distance: no features were given, and the data have no labels to learn some from",
    )


def test_vectors_have_distances_alone():
    labels = torch.arange(400) % 2
    data = open_data(torch.randn(400, 3) + 4 * labels[:, None], labels=labels, domain="real", test=0.3)
    model = VAE(StandardNormal(1), Gaussian(MLP(3), 1), Gaussian(MLP(1), 3))
    found = quality(model, data)
    assert found.psnr is None
    assert found.samples.value > found.floor.value
    assert "no PSNR and no SSIM: examples are no pictures with values in [0, 1]" in found.notes[0]


def test_fewer_examples_than_features_are_noted(digits):
    notes = quality(vae(), digits, n=60).notes
    assert any("60 examples are too few for 64 features" in note for note in notes)
    assert not any("too few" in note for note in quality(vae(), digits, n=200).notes)


def test_one_example_has_no_distance_and_no_error(digits):
    found = quality(vae(), digits, n=1)
    assert set(found.figures()) == {"reconstruction PSNR", "reconstruction SSIM", "classifier accuracy"}
    assert "no Fréchet distance: it needs at least 2 examples" in found.notes
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["figures"]["reconstruction PSNR"]["value"] > 0


class Other(Model):
    def walk(self, walk):
        walk.latent("z", StandardNormal(1)(), lambda: StandardNormal(1)().expand((20,)))
        walk.likelihood("y", StandardNormal(1)())


def categories():
    return open_data(torch.randint(3, (20, 5)), domain="categories")


def vectors():
    return open_data(torch.randn(20, 5), domain="real")


REFUSED = {
    "n must be a whole number of at least 1, got 0": lambda d: quality(vae(), d, n=0),
    "split must be one of test, valid, train, got 'tests'": lambda d: quality(vae(), d, split="tests"),
    "quality compares numbers, got array: 5 categories (3 values)": lambda d: quality(vae(), categories()),
    "features must be a callable from x (N, ...) to floats (N, F), got 'fid'": (
        lambda d: quality(vae(), d, features="fid")
    ),
    "features must map x (N, ...) to floats (N, F), got torch.float32 (1, 1, 8, 8) from x (1, 1, 8, 8)": (
        lambda d: quality(vae(), d, features=nn.Identity())
    ),
    "features must map x (N, ...) to floats (N, F), got int from x (1, 1, 8, 8)": (
        lambda d: quality(vae(), d, features=len)
    ),
    "Inception needs pictures with values in [0, 1], got array: 5 real": (
        lambda d: quality(vae(), vectors(), features=Pretended())
    ),
    "quality needs a model with a likelihood of 'x', got ['y']": lambda d: quality(Other(), d),
}


@pytest.mark.parametrize("message", REFUSED)
def test_a_mistake_is_refused_in_one_sentence_and_before_a_classifier_is_trained(digits, message, monkeypatch):
    monkeypatch.setattr(sys.modules["vaekit.evaluation.quality"], "classifier_features", None)
    with pytest.raises(ValueError) as refusal:  # noqa: PT011
        REFUSED[message](digits)
    assert str(refusal.value) == message


def test_a_file_larger_than_memory_gives_the_figures_of_one_that_is_held(tmp_path):
    np.save(tmp_path / "x.npy", torch.rand(300, *PICTURE).float().numpy())
    held, streamed = (open_data(tmp_path / "x.npy", valid=0.3, memory=gib) for gib in (1.0, 1e-9))
    assert held.train.in_memory
    assert not streamed.train.in_memory
    model = vae()
    found = [quality(model, data, features=nn.Flatten()).to_dict() for data in (held, streamed)]
    assert found[0] == found[1]
