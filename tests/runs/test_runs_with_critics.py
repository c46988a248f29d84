"""Runs with a critic: its figures in the table, exact resuming, and an end where it has won."""

import math

import numpy as np
import pytest
import torch

import vaekit as vk
from vaekit.training import Broken, Silent


def eight(n: int) -> np.ndarray:
    """Points of eight normals on a ring."""
    rng = np.random.default_rng(0)
    angle = rng.integers(8, size=n) * np.pi / 4
    return (2 * np.stack([np.cos(angle), np.sin(angle)], 1) + 0.1 * rng.normal(size=(n, 2))).astype(np.float32)


def test_its_figures_stand_in_the_table_and_a_stopped_run_goes_on_to_the_same(tmp_path):
    data = vk.data.open(eight(600), standardise=False)
    plan = {"arguments": {"latent": 2, "hidden": (16,)}, "epochs": 4, "report": Silent()}
    whole = vk.train("bigan", data, folder=tmp_path / "whole", **plan)
    row = whole.metrics[-1]
    assert {"train/fooling", "train/critic", "train/told-apart", "train/r1"} <= set(row)
    assert 0 <= row["train/told-apart"] <= 1

    class Stop(vk.Callback):
        def on_step(self, trainer, step, loss):
            if step == 12:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        vk.train("bigan", data, folder=tmp_path / "stopped", callbacks=[Stop()], **plan)
    gone_on = vk.resume(tmp_path / "stopped", data=data, report=Silent())
    assert gone_on.metrics == whole.metrics
    assert all(torch.equal(a, b) for a, b in zip(whole.model.parameters(), gone_on.model.parameters(), strict=True))


def test_a_run_in_which_the_critic_wins_stops(tmp_path):
    data = vk.data.open(eight(600), standardise=False)
    arguments = {"latent": 2, "hidden": (64, 64), "critic_lr": 0.05, "r1": 0.0}
    with pytest.raises(Broken, match=r"the critic has told .* apart for 3 epochs"):
        vk.train("bigan", data, folder=tmp_path / "r", arguments=arguments, epochs=60, lr=1e-6, report=Silent())


def test_without_a_term_that_judges_the_last_weights_are_kept(tmp_path):
    data = vk.data.open(eight(600), standardise=False)
    run = vk.train("bigan", data, folder=tmp_path / "r", arguments={"latent": 2}, epochs=3, report=Silent())
    best, last = (vk.load(run.path, weights=which).model.state_dict() for which in ("best", "last"))
    assert all(torch.equal(best[name], last[name]) for name in best)
    assert math.isfinite(run.metrics[-1]["valid/fooling"])
    page = run.report().read_text()
    assert "the last weights were kept" in page
    assert "vermilion" not in page
