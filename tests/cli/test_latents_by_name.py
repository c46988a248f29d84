"""Commands of a run with several latents, against the run itself."""

import json

import numpy as np
import pytest
from matplotlib.image import imread

import vaekit as vk
from vaekit.cli.main import main

TINY = ["--latents", "4", "3", "2", "--widths", "16", "12", "8", "--layers", "1", "--annealing-steps", "10"]


@pytest.fixture(scope="module")
def ladder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ladder") / "run"
    words = ["train", "digits", "--recipe", "ladder-vae", "--binarise", "fixed", "--limit", "300", "--out", str(folder)]
    main([*words, *TINY, "--epochs", "2", "--accelerator", "cpu", "--no-report"])
    return folder


@pytest.fixture(scope="module")
def x(tmp_path_factory):
    path = tmp_path_factory.mktemp("x") / "x.npy"
    np.save(path, np.random.default_rng(1).integers(0, 17, (5, 8, 8)).astype(np.uint8))
    return path


def said(capsys, *words):
    capsys.readouterr()
    main(list(map(str, words)))
    return capsys.readouterr().out


def test_all_codes_go_into_one_file_and_decode_from_it(ladder, x, tmp_path, capsys):
    record = json.loads(said(capsys, "encode", ladder, x, "-o", tmp_path / "z.npz", "--json"))
    assert record["shapes"] == {"z1": [5, 2], "z2": [5, 3], "z3": [5, 4]}
    run = vk.load(ladder)
    codes = np.load(tmp_path / "z.npz")
    for name, z in run.codes(x).items():
        np.testing.assert_allclose(codes[name], z, atol=1e-6)
    said(capsys, "decode", ladder, tmp_path / "z.npz", "-o", tmp_path / "x.npy")
    np.testing.assert_allclose(np.load(tmp_path / "x.npy"), run.reconstruct(x), atol=1e-5)


def test_the_default_file_of_codes_holds_them_all(ladder, x, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert said(capsys, "encode", ladder, x).strip() == "codes.npz"
    assert sorted(np.load("codes.npz")) == ["z1", "z2", "z3"]


def test_one_latent_goes_into_a_table_and_back(ladder, x, tmp_path, capsys):
    said(capsys, "encode", ladder, x, "-o", tmp_path / "z.csv", "--latent", "z2")
    assert (tmp_path / "z.csv").read_text().splitlines()[0] == '"z2_0","z2_1","z2_2"'
    said(capsys, "decode", ladder, tmp_path / "z.csv", "--latent", "z2", "-o", tmp_path / "x.npy")
    run = vk.load(ladder)
    expected = run.decode(run.encode(x, latent="z2"), latent="z2")
    np.testing.assert_allclose(np.load(tmp_path / "x.npy"), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("words", "temperature"),
    [(["0.5"], 0.5), (["0.5", "1", "0"], [0.5, 1.0, 0.0]), (["z2=0.3", "z3=0"], {"z2": 0.3, "z3": 0.0})],
)
def test_temperatures_are_those_that_were_typed(ladder, words, temperature, tmp_path, capsys):
    said(capsys, "sample", ladder, "-n", "3", "--temperature", *words, "-o", tmp_path / "x.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), vk.load(ladder).sample(3, temperature=temperature))


def test_what_each_latent_adds_is_a_picture_and_numbers(ladder, x, tmp_path, capsys):
    record = json.loads(said(capsys, "levels", ladder, x, "-o", tmp_path / "levels.npy", "--json"))
    assert record["levels"] == [1, 2, 3]
    run, found = vk.load(ladder), np.load(tmp_path / "levels.npy")
    assert found.shape == (3, 5, 1, 8, 8)
    for n, made in enumerate(found, 1):
        np.testing.assert_allclose(made, run.reconstruct(x, levels=n), atol=1e-5)
    said(capsys, "levels", ladder, "-n", "4", "-o", tmp_path / "levels.png")
    assert imread(tmp_path / "levels.png").shape[0] > 4 * 64


def test_reconstructions_from_the_top(ladder, x, tmp_path, capsys):
    said(capsys, "reconstruct", ladder, x, "--levels", "2", "-o", tmp_path / "x.npy")
    np.testing.assert_allclose(np.load(tmp_path / "x.npy"), vk.load(ladder).reconstruct(x, levels=2), atol=1e-5)


def test_a_named_latent_is_traversed_with_those_below_following(ladder, tmp_path, capsys):
    words = ["--latent", "z1", "--dimensions", "1", "--steps", "4", "--follow"]
    said(capsys, "traverse", ladder, "2", *words, "-o", tmp_path / "x.npy")
    expected = vk.load(ladder).traverse(2, latent="z1", dimensions=[1], steps=4, follow=True)
    np.testing.assert_allclose(np.load(tmp_path / "x.npy"), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["encode", "RUN", "X", "-o", "z.csv"], "name one with --latent, or all go into an .npz file, got -o z.csv"),
        (["encode", "RUN", "X", "--latent", "z9"], "no latent is named 'z9': this model has z1, z2, z3"),
        (["decode", "RUN", "X"], "the model has several latents (z1, z2, z3): say which with --latent, or"),
        (["sample", "RUN", "--temperature", "0.5", "0.6"], "one for each of the 3 latents (z1, z2, z3), got 2"),
        (["sample", "RUN", "--temperature", "z9=1"], "temperature names 'z9', this model has the latents z1, z2, z3"),
        (["sample", "RUN", "--temperature", "z1=1", "2"], "numbers, or NAME=NUMBER for some latents, got z1=1 2"),
        (["sample", "RUN", "--temperature", "cold"], "numbers, or NAME=NUMBER for some latents, got cold"),
        (["reconstruct", "RUN", "--levels", "0"], "levels must lie between 1 and 3"),
        (["levels", "RUN", "--most", "1"], "most must be at least 2, got 1"),
        (["levels", "RUN", "-o", "x.csv"], "-o must name a .npy or .png file"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(ladder, x, words, sentence, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        main([{"RUN": str(ladder), "X": str(x)}.get(word, word) for word in words])
    assert stopped.value.code == 2
    assert sentence in " ".join(capsys.readouterr().err.split())
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_tells_the_size_of_every_part_and_trains_nothing(ladder, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["train", "digits", "--recipe", "ladder-vae", "--binarise", "fixed", "--limit", "300", *TINY, "--dry-run"]
    found = json.loads(said(capsys, *words, "--json"))
    assert found["parts"] == vk.parameter_counts(vk.load(ladder).model)
    assert found["parameters"] == sum(found["parts"].values()) == vk.load(ladder).record["parameters"]
    assert f"in all {found['parameters']:,}" in " ".join(said(capsys, *words).split())
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(SystemExit) as stopped:
        main([*words, "--layers", "0"])
    assert stopped.value.code == 2
