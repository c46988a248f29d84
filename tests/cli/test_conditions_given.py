"""Runs that complete pictures, and runs that are conditioned on captions, from Python and through every command."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

import vaekit as vk
from vaekit.cli.main import main
from vaekit.networks import quadrants

TINY = ["--epochs", "2", "--hidden", "16", "--latent", "3", "--accelerator", "cpu", "--no-report"]
MASK = quadrants((1, 8, 8), 1)


@pytest.fixture(scope="module")
def completing(tmp_path_factory):
    """A run on the digits of scikit-learn that is shown their lower left quadrant."""
    place = tmp_path_factory.mktemp("completing") / "run"
    main(
        [
            "train",
            "digits",
            "--recipe",
            "cvae",
            "--observed-quadrants",
            "1",
            "--limit",
            "300",
            "--out",
            str(place),
            *TINY,
        ]
    )
    return place


@pytest.fixture(scope="module")
def captioned(tmp_path_factory):
    """A run on pictures with captions in an archive."""
    folder = tmp_path_factory.mktemp("captioned")
    rng = np.random.default_rng(0)
    tokens = rng.integers(-1, 5, (80, 3))
    np.savez(folder / "pictures.npz", x=rng.integers(0, 2, (80, 1, 6, 6)).astype(np.uint8), context=tokens)
    np.save(folder / "captions.npy", tokens[:7])
    main(
        ["train", str(folder / "pictures.npz"), "--recipe", "cvae", "--width", "8", "--out", str(folder / "run"), *TINY]
    )
    return folder


def refused(capsys, *words):
    capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        main(list(map(str, words)))
    assert stopped.value.code == 2
    return capsys.readouterr().err


def test_completions_keep_the_observed_part_of_every_example(completing):
    run = vk.load(completing)
    made = run.complete(n=5)
    x = run.split()[1].first(8).all()["x"]
    assert made.shape == (8, 5, 1, 8, 8)
    assert torch.equal(made[..., MASK], x[:, MASK][:, None].expand(8, 5, 16))
    assert (made[:, 0] - made[:, 1]).abs().max() > 0
    assert torch.equal(run.complete(n=5), made)
    drawn = run.complete(n=2, mean=False) * 16
    assert torch.allclose(drawn, drawn.round(), atol=1e-4)


def test_the_command_draws_completions_or_writes_their_numbers(completing, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    main(["complete", str(completing)])
    assert capsys.readouterr().out.strip() == "completions.png"
    wide, tall = Image.open("completions.png").size
    assert wide > tall > 8 * 64
    main(["complete", str(completing), "3", "0", "-n", "4", "-o", "two.npy", "--json"])
    assert json.loads(capsys.readouterr().out)["shape"] == [2, 4, 1, 8, 8]
    run = vk.load(completing)
    assert np.allclose(np.load("two.npy"), run.complete(run.split()[1].select(torch.tensor([3, 0])), 4))


def test_new_pictures_are_completed_from_a_file(completing, tmp_path):
    x = vk.load(completing).split()[1].first(3).all()["x"]
    np.save(tmp_path / "new.npy", x.numpy())
    main(["complete", str(completing), str(tmp_path / "new.npy"), "-n", "2", "-o", str(tmp_path / "made.npy")])
    made = torch.from_numpy(np.load(tmp_path / "made.npy"))
    assert made.shape == (3, 2, 1, 8, 8)
    assert torch.allclose(made[..., MASK], x[:, MASK][:, None].expand(3, 2, 16))


def test_samples_are_drawn_in_the_contexts_given_in_turn(completing):
    run = vk.load(completing)
    x = run.split()[1].first(3).all()["x"]
    made = run.sample(7, context=x.numpy())
    assert torch.allclose(made[:, MASK], x[[0, 1, 2, 0, 1, 2, 0]][:, MASK])
    assert run.sample(context=run.split()[1].first(3)).shape == (3, 1, 8, 8)


@pytest.mark.parametrize(
    "words",
    [
        ("evaluate", "--samples", "2"),
        ("reconstruct", "-n", "3"),
        ("interpolate", "0", "1"),
        ("traverse", "0", "--steps", "3"),
    ],
)
def test_every_other_question_is_answered_in_the_example_s_own_context(completing, tmp_path, words, monkeypatch):
    monkeypatch.chdir(tmp_path)
    main([words[0], str(completing), *words[1:]])


def test_interpolations_go_from_one_observed_part_to_the_other(completing):
    run = vk.load(completing)
    x = run.split()[1].first(2).all()["x"]
    between = run.interpolate(0, 1, 5)
    assert torch.allclose(between[[0, -1]][:, MASK], x[:, MASK])
    assert torch.allclose(between[2][MASK], x.mean(0)[MASK])


def test_what_completions_cannot_be_made_of_is_refused(completing, captioned, tmp_path, capsys):
    assert "examples must be numbers of" in refused(capsys, "complete", completing, "9999")
    assert "n must be at least 1, got 0" in refused(capsys, "complete", completing, "-n", "0")
    assert "-o must name a .png or .npy file" in refused(capsys, "complete", completing, "-o", "x.csv")
    assert "this model completes nothing" in refused(capsys, "complete", captioned / "run")
    assert "this model completes examples: give --context" in refused(capsys, "sample", completing)


def test_samples_of_captions(captioned, tmp_path, capsys):
    folder = captioned
    out = tmp_path / "samples.npy"
    main(["sample", str(folder / "run"), "--context", str(folder / "captions.npy"), "-o", str(out)])
    assert np.load(out).shape == (7, 1, 6, 6)
    main(["sample", str(folder / "run"), "--context", str(folder / "captions.npy"), "-n", "9", "-o", str(out)])
    assert np.load(out).shape == (9, 1, 6, 6)
    run = vk.load(folder / "run")
    tokens = torch.from_numpy(np.load(folder / "captions.npy"))
    longer = torch.cat([tokens, torch.full((7, 4), -1)], 1)
    assert torch.equal(run.sample(context=tokens), run.sample(context=longer))


@pytest.mark.parametrize("command", ["score", "encode", "reconstruct"])
def test_pictures_come_with_their_captions_in_one_file_or_in_two(captioned, tmp_path, command, capsys):
    run, archive = captioned / "run", captioned / "pictures.npz"
    with np.load(archive) as arrays:
        np.save(tmp_path / "x.npy", arrays["x"][:7])
        np.savez(tmp_path / "both.npz", x=arrays["x"][:7], context=arrays["context"][:7])
    for name, more in (("both.npz", []), ("x.npy", ["--context", str(captioned / "captions.npy")])):
        main([command, str(run), str(tmp_path / name), *more, "-o", str(tmp_path / f"{name}.npy")])
    assert np.array_equal(np.load(tmp_path / "both.npz.npy"), np.load(tmp_path / "x.npy.npy"))
    assert "this model needs a context of shape (3) beside every example" in refused(
        capsys, command, run, tmp_path / "x.npy", "-o", tmp_path / "z.npy"
    )


def test_codes_are_decoded_in_their_captions(captioned, tmp_path, capsys):
    run = captioned / "run"
    np.save(tmp_path / "z.npy", np.zeros((7, 3), np.float32))
    given, out = str(captioned / "captions.npy"), tmp_path / "x.npy"
    main(["decode", str(run), str(tmp_path / "z.npy"), "--context", given, "-o", str(out)])
    assert np.load(out).shape == (7, 1, 6, 6)
    assert "this model needs a context of shape (n, 3)" in refused(capsys, "decode", run, tmp_path / "z.npy")


def test_what_is_no_caption_is_refused_in_a_sentence(captioned, tmp_path, capsys):
    np.save(tmp_path / "unknown.npy", np.array([[0, 9, 1]]))
    np.save(tmp_path / "two.npy", np.array([[0, 1, 1]] * 2))
    run = captioned / "run"
    said = refused(capsys, "sample", run, "--context", tmp_path / "unknown.npy")
    assert "context must be tokens that the data had, 0 to 4 (or -1 for none), got 9" in said
    assert "give --context" in refused(capsys, "sample", run)
    with np.load(captioned / "pictures.npz") as arrays:
        np.save(tmp_path / "x.npy", arrays["x"][:7])
    said = refused(capsys, "score", run, tmp_path / "x.npy", "--context", tmp_path / "two.npy")
    assert "context must have a row for each of the 7 examples, got 2" in said


@pytest.mark.slow
def test_a_file_of_captions_beside_a_file_of_pictures(captioned, tmp_path):
    with np.load(captioned / "pictures.npz") as arrays:
        np.save(tmp_path / "x.npy", arrays["x"])
        np.save(tmp_path / "c.npy", arrays["context"])
    place = tmp_path / "run"
    given = ["--context", str(tmp_path / "c.npy"), "--recipe", "cvae", "--width", "8", "--out", str(place)]
    main(["train", str(tmp_path / "x.npy"), *given, *TINY])
    run = vk.load(place)
    assert run.spec.vocabulary == 5
    assert run.evaluate(samples=2).log_likelihood is not None
    vk.resume(place, epochs=3, report=vk.Silent())
