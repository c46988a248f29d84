"""A run goes on with the data it began with, or says what has changed."""

import json

import numpy as np
import pytest
import torch

import vaekit as vk
from vaekit.runs.sameness import check_same, examples_of
from vaekit.training import Silent
from vaekit.training.folder import RunFolder

QUICK = {"epochs": 2, "batch_size": 50, "accelerator": "cpu", "report": Silent()}
TINY = {"latent": 2, "hidden": (8,)}
PIXELS = np.random.default_rng(0).integers(0, 256, (200, 1, 8, 8), dtype=np.uint8)
LABELS = np.arange(200) % 4


def stored(folder, x=PIXELS, y=LABELS):
    np.savez(folder / "faces.npz", x=x, y=y)
    return vk.data.open(folder / "faces.npz")


def everything_in(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("x", "y", "said"),
    [
        (np.concatenate([PIXELS, PIXELS[:50]]), np.arange(250) % 4, "split 'train' had 180 examples and has 230"),
        (PIXELS[::-1], LABELS[::-1], "holds other examples, or the same ones in another order"),
        (PIXELS, LABELS[::-1], "holds other examples"),
        (np.concatenate([PIXELS, PIXELS], 3), LABELS, r"shape was \(1, 8, 8\) and is \(1, 8, 16\)"),
    ],
)
def test_a_run_does_not_go_on_with_other_data(tmp_path, x, y, said):
    folder = tmp_path / "run"
    vk.train("vae", stored(tmp_path), folder=folder, arguments=TINY, **QUICK)
    before = everything_in(folder)
    stored(tmp_path, x, y)
    with pytest.raises(ValueError, match=f"not those that the run was trained on: .*{said}.*; train a new run"):
        vk.resume(folder, epochs=4, report=Silent())
    assert everything_in(folder) == before


def test_a_model_composed_by_hand_does_not_go_on_with_other_data(tmp_path):
    data, folder = stored(tmp_path), tmp_path / "run"
    model = vk.train("vae", data, folder=tmp_path / "other", arguments=TINY, **QUICK).model
    vk.fit(model, vk.Distortion() + vk.Rate(), data, folder=folder, **QUICK)
    other = stored(tmp_path, PIXELS[:150], LABELS[:150])
    with pytest.raises(ValueError, match="split 'train' had 180 examples and has 135"):
        vk.fit(model, vk.Distortion() + vk.Rate(), other, folder=folder, resuming=True, **QUICK | {"epochs": 3})


@pytest.mark.parametrize("options", [{}, {"binarise": "visit"}, {"dequantise": True}, {"memory": 1e-9}])
def test_data_that_are_opened_again_are_the_same_whatever_is_drawn_at_a_visit(tmp_path, options):
    np.save(tmp_path / "x.npy", PIXELS)
    first, again = (vk.data.open(tmp_path / "x.npy", **options) for _ in range(2))
    torch.rand(3)
    again.train.batch(torch.arange(5))
    assert examples_of(again) == examples_of(first)


def test_labels_as_context_change_no_fingerprint_and_are_not_missed(tmp_path):
    data = stored(tmp_path)
    assert examples_of(data.conditioned_on_labels()) == examples_of(data)
    run = vk.train("cvae", data, folder=tmp_path / "run", arguments=TINY, **QUICK)
    check_same(run.record, data)
    check_same(run.record, data.conditioned_on_labels())
    assert len(vk.resume(tmp_path / "run", epochs=3, report=Silent()).metrics) == 3


def test_a_record_from_before_examples_were_written_down_passes(tmp_path):
    data = stored(tmp_path)
    run = vk.train("vae", data, folder=tmp_path / "run", arguments=TINY, **QUICK)
    old = {name: value for name, value in run.record.items() if name != "examples"}
    check_same(old, stored(tmp_path, PIXELS[:150], LABELS[:150]))


@pytest.mark.parametrize("said", [{}, {"train": 3}, {"train": {"count": "many"}}, {"odd": {"count": 1}}])
def test_a_foreign_record_of_the_examples_is_refused_in_a_sentence(tmp_path, said):
    data = stored(tmp_path)
    run = vk.train("vae", data, folder=tmp_path / "run", arguments=TINY, **QUICK)
    with pytest.raises(ValueError, match="the data are not those"):
        check_same({**run.record, "examples": said}, data)


@pytest.mark.parametrize("seconds", ["long", True, -1, float("nan"), float("inf"), 10**400, None])
def test_a_duration_that_is_none_is_refused_before_training(tmp_path, seconds):
    run = vk.train("vae", stored(tmp_path), folder=tmp_path / "run", arguments=TINY, **QUICK)
    (run.path / "run.json").write_text(json.dumps({**run.record, "seconds": seconds}))
    with pytest.raises(ValueError, match="seconds"):
        RunFolder(run.path).read()
