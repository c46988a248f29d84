"""A run that was killed and resumed is, bit for bit, the run that never stopped."""

import multiprocessing
import os
import random
import signal
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import vaekit as vk
from vaekit.training import Silent
from vaekit.training.stepping import Stepper

KILLS = 12
SETTINGS = {"epochs": 40, "batch_size": 50, "seed": 3, "ema": 0.99, "checkpoint_seconds": 0.02, "accelerator": "cpu"}
ARGUMENTS = {"latent": 3, "hidden": (8,), "dropout": 0.2}


def data() -> vk.data.Data:
    return vk.data.open("digits", binarise="visit", limit=400)


def go_on(folder: Path) -> None:
    """Start the run, or resume it: what a user does after a crash."""
    torch.set_num_threads(1)
    if (folder / "run.json").exists():
        vk.resume(folder, report=Silent())
    else:
        vk.train("vae", data(), folder=folder, arguments=ARGUMENTS, report=Silent(), **SETTINGS)


def under_way(folder: Path, process: multiprocessing.process.BaseProcess) -> None:
    """Wait until the process has written a state of its own, or ended: from then on a kill can cost something."""
    pointer = folder / "checkpoint" / "latest"
    before = pointer.stat().st_mtime_ns if pointer.exists() else 0
    while process.is_alive() and not (pointer.exists() and pointer.stat().st_mtime_ns > before):
        time.sleep(0.005)


def same(a: Path, b: Path) -> None:
    assert (a / "metrics.csv").read_bytes() == (b / "metrics.csv").read_bytes()
    for file in ("best.safetensors", "last.safetensors"):
        ours, theirs = load_file(a / file), load_file(b / file)
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("unbroken") / "run"
    go_on(folder)
    return folder


@pytest.mark.slow
def test_a_run_killed_at_random_points_ends_as_one_that_never_stopped(unbroken, tmp_path):
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["vaekit.runs", "vaekit.report", "sklearn.datasets", "sklearn.model_selection"])
    dice, kills, runs = random.Random(0), 0, 0
    while kills < KILLS:
        folder = tmp_path / f"run-{runs}"
        while True:
            process = context.Process(target=go_on, args=(folder,))
            process.start()
            if kills < KILLS:
                under_way(folder, process)
                process.join(dice.uniform(0.0, 1.5))
            else:
                process.join()
            if process.is_alive():
                os.kill(process.pid, signal.SIGKILL)
                kills += 1
            process.join()
            if process.exitcode == 0:
                break
            assert process.exitcode == -signal.SIGKILL, f"resuming after kill {kills} failed"
        same(unbroken, folder)
        runs += 1


def test_a_longer_run_begins_like_the_shorter_one(unbroken, tmp_path):
    folder = tmp_path / "run"
    short = {**SETTINGS, "epochs": 5}
    vk.train("vae", data(), folder=folder, arguments=ARGUMENTS, report=Silent(), **short)
    vk.resume(folder, report=Silent(), epochs=40)
    same(unbroken, folder)


class PressesCtrlC(Silent):
    """Interrupts the run at its 30th step."""

    def step(self, done: int) -> None:
        if done == 30:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)


class PressesCtrlCBetweenEpochs(Silent):
    """Interrupts the run where the third epoch's figures are made."""

    def epoch(self, epoch, row):
        if epoch == 3:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)


@pytest.mark.parametrize("presses", [PressesCtrlC, PressesCtrlCBetweenEpochs])
def test_ctrl_c_saves_and_says_how_to_resume(unbroken, tmp_path, presses):
    folder, said = tmp_path / "run", []

    class Reports(presses):
        def note(self, text):
            said.append(text)

    with pytest.raises(KeyboardInterrupt):
        vk.train("vae", data(), folder=folder, arguments=ARGUMENTS, report=Reports(), **SETTINGS)
    assert any(f"vaekit resume {folder}" in text for text in said)
    assert vk.training.folder.RunFolder(folder).read()["status"] == "interrupted"
    vk.resume(folder, report=Silent())
    same(unbroken, folder)


def test_an_interruption_within_a_round_leaves_the_last_checkpoint_as_it_was(unbroken, tmp_path, monkeypatch):
    """The second Ctrl-C strikes where a step has moved the weights and is not counted yet."""
    folder, step, made = tmp_path / "run", Stepper.step, 0

    def struck(self, *given):
        nonlocal made
        loss = step(self, *given)
        made += 1
        if made == 29:
            raise KeyboardInterrupt
        return loss

    with monkeypatch.context() as patched:
        patched.setattr(Stepper, "step", struck)
        with pytest.raises(KeyboardInterrupt):
            vk.train("vae", data(), folder=folder, arguments=ARGUMENTS, report=Silent(), **SETTINGS)
    vk.resume(folder, report=Silent())
    same(unbroken, folder)
