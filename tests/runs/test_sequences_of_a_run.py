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
from vaekit.report.sequences import table_of
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


def test_a_swap_has_each_latent_of_its_own_clip(clips):
    _, split = clips.split()
    order = split.lengths.argsort()
    a, b = int(order[0]), int(order[-1])
    first, second = (clips.codes(split.select(torch.tensor([i]))) for i in (a, b))
    n = int(split.lengths[b])
    wanted = clips.decode({"content": first["content"], "motion": second["motion"][:, :n]})[0]
    made = clips.swap(a, b)
    assert_close(made[:n], wanted)
    assert not made[n:].any()
    assert_close(clips.swap(b, b), clips.reconstruct(split)[b])
    assert_close(clips.swaps([a, b])[0, 1], made)


def test_the_report_s_table_is_that_of_the_run(clips):
    split = clips.split()[1].first(3)
    name, grid = table_of(clips.subject(samples=2), split.all())
    assert (name, grid.shape[0]) == ("content", 16)
    grid = grid.unflatten(0, (4, 4))
    assert_close(grid[1:, 1:], clips.swaps(split))
    assert_close(grid[0, 1:], torch.stack([clips.example(i) for i in range(3)]))
    assert_close(grid[1:, 0], grid[0, 1:])


def test_content_here_with_motion_there_is_motion_there_with_content_here(clips):
    for a, b in ((0, 1), (1, 0), (2, 3)):
        assert_close(clips.swap(a, b, latent="content"), clips.swap(b, a, latent="motion"))
    x = torch.rand(2, 4, 1, 32, 32)
    assert_close(clips.swap(x[:1], x[1:], "content"), clips.swap(x[1:], x[:1], "motion"))


def test_a_swap_ends_where_its_motion_ends(clips):
    short, long = torch.rand(1, 3, 1, 32, 32), torch.rand(1, 5, 1, 32, 32)
    assert clips.swap(short, long).shape[0] == 5
    assert clips.swap(short, long, "motion").shape[0] == 3


def test_a_held_out_example_is_blank_behind_its_end(clips):
    _, split = clips.split()
    for i, length in enumerate(split.lengths.tolist()):
        x = clips.example(i)
        assert torch.equal(x[:length], split.read(split.x)[i, :length])
        assert not x[length:].any()


def test_swaps_that_mean_nothing_are_refused(clips, paths):
    with pytest.raises(ValueError, match="swap needs a model with several latents, this one has z"):
        paths.swap(0, 1)
    with pytest.raises(ValueError, match="no latent is named 'style': this model has content, motion"):
        clips.swap(0, 1, latent="style")
    with pytest.raises(ValueError, match="latent must name some of content, motion and leave others"):
        clips.swap(0, 1, latent=["content", "motion"])
    with pytest.raises(ValueError, match="examples must be numbers of 12 held-out examples, got 99"):
        clips.swaps([0, 99])


def test_codes_of_a_table_decode(clips, paths, tmp_path):
    for run, latent in ((paths, "z"), (clips, "motion")):
        _, split = run.split()
        np.savez(tmp_path / "x.npz", x=(split.x).numpy(), lengths=split.lengths.numpy())
        codes, made = str(tmp_path / "codes.csv"), str(tmp_path / "made.npy")
        main(["encode", str(run.path), str(tmp_path / "x.npz"), "--latent", latent, "-o", codes])
        main(["decode", str(run.path), codes, "--latent", latent, "-o", made])
        wanted = run.decode(run.codes(split)[latent], latent=latent)
        np.testing.assert_allclose(np.load(made), wanted, atol=1e-4)
    with pytest.raises(ValueError, match=r"codes of z must have the shape \(N, 6, 2\), got \(3, 5\)"):
        paths.decode(torch.zeros(3, 5))


@pytest.mark.parametrize("command", ["score", "encode", "reconstruct"])
def test_lengths_beside_a_file_are_those_in_an_archive(paths, tmp_path, command):
    run = str(paths.path)
    x, lengths = np.random.default_rng(0).normal(size=(5, T, 2)).astype(np.float32), np.array([1, 3, 6, 2, 5])
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "lengths.npy", lengths)
    np.savez(tmp_path / "both.npz", x=x, lengths=lengths)
    given = ["--lengths", str(tmp_path / "lengths.npy")]
    for name, more in (("x.npy", given), ("both.npz", []), ("x.npy", [])):
        out = tmp_path / f"{name}-{bool(more)}.npy"
        main([command, run, str(tmp_path / name), *more, "-o", str(out)])
    found = [np.load(tmp_path / f"{name}.npy") for name in ("x.npy-True", "both.npz-False", "x.npy-False")]
    assert np.array_equal(found[0], found[1])
    assert not np.allclose(found[0], found[2])


def test_lengths_that_belong_to_nothing_are_refused(paths, clips, tmp_path, capsys):
    np.save(tmp_path / "lengths.npy", [3])
    with pytest.raises(SystemExit):
        main(
            ["reconstruct", str(paths.path), "--lengths", str(tmp_path / "lengths.npy"), "-o", str(tmp_path / "x.npy")]
        )
    assert "lengths must be given with new examples, got them for a split" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["swap", str(clips.path), "0", "1", "--lengths", str(tmp_path / "lengths.npy")])
    assert "lengths must be one for each of 0 files, got 1" in capsys.readouterr().err


def test_scores_of_the_training_file_are_those_of_its_own_lengths(tmp_path):
    x = np.random.default_rng(0).normal(size=(40, 5, 2)).cumsum(1).astype(np.float32)
    lengths = np.arange(40) % 5 + 1
    x[np.arange(5) >= lengths[:, None]] = 1e4
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "lengths.npy", lengths)
    words = ["--recipe", "vrnn", "--latent", "2", "--recurrent", "4", "--epochs", "1", "--no-report"]
    given = ["--lengths", str(tmp_path / "lengths.npy"), "--accelerator", "cpu", "--out", str(tmp_path / "run")]
    main(["train", str(tmp_path / "x.npy"), *words, *given, "--scores", str(tmp_path / "scores.npy")])
    found = np.load(tmp_path / "scores.npy")
    run = vk.load(tmp_path / "run")
    for length in (1, 5):
        rows = lengths == length
        alone = run.score(x[rows][:, :length], samples=100)["log_likelihood"]
        assert abs(found[rows, 1].mean() - float(alone.mean())) < 0.5
    assert np.abs(found[:, 1:]).max() < 100


def test_clips_of_other_lengths_stand_side_by_side(clips, tmp_path):
    for name, steps in (("a.npy", 3), ("b.npy", 5)):
        np.save(tmp_path / name, np.random.default_rng(steps).integers(0, 17, (1, steps, 1, 32, 32)).astype(np.uint8))
    both = [str(tmp_path / name) for name in ("a.npy", "b.npy")]
    main(["swap", str(clips.path), *both, "-o", str(tmp_path / "swap.gif")])
    assert 1 <= frames(tmp_path / "swap.gif") <= 5
    np.save(tmp_path / "ends.npy", [2, 4])
    main(["swap", str(clips.path), *both, "--lengths", str(tmp_path / "ends.npy"), "-o", str(tmp_path / "swap.npy")])
    made = np.load(tmp_path / "swap.npy")
    assert made.shape[0] == 5
    assert not made[4:].any()
    assert made[:4].any()


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
