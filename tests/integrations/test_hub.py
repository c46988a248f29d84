"""Runs on a hub: what goes up, what the card says, and that what comes down is the run."""

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from integrations.fake_hub import serving

import vaekit as vk
from vaekit.integrations.hub import pull, push
from vaekit.training import Silent

QUICK = {"epochs": 2, "batch_size": 50, "accelerator": "cpu", "report": Silent()}
TINY = {"latent": 2, "hidden": (8,)}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of pictures that came from a file of the user's own."""
    folder = tmp_path_factory.mktemp("secret-place")
    pixels = np.random.default_rng(0).integers(0, 256, (200, 1, 8, 8), dtype=np.uint8)
    np.save(folder / "faces.npy", pixels)
    run = vk.train("vae", vk.data.open(folder / "faces.npy"), folder=folder / "run", arguments=TINY, **QUICK)
    figures = {"run": str(run.path), "split": "valid", **run.evaluate(samples=3, split="valid").to_dict()}
    (run.path / "evaluation.json").write_text(json.dumps(figures))
    (run.path / "report.html").write_text(f"<p>vaekit train {folder}/faces.npy --out {run.path}</p>")
    return run


@pytest.fixture
def pushed(run, tmp_path) -> Path:
    return Path(push(run.path, "someone/faces", to=tmp_path / "repository"))


def test_a_pushed_run_comes_back_as_the_same_model(run, pushed):
    again = vk.from_pretrained(pushed)
    assert torch.equal(again.sample(5, seed=1), run.sample(5, seed=1))
    assert again.metrics == run.metrics
    assert again.spec == run.spec


def test_only_data_free_files_go_up(run, pushed):
    names = {path.relative_to(pushed).as_posix() for path in pushed.rglob("*")}
    pictures = {path.name for path in run.path.glob("*.png")}
    assert pictures
    plain = {"run.json", "best.safetensors", "metrics.csv", "evaluation.json", "report.html", "README.md"}
    assert names == plain | pictures


def test_no_path_of_this_machine_goes_up(run, pushed):
    told = b"".join(path.read_bytes() for path in pushed.iterdir() if path.suffix not in (".png", ".safetensors"))
    assert b"secret-place" in (run.path / "run.json").read_bytes()
    assert b"secret-place" not in told
    assert json.loads((pushed / "run.json").read_text())["data"]["source"] == "faces.npy"
    assert json.loads((pushed / "evaluation.json").read_text())["run"] == "someone/faces"
    assert "vaekit train faces.npy --out run" in (pushed / "report.html").read_text()


def test_data_that_did_not_come_along_are_missed_in_a_sentence(pushed):
    with pytest.raises(ValueError, match=r"faces\.npy"):
        _ = vk.from_pretrained(pushed).data


def test_the_card_begins_with_what_the_hub_reads(pushed):
    card = (pushed / "README.md").read_text()
    front = yaml.safe_load(re.match(r"---\n(.*?)\n---\n", card, re.DOTALL)[1])
    assert front["library_name"] == "vaekit"
    assert front["pipeline_tag"] == "unconditional-image-generation"
    assert {"vaekit", "vae"} <= set(front["tags"])


def test_the_card_says_the_numbers_with_their_errors_and_units(run, pushed):
    card = (pushed / "README.md").read_text()
    elbo = json.loads((run.path / "evaluation.json").read_text())["figures"]["ELBO"]
    assert f"| ELBO | {elbo['value']:.3f} ± {elbo['standard_error']:.3f} | nats/example |" in card
    assert 'vk.from_pretrained("someone/faces")' in card
    assert "![Samples from the prior](samples.png)" in card
    assert "1 × 8 × 8" in card
    assert "256 levels" in card
    assert "`Distortion() + Rate()`" in card


def test_a_card_without_an_evaluation_says_so(run, tmp_path):
    (run.path / "evaluation.json").rename(tmp_path / "kept")
    try:
        card = (Path(push(run.path, "someone/faces", to=tmp_path / "repository")) / "README.md").read_text()
    finally:
        (tmp_path / "kept").rename(run.path / "evaluation.json")
    assert "not evaluated on held-out data" in card
    assert "not an evaluation on test data" in card


def test_names_from_a_run_cannot_break_the_card(run, tmp_path):
    record = json.loads((run.path / "run.json").read_text())
    record["spec"]["name"] = "x\n---\n<script>alert(1)</script>|`"
    other = tmp_path / "other"
    other.mkdir()
    for name in ("best.safetensors", "metrics.csv"):
        (other / name).write_bytes((run.path / name).read_bytes())
    (other / "run.json").write_text(json.dumps(record))
    card = (Path(push(other, "someone/faces", to=tmp_path / "repository")) / "README.md").read_text()
    assert "<script>" not in card
    assert card.count("\n---\n") == 1


@pytest.mark.parametrize("name", ["", "a/b/c", "../up", "white space", "https://example.com/x"])
def test_a_name_that_no_repository_can_have_is_refused(run, name, tmp_path):
    with pytest.raises(ValueError, match="repo_id must be 'user/name'"):
        push(run.path, name, to=tmp_path / "repository")
    with pytest.raises(ValueError, match="repo_id must be 'user/name'"):
        pull(name)
    assert not (tmp_path / "repository").exists()


def test_a_folder_that_holds_something_is_not_written_into(run, tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(ValueError, match="already holds something"):
        push(run.path, "someone/faces", to=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_a_run_without_weights_cannot_be_pushed(run, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_bytes((run.path / "run.json").read_bytes())
    with pytest.raises(ValueError, match="has no best weights yet"):
        push(tmp_path / "run", "someone/faces", to=tmp_path / "repository")


def test_files_from_a_hub_are_checked_like_any_others(pushed):
    (pushed / "run.json").write_text((pushed / "run.json").read_text().replace('"vae"', '"os.system"'))
    with pytest.raises(ValueError, match=r"there is no recipe 'os\.system'"):
        vk.from_pretrained(pushed)


PROGRAM = """
import sys
import torch
import vaekit as vk
from vaekit.integrations.hub import push
print(push(sys.argv[1], "someone/faces", private=True, token="hf_not_a_token"))
ours, theirs = vk.load(sys.argv[1]), vk.from_pretrained("someone/faces", revision="main")
assert torch.equal(ours.sample(3), theirs.sample(3))
for wrong in ("someone/else",):
    try:
        vk.from_pretrained(wrong)
    except ValueError as error:
        print(error)
"""


@pytest.mark.slow
def test_over_http_a_run_goes_up_and_comes_down(run, tmp_path):
    with serving() as hub:
        hub.repositories["someone/faces"] = {"weights.pkl": b"never fetched"}
        environment = {
            **os.environ,
            "HF_ENDPOINT": hub.address,
            "HF_HOME": str(tmp_path / "cache"),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "NO_PROXY": "127.0.0.1",
        }
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(run.path)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
    assert done.returncode == 0, done.stderr
    assert hub.private["someone/faces"]
    assert {"run.json", "best.safetensors", "README.md", "samples.png"} <= set(hub.repositories["someone/faces"])
    fetched = {path.rpartition("/")[2] for method, path in hub.asked if method == "GET" and "/resolve/" in path}
    assert "best.safetensors" in fetched
    assert "weights.pkl" not in fetched
    assert "'someone/else' is neither a folder nor to be had from the hub" in done.stdout


NO_NETWORK = """
import sys
from vaekit.integrations.hub import pull, push
for action in (lambda: push(sys.argv[1], "someone/faces", token="hf_not_a_token"), lambda: pull("someone/faces")):
    try:
        action()
    except ValueError as error:
        print(error)
"""


@pytest.mark.slow
def test_without_a_network_a_push_and_a_pull_are_refused_in_a_sentence(run, tmp_path):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
        environment = {**os.environ, "HF_ENDPOINT": address, "HF_HOME": str(tmp_path), "NO_PROXY": "127.0.0.1"}
        words = [sys.executable, "-c", NO_NETWORK, str(run.path)]
        done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    pushed, pulled = done.stdout.splitlines()
    assert pushed.startswith("cannot push to 'someone/faces': ")
    assert pulled.startswith("'someone/faces' is neither a folder nor to be had from the hub: ")
