"""What a run is asked from the command line, compared with the model itself."""

import io
import json
import sys

import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest
import torch
from matplotlib.image import imread

import vaekit as vk
from vaekit.cli.main import main

TINY = ["--epochs", "3", "--hidden", "16", "--latent", "3", "--accelerator", "cpu", "--no-report"]


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits") / "run"
    main(["train", "digits", "--limit", "400", "--out", str(folder), *TINY])
    return folder


@pytest.fixture(scope="module")
def rows():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(300, 2)) @ np.array([[3.0, 1.0, 0.0], [0.0, 20.0, 5.0]]) + np.array([100.0, -7.0, 0.5])
    x[-1] = [400.0, 90.0, -60.0]
    return x


@pytest.fixture(scope="module")
def table(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("table") / "numbers.csv"
    path.write_text("height,weight,age\n" + "\n".join(",".join(map(repr, map(float, row))) for row in rows) + "\n")
    return path


@pytest.fixture(scope="module")
def numbers(table):
    folder = table.parent / "run"
    main(["train", str(table), "--out", str(folder), "--scores", str(table.parent / "scores.csv"), *TINY])
    return folder


def said(capsys, *words):
    capsys.readouterr()
    main(list(map(str, words)))
    return capsys.readouterr().out


def read_csv(path):
    found = pyarrow.csv.read_csv(path)
    return {name: found.column(name).to_numpy() for name in found.column_names}


def test_codes_are_the_posteriors_means_in_any_format(digits, tmp_path, capsys):
    run = vk.load(digits)
    images = np.random.default_rng(1).integers(0, 17, (7, 8, 8)).astype(np.uint8)
    np.save(tmp_path / "x.npy", images)
    x = torch.from_numpy(images / 16).float()[:, None]
    expected = run.model.encode(x).mean.detach().numpy()
    for name in ("codes.npy", "codes.csv", "codes.parquet"):
        assert said(capsys, "encode", digits, tmp_path / "x.npy", "-o", tmp_path / name).strip() == str(tmp_path / name)
    np.testing.assert_allclose(np.load(tmp_path / "codes.npy"), expected, atol=1e-5)
    csv = read_csv(tmp_path / "codes.csv")
    assert list(csv) == ["z0", "z1", "z2"]
    np.testing.assert_allclose(np.stack(list(csv.values()), 1), expected, atol=1e-5)
    parquet = pyarrow.parquet.read_table(tmp_path / "codes.parquet")
    np.testing.assert_allclose(parquet.column("z1").to_numpy(), expected[:, 1], atol=1e-5)


def test_draws_of_codes_spread_as_the_posterior_does(digits, tmp_path, capsys):
    np.save(tmp_path / "x.npy", np.full((2, 8, 8), 5, np.uint8))
    said(capsys, "encode", digits, tmp_path / "x.npy", "-o", tmp_path / "z.npy", "--draws", 3000)
    z = np.load(tmp_path / "z.npy")
    q = vk.load(digits).model.encode(torch.full((1, 1, 8, 8), 5 / 16))
    assert z.shape == (3000, 2, 3)
    np.testing.assert_allclose(z.std((0, 1)), q.stddev[0].detach(), rtol=0.1)


def test_decoding_codes_gives_what_the_decoder_says_of_them(digits, tmp_path, capsys):
    z = np.random.default_rng(2).normal(size=(5, 3)).astype(np.float32)
    np.save(tmp_path / "z.npy", z)
    said(capsys, "decode", digits, tmp_path / "z.npy", "-o", tmp_path / "x.npy")
    expected = vk.load(digits).model.decode(torch.from_numpy(z)).mean.detach().numpy()
    np.testing.assert_allclose(np.load(tmp_path / "x.npy"), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("words", "shape"),
    [
        (["sample", "-n", "6"], (6, 1, 8, 8)),
        (["reconstruct", "-n", "5"], (5, 1, 8, 8)),
        (["interpolate", "0", "3", "--steps", "6"], (6, 1, 8, 8)),
        (["traverse", "2", "--dimensions", "0", "2", "--steps", "5"], (2, 5, 1, 8, 8)),
    ],
)
def test_pictures_are_written_as_a_picture_and_as_numbers(digits, words, shape, tmp_path, capsys):
    words = [words[0], digits, *words[1:]]
    said(capsys, *words, "-o", tmp_path / "x.npy")
    assert np.load(tmp_path / "x.npy").shape == shape
    record = json.loads(said(capsys, *words, "-o", tmp_path / "x.png", "--json"))
    assert record["file"] == str(tmp_path / "x.png")
    assert imread(tmp_path / "x.png").shape[0] > 20


def test_an_interpolation_begins_and_ends_at_the_reconstructions(digits):
    run = vk.load(digits)
    path = run.interpolate(0, 3, 5)
    _, held_out = run.split()
    np.testing.assert_allclose(path[[0, -1]], run.reconstruct(held_out.select(torch.tensor([0, 3]))), atol=1e-5)


def test_a_traversal_passes_through_the_code(digits):
    run = vk.load(digits)
    code = run.encode(run.split()[1].select(torch.tensor([4])))[0]
    rows = run.traverse(4, dimensions=[1], steps=1001, span=4.0)[0]
    nearest = int((torch.linspace(-4, 4, 1001) - code[1]).abs().argmin())
    np.testing.assert_allclose(rows[nearest], run.decode(code[None])[0], atol=1e-2)


def test_colder_samples_differ_less(digits):
    run = vk.load(digits)
    warm, cold = (run.sample(200, temperature=t).std(0).mean() for t in (1.0, 0.2))
    assert cold < 0.5 * warm


def test_scores_are_the_log_likelihoods_in_the_order_of_the_file(numbers, table, rows, tmp_path, capsys):
    columns = read_csv(table.parent / "scores.csv")
    assert len(columns["log_likelihood"]) == len(rows)
    assert columns["log_likelihood"].argmin() == len(rows) - 1
    np.testing.assert_allclose(columns["elbo"], -columns["distortion"] - columns["rate"], rtol=1e-6)
    record = json.loads(said(capsys, "score", numbers, table, "--json", "--top", 3))
    assert record["most_unusual"][0]["row"] == len(rows) - 1
    assert record["examples"] == len(rows)
    printed = said(capsys, "score", numbers, table)
    assert "most unusual" in printed
    assert said(capsys, "score", numbers, table, "-o", "-").splitlines()[0].replace('"', "").startswith("row,log_l")


def test_a_table_comes_back_in_its_own_units_and_columns(numbers, rows, tmp_path, capsys):
    said(capsys, "sample", numbers, "-n", 2000, "--noisy", "-o", tmp_path / "s.csv")
    columns = read_csv(tmp_path / "s.csv")
    assert list(columns) == ["height", "weight", "age"]
    assert columns["height"].mean() == pytest.approx(rows[:-1, 0].mean(), rel=0.05)
    printed = said(capsys, "sample", numbers, "-n", 3, "-o", "-")
    assert len(printed.splitlines()) == 4


def test_examples_come_through_a_pipe(numbers, table, capsys, monkeypatch):
    lines = table.read_text().splitlines(keepends=True)

    class Piped:
        buffer = io.BytesIO("".join(lines[:6]).encode())

    monkeypatch.setattr(sys, "stdin", Piped)
    assert len(said(capsys, "score", numbers, "-", "-o", "-").splitlines()) == 6


def test_labels_of_a_conditioned_model_go_by_number(tmp_path, capsys):
    main(["train", "digits", "--recipe", "cvae", "--out", str(tmp_path / "c"), "--limit", "300", *TINY])
    said(capsys, "sample", tmp_path / "c", "-n", "3", "--label", "4", "-o", tmp_path / "four.npy")
    assert np.load(tmp_path / "four.npy").shape == (3, 1, 8, 8)
    said(capsys, "interpolate", tmp_path / "c", "0", "1", "-o", tmp_path / "i.npy")


def test_data_says_what_it_decided(table, capsys):
    printed = json.loads(said(capsys, "data", table, "--json"))
    assert printed["spec"]["domain"] == "real"
    assert printed["spec"]["columns"] == ["height", "weight", "age"]
    assert sum(printed["examples"].values()) == 300
    assert "height" in said(capsys, "data", table)


def test_a_recipe_is_shown_with_its_options_and_its_paper(capsys):
    printed = said(capsys, "recipes", "beta-vae")
    assert "--beta" in printed
    assert "Higgins" in printed
    record = json.loads(said(capsys, "recipes", "beta-vae", "--json"))
    assert record["options"]["latent"]["bounds"] == ["at least 1"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["decode", "RUN", "WRONG"], r"codes of z must have the shape (N, 3), got (2, 5)"),
        (["decode", "RUN", "missing.npy"], "must be there"),
        (["encode", "RUN", "missing.npy"], "missing.npy"),
        (["encode", "RUN", "WRONG", "-o", "codes.txt"], "-o must name a .csv or .parquet or .npy or .npz file"),
        (["encode", "RUN", "WRONG", "-o", "nowhere/codes.csv"], "which is no folder"),
        (["encode", "RUN", "WRONG", "--draws", "2", "-o", "z.csv"], "need an .npy or .npz file"),
        (["encode", "RUN", "GOOD", "--draws", "0"], "draws must be at least 1"),
        (["interpolate", "RUN", "0", "100000"], "one of 80 held-out examples, got 100000"),
        (["interpolate", "RUN", "0", "1", "--steps", "1"], "steps must be at least 2"),
        (["interpolate", "RUN", "0", "1", "--path", "curved"], "'spherical', 'straight' or 'geodesic'"),
        (["traverse", "RUN", "--dimensions", "3"], "dimension must lie between 0 and 2"),
        (["sample", "RUN", "--temperature", "-1"], "temperature must be at least 0"),
        (["score", "RUN", "WRONG"], "shape"),
        (["score", "RUN", "GOOD", "--samples", "0"], "samples must be"),
        (["compare", "RUN"], "at least two runs"),
        (["recipes", "vea"], "did you mean vae"),
    ],
)
def test_a_mistake_is_answered_in_one_sentence_and_nothing_is_left(
    digits, words, sentence, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    wrong, good = tmp_path.parent / "wrong.npy", tmp_path.parent / "good.npy"
    np.save(good, np.full((2, 8, 8), 3, np.uint8))
    np.save(wrong, np.full((2, 5), 3.0, np.float32) if words[0] == "decode" else np.full((2, 5), 3, np.uint8))
    words = [{"RUN": str(digits), "WRONG": str(wrong), "GOOD": str(good)}.get(word, word) for word in words]
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert stopped.value.code == 2
    written = capsys.readouterr().err
    assert "Traceback" not in written
    assert sentence in " ".join(written.split())
    assert list(tmp_path.iterdir()) == []
