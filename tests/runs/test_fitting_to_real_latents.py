"""A prior fitted to the aggregate posterior of a finished run: it is kept with it, and closes holes where there are some."""

import shutil

import pytest
import torch
from torch.testing import assert_close

import vaekit as vk
from vaekit.evaluation import aggregate_posterior, bound, holes
from vaekit.runs.fitting import collected

TINY = {"flow": {"layers": 2, "flow_hidden": (16,)}, "mixture": {"components": 8}}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A VAE whose rate weighs so little that its codes lie far from the prior."""
    torch.set_default_dtype(torch.float32)
    place = tmp_path_factory.mktemp("runs") / "beta"
    arguments = {"latent": 2, "hidden": (32,), "beta": 0.02}
    vk.train("beta-vae", vk.data.open("digits"), folder=place, arguments=arguments, steps=300, report=vk.Silent())
    return place


@pytest.fixture
def run(trained, tmp_path):
    shutil.copytree(trained, tmp_path / "beta")
    return vk.load(tmp_path / "beta")


def fit(run, name, steps=300, **options):
    plan = {"steps": steps, "lr": 3e-3, "report": vk.Silent()}
    vk.fit_prior(run, name, arguments=TINY[name], **plan, **options)


def test_every_draw_that_it_is_fitted_to_is_another_one_of_its_posterior(run):
    split = run.split("valid")[1]
    drawn = collected(run, split, False)["z"].drawn.unflatten(0, (10, len(split)))
    assert (drawn.std(0) > 0).all()
    q = run.model.encode(split.all()["x"])
    off = (drawn - q.mean.detach()) / q.stddev.detach()
    assert_close(off.std(), torch.tensor(1.0), atol=0.05, rtol=0)
    assert off.mean().abs() < 0.1


@pytest.mark.parametrize("name", TINY)
def test_it_lowers_the_rate_leaves_the_rest_and_is_found_again(run, name):
    split = run.split("valid")[1]
    before, figure = bound(run.model, split), holes(run.model, split)
    codes = run.encode(split)
    fit(run, name)
    after = bound(run.model, split)
    assert_close(after.distortion.values, before.distortion.values)
    assert_close(run.encode(split), codes)
    gain = before.rate.values - after.rate.values
    assert gain.mean() > 3 * gain.std() / len(gain) ** 0.5
    assert holes(run.model, split).auc < figure.auc
    again = vk.load(run.path)
    assert_close(again.sample(5, seed=3), run.sample(5, seed=3))
    assert type(again.model.prior) is type(run.model.prior)


def test_what_it_gains_is_at_most_the_distance_of_the_aggregate_from_the_prior(run):
    """E KL(q(z|x) || p) = I(x; z) + KL(q(z) || p), of which a fitted prior can take the second alone."""
    train = run.split("train")[1]
    before = aggregate_posterior(run.model, train)
    fit(run, "flow", steps=400)
    after = aggregate_posterior(run.model, train)
    assert after.divergence.mean < 0.5 * before.divergence.mean
    assert after.information.mean == pytest.approx(before.information.mean, abs=0.05)


def test_what_was_fitted_to_other_weights_is_left_aside(run, trained):
    fit(run, "mixture", steps=20)
    (run.path / "best.safetensors").write_bytes((trained / "last.safetensors").read_bytes() + b"")
    same = (trained / "last.safetensors").read_bytes() == (trained / "best.safetensors").read_bytes()
    assert isinstance(vk.load(run.path).model.prior, vk.StandardNormal) != same


def test_another_is_fitted_again_alone(run):
    fit(run, "mixture", steps=20)
    with pytest.raises(ValueError, match=r"has a prior already: fit another one in its place with again \(--again\)"):
        fit(run, "flow", steps=20)
    fit(run, "flow", steps=20, again=True)
    assert type(vk.load(run.path).model.prior).__name__ == "FlowPrior"


def test_a_prior_of_the_other_kind_says_which_there_are(run):
    with pytest.raises(
        ValueError, match=r"the prior transformer is over codes, z is of real numbers: fit flow or mixture"
    ):
        vk.fit_prior(run, "transformer", steps=5)
    with pytest.raises(ValueError, match="on_labels is for priors over codes"):
        vk.fit_prior(run, "flow", on_labels=True, steps=5)
    assert not (run.path / "prior").exists()


@pytest.mark.parametrize(
    ("recipe", "arguments", "prior", "said"),
    [
        (
            "vq-vae",
            {"codes": 4, "latent": 2, "channels": (4,)},
            "flow",
            "the prior flow is over real numbers, z has codes",
        ),
        ("sphere-vae", {"latent": 3, "hidden": (8,)}, "flow", "over all real numbers, the latent z is of directions"),
        (
            "vae",
            {"latent": 2, "hidden": (8,), "posterior": "beta"},
            "mixture",
            r"the latent z is of numbers in \(0, 1\)",
        ),
        ("autoencoder", {"latent": 2, "hidden": (8,)}, "flow", "has no prior of its own that a fitted one could take"),
    ],
)
def test_a_latent_that_cannot_have_it_says_so(tmp_path, recipe, arguments, prior, said):
    data = vk.data.open("digits")
    run = vk.train(recipe, data, folder=tmp_path / "run", arguments=arguments, steps=2, report=vk.Silent())
    with pytest.raises(ValueError, match=said):
        vk.fit_prior(run, prior, steps=5)
