"""Runs of models with codes: who moves a codebook, and that it is the same after a stop."""

import subprocess
import sys

import pytest
import torch

import vaekit as vk
from vaekit.conditionals import Quantised
from vaekit.networks import Codebook
from vaekit.priors import UniformCodes
from vaekit.training import Silent

QUICK = {"batch_size": 50, "accelerator": "cpu", "report": Silent(), "patience": 0}


@pytest.fixture(scope="module")
def digits() -> vk.data.Data:
    return vk.data.open("digits", binarise="visit", limit=300)


def coder(codes: int, *shape: int) -> vk.VAE:
    torch.manual_seed(0)
    encoder = Quantised(vk.MLP(64, 16), shape, Codebook(codes, shape[0]))
    return vk.VAE(UniformCodes(shape, (codes,)), encoder, vk.Bernoulli(vk.MLP(shape, 16), (1, 8, 8)))


def test_a_run_tells_how_codes_are_used(digits, tmp_path):
    model = coder(8, 4, 4)
    objective = vk.Distortion() + vk.Rate() + vk.Penalty()
    run = vk.fit(model, objective, digits, folder=tmp_path / "r", epochs=2, **QUICK)
    assert run.metrics[-1]["valid/used:z"] <= 8
    assert 1 <= run.metrics[-1]["valid/perplexity:z"] <= 8


def test_a_phase_that_does_not_move_the_encoder_leaves_its_codebook_alone(digits, tmp_path):
    model = coder(8, 4)
    before = model.encoder.quantiser.state_dict()
    before = {name: t.clone() for name, t in before.items()}
    vk.fit(model, vk.Distortion(), digits, folder=tmp_path / "r", epochs=1, moves=[model.decoder], **QUICK)
    for name, t in model.encoder.quantiser.state_dict().items():
        assert torch.equal(t, before[name]), name


def test_a_resumed_run_has_the_codebook_of_one_that_never_stopped(tmp_path):
    digits = vk.data.open("digits", limit=200)
    options = {"arguments": {"codes": 8, "channels": (4,), "latent": 3}, **QUICK}
    whole = vk.train("vq-vae", digits, folder=tmp_path / "whole", epochs=4, **options)
    vk.train("vq-vae", digits, folder=tmp_path / "cut", epochs=2, **options)
    cut = vk.resume(tmp_path / "cut", epochs=4)
    for name, t in whole.model.state_dict().items():
        assert torch.equal(t, cut.model.state_dict()[name]), name


def test_more_codes_than_the_data_have_vectors_are_refused_before_training(tmp_path):
    digits = vk.data.open("digits", limit=30)
    with pytest.raises(ValueError, match="a codebook of 4,096 codes needs as many different vectors, the data give"):
        vk.train("vq-vae", digits, folder=tmp_path / "r", arguments={"codes": 4096}, **QUICK)
    assert not (tmp_path / "r").exists()


def test_a_recipe_starts_its_codebook_at_clusters_of_what_the_encoder_gives(tmp_path):
    digits = vk.data.open("digits", limit=200)
    from vaekit.runs.building import built

    system = built(lambda: vk.recipe("vq-vae")(digits.spec, codes=16, channels=(4,), latent=3), 0, digits)
    found = system.model.eval().infer(digits.train.all()["x"])
    assert len(found.latents["z"].posterior.code.unique()) == 16


@pytest.mark.slow
def test_two_processes_keep_one_codebook(tmp_path):
    data = vk.data.open("digits", seed=3)
    plan = {"steps": 40, "batch_size": 60, "seed": 3, "lr": 1e-2}
    arguments = {"codes": 24, "latent": 4, "channels": (4,), "expiry": 0.3}
    command = [
        sys.executable,
        "-m",
        "vaekit",
        "train",
        "digits",
        "--recipe",
        "vq-vae",
        "--devices",
        "2",
        "--accelerator",
        "cpu",
    ]
    for name, value in {**plan, "codes": 24, "latent": 4, "channels": 4, "expiry": 0.3}.items():
        command += [f"--{name.replace('_', '-')}", str(value)]
    two = tmp_path / "two"
    done = subprocess.run([*command, "--out", str(two), "--no-report"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    one = vk.train(
        "vq-vae", data, folder=tmp_path / "one", arguments=arguments, report=Silent(), accelerator="cpu", **plan
    )
    ours, theirs = (vk.load(path, weights="last").model.encoder.quantiser for path in (one.path, two))
    assert ours.seen.max() > 0
    for name in ("vectors", "counts", "sums", "seen"):
        torch.testing.assert_close(getattr(ours, name), getattr(theirs, name), atol=2e-3, rtol=1e-2, msg=name)
