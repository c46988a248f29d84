"""Runs conditioned on one number for each example, and on attributes that are -1 or 1."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

import vaekit as vk
from vaekit.cli.main import main
from vaekit.training import Silent

TINY = ["--recipe", "cvae", "--epochs", "2", "--hidden", "16", "--latent", "2", "--accelerator", "cpu", "--no-report"]
PLAN = {"epochs": 1, "report": Silent(), "accelerator": "cpu"}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Vectors with a number beside each, attributes and labels."""
    folder, rng = tmp_path_factory.mktemp("files"), np.random.default_rng(0)
    height = rng.normal(size=60)
    np.save(folder / "x.npy", height[:, None] + rng.normal(size=(60, 3)))
    np.save(folder / "height.npy", height)
    np.save(folder / "labels.npy", rng.integers(0, 2, 60))
    np.save(folder / "attributes.npy", rng.choice([-1, 1], (60, 4)))
    return folder


def test_one_number_for_each_example_is_a_context(files, tmp_path):
    x, height = np.load(files / "x.npy"), np.load(files / "height.npy")
    data = vk.data.open(x, context=height)
    run = vk.train("cvae", data, folder=tmp_path / "run", arguments={"latent": 2, "hidden": (8,)}, **PLAN)
    assert (run.spec.context, run.on_labels) == ((1,), False)
    assert run.sample(context=height[:5]).shape == (5, 3)
    assert run.score(run.read(x[:5], context=height[:5]), samples=2)["elbo"].shape == (5,)


def test_a_context_beside_labels_is_the_one_that_is_read_later(files, tmp_path):
    x, height, labels = (np.load(files / name) for name in ("x.npy", "height.npy", "labels.npy"))
    data = vk.data.open(files / "x.npy", context=files / "height.npy", labels=files / "labels.npy")
    vk.train("cvae", data, folder=tmp_path / "run", arguments={"latent": 2, "hidden": (8,)}, **PLAN)
    run = vk.load(tmp_path / "run")
    batch = run.read(x[:4], labels[:4], context=height[:4]).all()
    assert_close(batch["context"], torch.from_numpy(height[:4, None]).float())
    with pytest.raises(ValueError, match=r"this model needs a context of shape \(1\)"):
        run.read(x[:4], labels[:4])


def test_attributes_of_minus_one_and_one_are_numbers_where_the_context_is_flat(files, tmp_path):
    given = [str(files / "x.npy"), "--context", str(files / "attributes.npy"), "--conditioning", "flat"]
    main(["train", *given, *TINY, "--out", str(tmp_path / "run"), "--scores", str(tmp_path / "scores.csv")])
    run = vk.load(tmp_path / "run")
    attributes = torch.from_numpy(np.load(files / "attributes.npy")[:1])
    others = attributes.clone()
    others[0, 0] *= -1
    assert_close(run.model.context(attributes), attributes.float())
    one, other = (run.decode(torch.zeros(1, 2), context=c) for c in (attributes, others))
    assert not torch.equal(one, other)


@pytest.mark.parametrize("name", ["height.npy", "attributes.npy"])
def test_scores_of_the_training_file_are_those_in_its_own_contexts(files, tmp_path, name):
    given = ["--context", str(files / name), "--out", str(tmp_path / "run")]
    main(["train", str(files / "x.npy"), *given, *TINY, "--width", "8", "--scores", str(tmp_path / "scores.npy")])
    run = vk.load(tmp_path / "run")
    split = vk.data.open(files / "x.npy", context=files / name, valid=0).train
    assert_close(torch.from_numpy(np.load(tmp_path / "scores.npy")[:, 1]), run.score(split)["log_likelihood"])
