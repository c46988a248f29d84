"""The command line, run as a user runs it: exit codes, one sentence for a mistake, output that pipes."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread
from safetensors.numpy import load_file, save_file

from vaekit.cli.main import main
from vaekit.cli.options import OPEN
from vaekit.cli.training import PLAN, THEN
from vaekit.recipes import recipes

TINY = ["--limit", "300", "--epochs", "2", "--hidden", "8", "--latent", "2", "--accelerator", "cpu"]


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "run"
    main(["train", "digits", "--out", str(folder), *TINY])
    return folder


def command(*words: str, cwd: Path) -> subprocess.CompletedProcess:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", "vaekit", *words], capture_output=True, text=True, cwd=cwd, env=environment, timeout=300
    )


def refused(capsys, *words: str) -> str:
    with pytest.raises(SystemExit) as stopped:
        main(list(words))
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert "Traceback" not in said
    return " ".join(said.split())


def test_training_leaves_a_whole_run_folder(run):
    names = {path.name for path in run.iterdir()}
    assert {"run.json", "metrics.csv", "best.safetensors", "last.safetensors", "checkpoint"} <= names
    assert {"curves.png", "reconstructions.png", "samples.png", "kl.png"} <= names
    record = json.loads((run / "run.json").read_text())
    assert record["recipe"] == "vae"
    assert record["arguments"]["latent"] == 2
    assert record["data"]["limit"] == 300
    assert record["plan"]["seed"] == 0
    assert record["status"] == "finished"
    assert {"python", "torch", "vaekit"} <= set(record["versions"])


def test_evaluation_prints_json_that_a_pipe_can_read_and_keeps_it(run, capsys):
    main(["evaluate", str(run), "--samples", "7", "--json"])
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((run / "evaluation.json").read_text())
    assert printed["split"] == "test"


def test_evaluation_by_annealing_is_a_bound_and_is_kept(run, capsys):
    main(["evaluate", str(run), "--samples", "7", "--limit", "4", "--annealed", "3", "--chains", "2", "--json"])
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((run / "evaluation.json").read_text())
    assert printed["figures"]["log-likelihood (annealed)"]["what"].startswith("lower bound of log p(x)")
    assert printed["figures"]["gap of annealing"]["unit"] == "nats/example"
    assert (printed["annealing"]["steps"], printed["annealing"]["chains"]) == (3, 2)


def test_evaluation_of_the_aggregate_shows_every_dimension_and_holes(run, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    main(["evaluate", str(run), "--samples", "7", "--limit", "30", "--aggregate"])
    shown = " ".join(capsys.readouterr().out.split())
    for said in (
        "mutual information of z",
        "total correlation of z",
        "at most log N",
        "holes",
        "dimensions of z, nats",
    ):
        assert said in shown
    kept = json.loads((run / "evaluation.json").read_text())
    assert len(kept["aggregate"]["by_element"]["information"]) == 2


def test_nothing_is_annealed_in_no_steps_or_by_no_chains(run, capsys):
    assert "steps must be a whole number of at least 1, got 0" in refused(
        capsys, "evaluate", str(run), "--annealed", "0"
    )
    said = refused(capsys, "evaluate", str(run), "--annealed", "5", "--chains", "0")
    assert "chains must be a whole number of at least 1, got 0" in said


def test_a_report_replaces_the_figures_of_other_weights_than_its_own(run, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    save_file({name: 0.5 * t for name, t in load_file(copy / "last.safetensors").items()}, copy / "last.safetensors")
    main(["evaluate", str(copy), "--samples", "7", "--weights", "last"])
    assert json.loads((copy / "evaluation.json").read_text())["weights"] == "last"
    main(["report", str(copy), "--samples", "7"])
    assert json.loads((copy / "evaluation.json").read_text())["weights"] == "best"


def test_evaluation_prints_a_table_with_units(run, capsys):
    main(["evaluate", str(run), "--samples", "7"])
    shown = capsys.readouterr().out
    assert "nats" in shown
    assert "bits/dim" in shown


def test_samples_are_a_picture_or_numbers(run, tmp_path, capsys):
    main(["sample", str(run), "-n", "6", "-o", str(tmp_path / "s.png")])
    assert imread(tmp_path / "s.png").ndim >= 2
    main(["sample", str(run), "-n", "6", "-o", str(tmp_path / "s.npy")])
    assert np.load(tmp_path / "s.npy").shape == (6, 1, 8, 8)
    assert capsys.readouterr().out.split() == [str(tmp_path / "s.png"), str(tmp_path / "s.npy")]


def test_a_conditional_model_samples_the_label_asked_for(tmp_path, capsys):
    main(["train", "digits", "--recipe", "cvae", "--out", str(tmp_path / "c"), *TINY])
    main(["sample", str(tmp_path / "c"), "-n", "3", "--label", "4", "-o", str(tmp_path / "four.npy")])
    assert np.load(tmp_path / "four.npy").shape == (3, 1, 8, 8)
    assert "between 0 and 9" in refused(capsys, "sample", str(tmp_path / "c"), "--label", "10")


def test_an_interrupted_run_resumes_from_the_command_line(run, capsys):
    main(["resume", str(run), "--epochs", "3"])
    assert capsys.readouterr().out.strip() == str(run)
    assert len((run / "metrics.csv").read_text().splitlines()) == 1 + 3


def test_help_shows_each_recipes_own_options_with_their_bounds(capsys):
    main(["train", "--recipe", "iwae", "--help"])
    shown = capsys.readouterr().out
    assert "--samples" in shown
    assert "at least 1" in shown
    main(["train", "--recipe", "beta-vae", "--help"])
    assert "--beta" in capsys.readouterr().out


def test_recipes_are_listed_with_what_they_are_for(capsys):
    main(["recipes", "--json"])
    listed = json.loads(capsys.readouterr().out)
    assert {"autoencoder", "denoising-autoencoder", "vae", "conv-vae", "beta-vae", "iwae", "cvae"} <= set(listed)
    assert all(entry["summary"] for entry in listed.values())


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["train", "digits", "--recipe", "vea"], "there is no recipe 'vea': did you mean vae"),
        (["train", "digits", "--latnt", "3"], "--latent"),
        (["train", "digits", "--latent", "0"], "latent must be at least 1, got 0"),
        (["train", "digits", "--latent", "many"], "latent"),
        (["train", "digits", "--lr", "-1"], "lr must be a finite number above 0"),
        (["train", "digits", "--batch-size", "100000"], "batch_size must be at most"),
        (["train", "digits", "--likelihood", "bernoulli"], "does not fit levels data"),
        (["train", "digits", "--precision", "fp8"], "precision must be one of"),
        (["train", "nothing-of-the-name"], "nothing-of-the-name"),
        (["train", "mnist", "--data-dir", "/nonexistent"], "/nonexistent"),
        (["evaluate", "/nonexistent"], "is no run"),
        (["sample", "/nonexistent"], "is no run"),
        (["resume", "/nonexistent"], "is no run"),
    ],
)
def test_a_mistake_is_answered_in_one_sentence_and_nothing_is_left(words, sentence, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert sentence in refused(capsys, *words)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["evaluate", "--samples", "0"], "samples must be"),
        (["evaluate", "--split", "tset"], "no split 'tset'"),
        (["evaluate", "--weights", "worst"], "weights must be 'best' or 'last'"),
        (["sample", "-n", "0"], "n must be at least 1"),
        (["sample", "-o", "samples.gif"], "-o must name a .npy or .png file"),
        (["sample", "--label", "3"], "not conditioned on labels"),
    ],
)
def test_a_mistake_about_a_run_is_answered_in_one_sentence(run, words, sentence, capsys):
    assert sentence in refused(capsys, words[0], str(run), *words[1:])


def test_a_failed_training_leaves_no_folder(tmp_path, capsys):
    refused(capsys, "train", "digits", "--out", str(tmp_path / "r"), "--batch-size", "100000")
    assert not (tmp_path / "r").exists()


@pytest.mark.slow
def test_as_a_process_it_prints_the_folder_on_standard_output_and_the_rest_on_standard_error(tmp_path):
    done = command("train", "digits", "--out", "r", *TINY, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "r"
    assert "epoch 2/2" in done.stderr
    assert command("train", "digits", "--out", "r", *TINY, cwd=tmp_path).returncode == 2


@pytest.mark.slow
def test_two_processes_train_to_the_weights_of_one(tmp_path):
    """The same global batches and the same noise by example: one process and two differ by rounding alone."""
    plan = ["--limit", "300", "--epochs", "2", "--hidden", "8", "--latent", "2", "--accelerator", "cpu"]
    binarised = ["--binarise", "visit", "--batch-size", "50", "--free-bits", "0.1"]
    for devices in ("1", "2"):
        done = command("train", "digits", "--out", devices, "--devices", devices, *plan, *binarised, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    rows = [(tmp_path / d / "metrics.csv").read_text().splitlines()[-1].split(",") for d in ("1", "2")]
    assert np.allclose(*(np.array(row, dtype=float) for row in rows), rtol=1e-4)
    other = command("train", "digits", "--out", "3", "--seed", "1", *plan, *binarised, cwd=tmp_path)
    assert other.returncode == 0
    row = (tmp_path / "3" / "metrics.csv").read_text().splitlines()[-1].split(",")
    assert not np.allclose(np.array(row, dtype=float), np.array(rows[0], dtype=float), rtol=1e-4)


@pytest.mark.slow
def test_importing_vaekit_changes_nothing_outside_it(tmp_path):
    program = """
import logging, torch
def seen():
    validates = torch.distributions.Normal(0.0, 1.0)._validate_args
    return validates, torch.initial_seed(), torch.get_num_threads(), list(logging.getLogger().handlers)
before, state = seen(), torch.get_rng_state()
import vaekit
assert before == seen() and torch.equal(state, torch.get_rng_state())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_no_recipes_option_is_one_of_the_data_or_of_the_training():
    """Both would be one option of `vaekit train`."""
    taken = {p.name for p in (*OPEN, *PLAN, *THEN)}
    assert {name: taken & set(r.options) for name, r in recipes().items() if taken & set(r.options)} == {}
