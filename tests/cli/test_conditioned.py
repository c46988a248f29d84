"""A model conditioned on labels, and one without a prior, through every command."""

import io
import json
import sys

import numpy as np
import pyarrow.csv
import pytest
import torch

import vaekit as vk
from vaekit.cli.main import main
from vaekit.cli.training import named_recipe

TINY = ["--epochs", "3", "--hidden", "16", "--latent", "3", "--accelerator", "cpu", "--no-report"]


@pytest.fixture(scope="module")
def flowers(tmp_path_factory):
    """A table with a column of words, and a conditioned run on it."""
    folder = tmp_path_factory.mktemp("flowers")
    rng = np.random.default_rng(0)
    rows = [(name, *rng.normal(centre, 1.0, 2)) for name, centre in (("iris", 0.0), ("rose", 9.0)) for _ in range(60)]
    lines = ["species,petal,stem", *(f"{name},{a},{b}" for name, a, b in rows)]
    (folder / "flowers.csv").write_text("\n".join(lines) + "\n")
    table, out = str(folder / "flowers.csv"), str(folder / "run")
    scores = ["--scores", str(folder / "scores.csv")]
    main(["train", table, "--labels", "species", "--recipe", "cvae", "--out", out, *scores, *TINY])
    return folder


def read_csv(path):
    found = pyarrow.csv.read_csv(path)
    return {name: found.column(name).to_numpy(zero_copy_only=False) for name in found.column_names}


def refused(capsys, *words):
    capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        main(list(map(str, words)))
    assert stopped.value.code == 2
    return " ".join(capsys.readouterr().err.split())


def test_scores_of_training_are_those_of_the_table_with_its_labels(flowers):
    scores = read_csv(flowers / "scores.csv")
    assert scores["row"].tolist() == list(range(120))
    run = vk.load(flowers / "run")
    expected = run.score(run.read(flowers / "flowers.csv", "species"))
    np.testing.assert_allclose(scores["log_likelihood"], expected["log_likelihood"])


def test_codes_carry_their_labels_so_that_decoding_them_reconstructs(flowers, tmp_path):
    table, run = flowers / "flowers.csv", flowers / "run"
    main(["encode", str(run), str(table), "--labels", "species", "-o", str(tmp_path / "codes.csv")])
    main(["decode", str(run), str(tmp_path / "codes.csv"), "-o", str(tmp_path / "x.csv")])
    main(["reconstruct", str(run), str(table), "--labels", "species", "-o", str(tmp_path / "r.csv")])
    decoded, again = read_csv(tmp_path / "x.csv"), read_csv(tmp_path / "r.csv")
    np.testing.assert_allclose(decoded["petal"], again["petal"], atol=1e-4)
    assert read_csv(tmp_path / "codes.csv")["label"].tolist() == [0] * 60 + [1] * 60


def test_codes_without_labels_are_refused_and_one_label_does_for_all(flowers, tmp_path, capsys):
    np.save(tmp_path / "z.npy", np.zeros((2, 3), np.float32))
    assert "give --label" in refused(capsys, "decode", flowers / "run", tmp_path / "z.npy")
    main(["decode", str(flowers / "run"), str(tmp_path / "z.npy"), "--label", "rose", "-o", str(tmp_path / "x.csv")])
    run = vk.load(flowers / "run")
    expected = run.decode(torch.zeros(2, 3), torch.tensor([1, 1]))
    np.testing.assert_allclose(read_csv(tmp_path / "x.csv")["petal"], expected[:, 0], rtol=1e-5)


def test_a_table_without_labels_is_taken_with_one_for_all(flowers, tmp_path, capsys):
    (tmp_path / "new.csv").write_text("petal,stem\n8.5,9.5\n9.0,9.1\n")
    assert "--label" in refused(capsys, "score", flowers / "run", tmp_path / "new.csv")
    assert "rose" in refused(capsys, "score", flowers / "run", tmp_path / "new.csv", "--label", "tulip")
    capsys.readouterr()
    main(["score", str(flowers / "run"), str(tmp_path / "new.csv"), "--label", "rose", "--json"])
    means = {"rose": json.loads(capsys.readouterr().out)["means"]}
    main(["score", str(flowers / "run"), str(tmp_path / "new.csv"), "--label", "iris", "--json"])
    means["iris"] = json.loads(capsys.readouterr().out)["means"]
    assert means["rose"] != means["iris"]


def test_the_ends_of_an_interpolation_are_reconstructions_of_both_classes(flowers):
    run = vk.load(flowers / "run")
    labels = run.split()[1].labels.tolist()
    a, b = labels.index(0), labels.index(1)
    path = run.interpolate(a, b, 7)
    np.testing.assert_allclose(path[[0, -1]], run.reconstruct(run.split()[1].select(torch.tensor([a, b]))), rtol=1e-4)


def test_samples_in_a_table_say_their_class(flowers, tmp_path):
    main(["sample", str(flowers / "run"), "-n", "5", "-o", str(tmp_path / "s.csv")])
    assert read_csv(tmp_path / "s.csv")["label"].tolist() == [0, 1, 0, 1, 0]


def test_scores_of_a_named_set_say_their_split(tmp_path):
    main(
        ["train", "digits", "--limit", "100", "--out", str(tmp_path / "r"), "--scores", str(tmp_path / "s.csv"), *TINY]
    )
    splits = read_csv(tmp_path / "s.csv")["split"].tolist()
    assert len(splits) == 100
    assert set(splits) == {"train", "valid", "test"}


def test_the_default_recipe_does_not_depend_on_the_order_of_words(tmp_path):
    pictures = str(tmp_path)
    assert named_recipe([pictures, "--epochs", "1"]) == "conv-vae"
    assert named_recipe(["--epochs", "1", pictures]) == "conv-vae"
    assert named_recipe(["--dequantise", pictures]) == "conv-vae"
    assert named_recipe(["digits", "--out", pictures]) == "vae"
    assert named_recipe([pictures, "--recipe", "iwae"]) == "iwae"


def test_an_autoencoder_does_what_needs_no_prior_and_says_what_it_cannot(tmp_path, capsys):
    run = tmp_path / "ae"
    main(["train", "digits", "--recipe", "autoencoder", "--limit", "100", "--out", str(run), *TINY])
    for words in (["reconstruct"], ["interpolate"], ["traverse"], ["evaluate"]):
        ends = ["0", "1"] if words[0] == "interpolate" else []
        out = [] if words[0] == "evaluate" else ["-o", str(tmp_path / f"{words[0]}.npy")]
        main([words[0], str(run), *ends, *out])
    main(["report", str(run)])
    assert "has no prior" in refused(capsys, "sample", run)


def test_a_report_after_more_training_has_the_new_figures(tmp_path):
    run = tmp_path / "run"
    main(["train", "digits", "--limit", "200", "--out", str(run), *TINY[:-1]])
    first = json.loads((run / "evaluation.json").read_text())
    main(["resume", str(run), "--epochs", "8"])
    second = json.loads((run / "evaluation.json").read_text())
    assert second["figures"]["distortion"]["value"] < first["figures"]["distortion"]["value"]


def test_what_stands_on_standard_input_is_called_so(flowers, capsys, monkeypatch):
    class Empty:
        buffer = io.BytesIO(b"")

    monkeypatch.setattr(sys, "stdin", Empty)
    said = refused(capsys, "score", flowers / "run", "-", "--label", "iris")
    assert "standard input" in said
    assert "/tmp" not in said


def test_a_run_compared_with_itself_has_two_columns_and_other_data_a_warning(flowers, tmp_path, capsys):
    main(["compare", str(flowers / "run"), str(flowers / "run"), "-o", str(tmp_path / "c.html"), "--json"])
    assert len(json.loads(capsys.readouterr().out)["runs"]) == 2
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(80, 2)))
    main(["train", str(tmp_path / "x.npy"), "--out", str(tmp_path / "other"), *TINY])
    capsys.readouterr()
    main(["compare", str(flowers / "run"), str(tmp_path / "other"), "-o", str(tmp_path / "c.html"), "--json"])
    assert any("not opened on the same data" in note for note in json.loads(capsys.readouterr().out)["notes"])


def test_sentences_name_options_as_the_command_line_does(tmp_path, capsys):
    (tmp_path / "words.csv").write_text("a,b\nx,1\ny,2\nz,3\n")
    said = refused(capsys, "data", tmp_path / "words.csv")
    assert "--columns" in said
    assert "columns=" not in said


def test_a_run_is_not_made_shorter_than_it_is(flowers, capsys):
    before = (flowers / "run" / "run.json").read_text()
    said = refused(capsys, "resume", flowers / "run", "--epochs", "1")
    assert "epochs must be at least the 3 that are trained already, got 1" in said
    assert (flowers / "run" / "run.json").read_text() == before
