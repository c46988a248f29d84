"""Runs on sequences: what they are asked, what they write, and lengths that are heeded everywhere."""

import json
import re

import numpy as np
import pytest
import torch
from PIL import Image
from torch.testing import assert_close

import vaekit as vk
from vaekit.cli.main import main
from vaekit.evaluation import bound
from vaekit.models import Mean, Set
from vaekit.training import Silent

pytestmark = pytest.mark.slow

SMALL = {"latent": 3, "content": 4, "recurrent": 8, "channels": (4, 4)}
PLAN = {"epochs": 1, "batch_size": 20, "report": Silent(), "accelerator": "cpu"}
T = 6


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """A dsvae of clips with lengths from 3 to 6."""
    folder = tmp_path_factory.mktemp("runs") / "clips"
    data = vk.data.open("moving-digits:80x3-6", test=12, valid=8)
    return vk.train("dsvae", data, folder=folder, arguments=SMALL, **PLAN)


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """A vrnn of vectors over time."""
    folder = tmp_path_factory.mktemp("runs") / "paths"
    x = np.random.default_rng(0).normal(size=(60, T, 2)).cumsum(1).astype(np.float32)
    np.savez(folder.parent / "paths.npz", x=x, lengths=np.arange(60) % T + 1)
    data = vk.data.open(folder.parent / "paths.npz", test=10)
    return vk.train("vrnn", data, folder=folder, arguments={"latent": 2, "recurrent": 6}, **PLAN)


def test_a_run_opens_again_with_its_lengths(clips):
    again = vk.load(clips.path)
    assert again.spec == clips.spec
    assert torch.equal(again.data.test.lengths, clips.data.test.lengths)


def test_samples_have_any_length(clips, paths):
    assert clips.sample(2).shape == (2, T, 1, 32, 32)
    assert clips.sample(2, length=9).shape == (2, 9, 1, 32, 32)
    assert paths.sample(3, length=1).shape == (3, 1, 2)


@pytest.mark.parametrize("which", ["clips", "paths"])
def test_nothing_is_shown_behind_an_end(which, request):
    run = request.getfixturevalue(which)
    _, split = run.split()
    mask = split.all()["mask"]
    assert not run.reconstruct(split)[~mask].any()
    (name,) = [name for name in run.latents if name != "content"]
    codes = run.codes(split)[name]
    assert not codes[~mask].any()
    assert codes[mask].any()


@pytest.mark.parametrize("which", ["clips", "paths"])
def test_what_stands_behind_an_end_changes_nothing_that_a_run_says(which, request):
    run = request.getfixturevalue(which)
    _, split = run.split()
    x, lengths = split.read(split.x), split.lengths
    exists = torch.arange(T) < lengths[:, None]
    noise = torch.where(exists.reshape(*exists.shape, *(1,) * (x.ndim - 2)), x, torch.rand(x.shape))
    one, other = (vk.data.read(values, run.spec, lengths=lengths.numpy()) for values in (x, noise))
    assert_close(run.score(one, samples=3), run.score(other, samples=3))
    assert_close(run.reconstruct(one), run.reconstruct(other))
    assert_close(run.codes(one), run.codes(other))


def test_longer_sequences_are_read_and_rebuilt(paths):
    x = np.zeros((2, 3 * T, 2), np.float32)
    assert paths.reconstruct(x).shape == x.shape
    assert paths.decode(paths.encode(x)).shape == x.shape


def test_bits_are_of_the_elements_that_exist(tmp_path):
    rng = np.random.default_rng(0)
    x, lengths = rng.integers(0, 2, (60, 4, 3)), rng.integers(1, 5, 60)
    data = vk.data.open(x, lengths=lengths, test=30)
    run = vk.train("vrnn", data, folder=tmp_path / "bits", arguments={"latent": 2, "recurrent": 4}, **PLAN)
    figures = run.evaluate(samples=2)
    elbo = bound(run.model, run.data.test).elbo.values
    elements = 3 * run.data.test.lengths
    assert figures.bits_per_dim_bound.value == pytest.approx(-float(elbo.sum() / elements.sum()) / np.log(2))
    draws = torch.randint(30, (4000, 30), generator=torch.Generator().manual_seed(0))
    spread = (elbo[draws].sum(1) / elements[draws].sum(1)).std() / np.log(2)
    assert figures.bits_per_dim_bound.standard_error == pytest.approx(float(spread), rel=0.1)  # the bootstrap's


def test_a_swap_is_the_walk_of_the_second_with_the_first_ones_latent_set(clips):
    _, split = clips.split()
    order = split.lengths.argsort()
    a, b = int(order[0]), int(order[-1])
    batches = [split.select(torch.tensor([i])).all() for i in (a, b)]
    model = clips.model
    with torch.no_grad():
        content = model.infer({n: batches[0][n] for n in ("x", "mask")}, default=Mean()).latents["content"].value
        at = {"content": Set(content)}
        wanted = model.infer({n: batches[1][n] for n in ("x", "mask")}, at=at, default=Mean())
    n = int(split.lengths[b])
    assert_close(clips.swap(a, b)[:n], wanted.likelihoods["x"].distribution.mean[0, :n])
    assert_close(clips.swap(b, b), clips.reconstruct(split)[b])
    table = clips.swaps([a, b])
    assert_close(table[0, 1], clips.swap(a, b))
    assert_close(clips.swap(b, a, latent="motion")[: int(split.lengths[a])].isfinite().all(), torch.tensor(True))
    if split.lengths[a] < split.lengths[b]:
        with pytest.raises(ValueError, match="motion must have a step for each of the other example's, got"):
            clips.swap(a, b, latent="motion")


def test_swaps_that_mean_nothing_are_refused(clips, paths):
    with pytest.raises(ValueError, match="swap needs a model with several latents, this one has z"):
        paths.swap(0, 1)
    with pytest.raises(ValueError, match="no latent is named 'style': this model has content, motion"):
        clips.swap(0, 1, latent="style")
    with pytest.raises(ValueError, match="latent must name some of content, motion and leave others"):
        clips.swap(0, 1, latent=["content", "motion"])
    with pytest.raises(ValueError, match="examples must be numbers of 12 held-out examples, got 99"):
        clips.swaps([0, 99])


def frames(path):
    return Image.open(path).n_frames


def said(capsys):
    return json.loads(capsys.readouterr().out)


def test_commands_write_moving_pictures(clips, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = str(clips.path)
    main(["swap", run, "0", "1", "--json"])
    assert said(capsys) == {"file": "swap.gif", "latents": ["content"]}
    main(["swap", run, "0", "1", "2", "-o", "table.png"])
    main(["swap", run, "0", "1", "-o", "swap.npy"])
    main(["sample", run, "-n", "4", "--length", "9", "-o", "long.gif"])
    main(["sample", run, "-n", "4"])
    main(["reconstruct", run, "-n", "4"])
    main(["levels", run, "-n", "3"])
    assert frames("long.gif") == 9
    assert np.load("swap.npy").shape == (T, 1, 32, 32)
    for name in ("swap.gif", "samples.gif", "reconstructions.gif", "levels.gif"):
        assert 1 <= frames(name) <= T
    assert Image.open("table.png").size == (6 * 66 - 2, 16 * 66 - 2)  # 6 frames of 4 rows of 4 clips
    with pytest.raises(SystemExit):
        main(["sample", run, "-o", "samples.csv"])
    assert "-o must name a .npy or .gif or .png file" in capsys.readouterr().err


@pytest.mark.parametrize("which", ["clips", "paths"])
def test_a_page_shows_sequences(which, request):
    run = request.getfixturevalue(which)
    page = run.report(samples=2).read_text()
    assert "<script" not in page
    if which == "clips":
        assert page.count("data:image/gif;base64,") == 3
        assert re.search(r"<h2[^>]*>The content of one clip in another", page)
        assert (run.path / "reconstructions.png").is_file()


def test_collapse_is_told_of_the_motion_too(clips):
    columns = clips.metrics[0]
    assert {"valid/active:content", "valid/active:motion"} <= set(columns)
    use = clips.evaluate(samples=2).latents["motion"]
    parts = bound(clips.model, clips.data.test)
    assert float(use.rate.sum()) == pytest.approx(parts.rates["motion"].mean, rel=1e-4)


def test_flat_recipes_refuse_lengths_and_sequence_recipes_refuse_pictures(tmp_path):
    with pytest.raises(ValueError, match="this recipe takes whole examples and cannot heed where each ends"):
        vk.train("vae", vk.data.open("moving-digits:30x2-3"), folder=tmp_path / "no", **PLAN)
    with pytest.raises(ValueError, match=r"dsvae needs sequences, examples \(steps, \*frame\), got digits: 1x8x8"):
        vk.train("dsvae", vk.data.open("digits"), folder=tmp_path / "no", **PLAN)
