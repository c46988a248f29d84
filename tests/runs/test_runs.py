"""Runs from Python: composed by hand or by recipe, saved, and loaded without executing anything."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

import vaekit as vk
from vaekit.training import Silent

QUICK = {"epochs": 2, "batch_size": 50, "accelerator": "cpu", "report": Silent()}


@pytest.fixture(scope="module")
def digits() -> vk.data.Data:
    return vk.data.open("digits", binarise="visit", limit=300)


def composed() -> vk.VAE:
    return vk.VAE(
        prior=vk.StandardNormal(4),
        encoder=vk.Gaussian(vk.MLP(64, 16), 4),
        decoder=vk.Bernoulli(vk.MLP(4, 16), (1, 8, 8)),
    )


def test_a_model_composed_by_hand_is_saved_and_loaded_into_the_same_composition(digits, tmp_path):
    run = vk.fit(composed(), vk.Distortion() + 4.0 * vk.Rate(), digits, folder=tmp_path / "run", **QUICK)
    again = vk.load(tmp_path / "run", model=composed())
    x = digits.valid.batch(torch.arange(5))["x"]
    assert torch.equal(run.reconstruct(x), again.reconstruct(x))
    assert again.record["objective"] == "Distortion() + 4 * Rate()"
    with pytest.raises(ValueError, match="composed by hand"):
        vk.load(tmp_path / "run")
    with pytest.raises(ValueError, match="composed by hand"):
        vk.resume(tmp_path / "run")


def test_a_hand_composed_run_goes_on_where_it_stopped(digits, tmp_path):
    whole = vk.fit(
        composed_at(1), vk.Distortion() + vk.Rate(), digits, folder=tmp_path / "whole", **{**QUICK, "epochs": 4}
    )
    vk.fit(composed_at(1), vk.Distortion() + vk.Rate(), digits, folder=tmp_path / "cut", **QUICK)
    rest = {**QUICK, "epochs": 4, "resuming": True}
    vk.fit(composed_at(2), vk.Distortion() + vk.Rate(), digits, folder=tmp_path / "cut", **rest)
    assert (whole.path / "metrics.csv").read_bytes() == (tmp_path / "cut" / "metrics.csv").read_bytes()


def composed_at(seed: int) -> vk.VAE:
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        return composed()


def test_the_best_weights_are_those_of_the_best_validation_bound(digits, tmp_path):
    options = {**QUICK, "epochs": 60, "lr": 0.03}
    run = vk.train("vae", digits, folder=tmp_path / "run", arguments={"latent": 4, "hidden": (32,)}, **options)
    bounds = [row["valid/loss"] for row in run.metrics]
    best, last = load_file(tmp_path / "run/best.safetensors"), load_file(tmp_path / "run/last.safetensors")
    assert run.record["best_epoch"] == 1 + bounds.index(min(bounds)) < 60
    assert any(not torch.equal(best[name], last[name]) for name in best)
    assert all(torch.equal(best[name], t) for name, t in run.model.state_dict().items())


def test_a_run_opens_its_own_data_again(digits, tmp_path):
    run = vk.train("vae", digits, folder=tmp_path / "run", arguments={"latent": 2, "hidden": (8,)}, **QUICK)
    again = vk.load(tmp_path / "run")
    assert torch.equal(again.data.test.x, run.data.test.x)
    assert again.evaluate(samples=5).to_dict() == run.evaluate(samples=5).to_dict()


def test_labels_condition_a_model_and_are_remembered(digits, tmp_path):
    run = vk.train("cvae", digits, folder=tmp_path / "run", arguments={"latent": 2, "hidden": (8,)}, **QUICK)
    again = vk.load(tmp_path / "run")
    assert again.on_labels
    labels = torch.arange(10)
    assert again.sample(10, context=labels).shape == (10, 1, 8, 8)
    assert run.evaluate(samples=3).to_dict() == again.evaluate(samples=3).to_dict()


def test_samples_depend_on_their_seed_alone(digits, tmp_path):
    run = vk.train("vae", digits, folder=tmp_path / "run", arguments={"latent": 2, "hidden": (8,)}, **QUICK)
    torch.manual_seed(1)
    first = run.sample(4, seed=9)
    torch.manual_seed(2)
    assert torch.equal(first, run.sample(4, seed=9))
    assert not torch.equal(first, run.sample(4, seed=8))


@pytest.fixture
def finished(digits, tmp_path):
    vk.train("vae", digits, folder=tmp_path / "run", arguments={"latent": 2, "hidden": (8,)}, **QUICK)
    return tmp_path / "run"


def test_a_folder_that_holds_something_is_not_written_into(digits, finished):
    before = (finished / "run.json").read_bytes()
    with pytest.raises(ValueError, match="already holds something"):
        vk.train("vae", digits, folder=finished, **QUICK)
    assert (finished / "run.json").read_bytes() == before


def test_weights_of_another_shape_are_refused_by_name(finished):
    weights = load_file(finished / "best.safetensors")
    name = next(iter(weights))
    save_file({**weights, name: torch.zeros(3)}, finished / "best.safetensors")
    with pytest.raises(ValueError, match="shape"):
        vk.load(finished)


def test_a_truncated_weights_file_is_refused_in_a_sentence(finished):
    file = finished / "best.safetensors"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(ValueError, match="not a readable safetensors file"):
        vk.load(finished)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"format": 99}, "update vaekit"),
        ({"recipe": "os.system"}, "there is no recipe"),
        ({"recipe": "parts"}, "there is no recipe"),
        ({"arguments": {"latent": 0}}, "latent must be at least 1"),
        ({"arguments": {"latnt": 3}}, "did you mean latent"),
        ({"arguments": {"latent": "__import__('os')"}}, "latent must be of type int"),
    ],
)
def test_a_record_that_asks_for_what_is_not_there_is_refused(finished, change, sentence):
    path = finished / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ValueError, match=sentence):
        vk.load(finished)


def test_a_broken_record_is_refused_in_a_sentence(finished):
    (finished / "run.json").write_text("{")
    with pytest.raises(ValueError, match="not valid JSON"):
        vk.load(finished)
    (finished / "run.json").unlink()
    with pytest.raises(ValueError, match="is no run"):
        vk.load(finished)


def test_collapse_is_said_in_words(digits, tmp_path):
    said = []

    class Listens(Silent):
        def note(self, text):
            said.append(text)

    options = {**QUICK, "report": Listens(), "epochs": 30, "lr": 0.01}
    vk.fit(composed(), vk.Distortion() + 1000.0 * vk.Rate(), digits, folder=tmp_path / "run", **options)
    assert sum("collapsing: none of its 4 dimensions varies with x" in text for text in said) == 1


def test_a_record_that_lacks_a_part_is_refused_in_a_sentence(finished):
    path = finished / "run.json"
    path.write_text(json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k != "plan"}))
    with pytest.raises(ValueError, match="not as vaekit wrote it: it lacks 'plan'"):
        vk.resume(finished)


def test_double_precision_trains_to_the_end(digits, tmp_path):
    arguments = {"latent": 2, "hidden": (8,)}
    run = vk.train("vae", digits, folder=tmp_path / "run", arguments=arguments, precision="64-true", **QUICK)
    assert run.record["status"] == "finished"
    assert run.evaluate(samples=2).to_dict()["examples"] == len(digits.test)
