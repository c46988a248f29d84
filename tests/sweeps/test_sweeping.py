"""Sweeps carried out: each run is the run that it would be alone, and nothing that happens to one stops the others."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import vaekit as vk
from vaekit.sweeps import Quiet, Sweep, sweep
from vaekit.sweeps.processes import Processes
from vaekit.training import Silent

DIGITS = {"source": "digits", "limit": 300, "binarise": "visit"}
GRID = {"latent": [2, 3], "lr": [1e-3, 1e-2]}
FIXED = {"epochs": 3, "batch_size": 50, "accelerator": "cpu"}
ARGUMENTS = {"hidden": (8,)}
QUICK = {"arguments": ARGUMENTS, "samples": 3, "report": Quiet(), **FIXED}
pytestmark = pytest.mark.slow


class Hears(Quiet):
    """Remembers which runs began, and how they ended."""

    def __init__(self):
        self.began, self.ended, self.said = [], {}, []

    def show(self, name, event):
        if not event:
            self.began.append(name)
        if "status" in event:
            self.ended[name] = event["status"]

    def note(self, text):
        self.said.append(text)


def swept(folder: Path, **changed) -> Sweep:
    return sweep(DIGITS, "vae", folder=folder, **{"grid": GRID, "seeds": 2, **QUICK, **changed})


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Sweep:
    return swept(tmp_path_factory.mktemp("whole") / "sweep", workers=1)


def metrics(folder: Path) -> dict[str, bytes]:
    return {str(path.parent.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("metrics.csv"))}


def without_clock(found: Sweep) -> list[dict]:
    return [{name: value for name, value in run.items() if name != "seconds"} for run in found.record["runs"]]


def test_every_run_is_bit_for_bit_the_one_that_training_alone_gives(whole, tmp_path):
    assert len(metrics(whole.path)) == 8
    for latent, lr, seed in [(2, 1e-3, 0), (3, 1e-3, 1), (3, 1e-2, 1)]:
        alone = tmp_path / f"{latent}-{lr}-{seed}"
        arguments, data = {**ARGUMENTS, "latent": latent}, vk.data.open(**DIGITS)
        run = vk.train("vae", data, folder=alone, arguments=arguments, report=Silent(), lr=lr, seed=seed, **FIXED)
        place = f"latent={latent},lr={lr:g}/seed-{seed}"
        assert metrics(whole.path)[place] == (alone / "metrics.csv").read_bytes()
        [entry] = [one for one in whole.record["runs"] if one["folder"] == place]
        assert entry["test"]["ELBO"] == run.evaluate(3).figures()["ELBO"].value


def test_the_number_of_workers_changes_nothing(whole, tmp_path):
    two = swept(tmp_path / "sweep", workers=2)
    assert metrics(two.path) == metrics(whole.path)
    assert without_clock(two) == without_clock(whole)


def test_ray_gives_the_same_figures(whole, tmp_path):
    pytest.importorskip("ray")
    found = swept(tmp_path / "sweep", workers=2, on="ray")
    assert metrics(found.path) == metrics(whole.path)
    assert without_clock(found) == without_clock(whole)


def test_a_run_that_breaks_is_kept_with_its_sentence_and_stops_no_other(tmp_path):
    heard = Hears()
    found = swept(tmp_path / "sweep", grid={"lr": [1e30, 1e-3]}, report=heard)
    assert set(heard.ended.values()) == {"finished", "broken"}
    assert [row.failed for row in found.rows] == [0, 2]
    assert found.best.settings == {"lr": 1e-3}
    assert all("is nan" in sentence or "is inf" in sentence for sentence in found.failures.values())
    assert found.failures.keys() == {"lr=1e+30/seed-0", "lr=1e+30/seed-1"}
    assert "lr=1e+30/seed-0: step" in str(found)
    again = Hears()
    swept(tmp_path / "sweep", grid={"lr": [1e30, 1e-3]}, report=again)
    assert again.began == []


def test_values_and_seeds_are_added_to_a_sweep_that_is_there(tmp_path):
    swept(tmp_path / "sweep", grid={"latent": [2]}, seeds=1)
    heard = Hears()
    grown = swept(tmp_path / "sweep", grid={"latent": [2, 3]}, seeds=2, report=heard)
    assert sorted(heard.began) == ["latent=2/seed-1", "latent=3/seed-0", "latent=3/seed-1"]
    assert [len(row.finished) for row in grown.rows] == [2, 2]
    with pytest.raises(ValueError, match="holds a sweep with plan"):
        swept(tmp_path / "sweep", grid={"latent": [2]}, epochs=4)
    with pytest.raises(ValueError, match="a sweep over latent, this one is over lr"):
        swept(tmp_path / "sweep", grid={"lr": [0.1]})


def test_a_worker_that_is_killed_costs_its_run_alone_and_the_next_sweep_goes_on_with_it(tmp_path, monkeypatch):
    def kill_the_first(self, slot, job, real=Processes._carry_out):
        for event in real(self, slot, job):
            if job["key"] == "latent=2/seed-0" and "epoch" in event:
                self.workers[slot].process.kill()
            yield event

    with monkeypatch.context() as patched:
        patched.setattr(Processes, "_carry_out", kill_the_first)
        found = swept(tmp_path / "sweep", grid={"latent": [2, 3]}, seeds=1, workers=1, epochs=300)
    assert found.failures == {"latent=2/seed-0": "its process was ended by SIGKILL"}
    heard = Hears()
    assert not swept(tmp_path / "sweep", grid={"latent": [2, 3]}, seeds=1, epochs=300, report=heard).failures
    assert heard.began == ["latent=2/seed-0"]


PROGRAM = f"""
import sys
from vaekit.sweeps import sweep
sweep({DIGITS!r}, "vae", grid={GRID!r}, seeds=2, folder=sys.argv[1], arguments={ARGUMENTS!r}, samples=3, workers=2,
      **{FIXED | {"epochs": 40, "checkpoint_seconds": 0.05}!r})
"""


def started(folder: Path) -> subprocess.Popen:
    """A sweep in a process of its own, once its first run has ended and others are under way."""
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(folder)], stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 120
    while time.monotonic() < until:
        record = folder / "sweep.json"
        statuses = [run["status"] for run in json.loads(record.read_text())["runs"]] if record.exists() else []
        if "finished" in statuses and "running" in statuses:
            return process
        time.sleep(0.01)
    process.kill()
    raise AssertionError(process.stderr.read())


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_sweep_that_was_stopped_goes_on_to_the_same_table_without_repeating_a_run(how, tmp_path):
    settings = {"epochs": 40, "checkpoint_seconds": 0.05, "workers": 2}
    unbroken = swept(tmp_path / "unbroken", **settings)
    process = started(tmp_path / "sweep")
    os.kill(process.pid, how)
    said = process.communicate(timeout=60)[1]
    before = {run["folder"]: run for run in Sweep(tmp_path / "sweep").record["runs"]}
    finished = [folder for folder, run in before.items() if run["status"] == "finished"]
    assert 0 < len(finished) < 8
    if how == signal.SIGINT:
        assert "goes on" in said
        assert {run["status"] for run in before.values()} <= {"finished", "interrupted", "waiting"}
    time.sleep(1.0)
    heard = Hears()
    found = swept(tmp_path / "sweep", report=heard, **settings)
    assert sorted(heard.began) == sorted(set(before) - set(finished))
    assert metrics(found.path) == metrics(unbroken.path)
    assert without_clock(found) == without_clock(unbroken)
    assert found.to_dict()["cells"] == unbroken.to_dict()["cells"]


def test_a_worker_ends_where_whoever_gave_it_work_is_gone(tmp_path):
    worker = subprocess.Popen(
        [sys.executable, "-m", "vaekit.sweeps.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    plan = {**FIXED, "epochs": 1_000_000, "patience": 0}
    job = {"folder": str(tmp_path / "run"), "data": DIGITS, "recipe": "vae", "arguments": {}, "plan": plan}
    worker.stdin.write(json.dumps({**job, "seed": 0, "threads": 1, "samples": 0, "limit": None}) + "\n")
    worker.stdin.flush()
    assert "epoch" in json.loads(worker.stdout.readline())
    worker.stdin.close()
    try:
        assert worker.wait(20) == 1
    finally:
        worker.kill()
