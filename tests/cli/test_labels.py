"""Few labels, from the table to predictions: training, judging, resuming, predicting, and samples of a label."""

import io
import json
import sys

import numpy as np
import pyarrow.csv
import pytest
import torch

import vaekit as vk
from vaekit.cli.main import main
from vaekit.cli.using import by_class

SMALL = ["--hidden", "16", "--latent", "2", "--accelerator", "cpu", "--no-report"]


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    """Three clusters far apart, of which three labels each are known, and an m2 that was trained on them."""
    folder = tmp_path_factory.mktemp("trees")
    rng = np.random.default_rng(0)
    rows = [
        (n, *rng.normal(centre, 0.3, 2)) for n, centre in (("ash", 0.0), ("elm", 5.0), ("oak", 9.0)) for _ in range(80)
    ]
    lines = ["tree,height,girth", *(f"{n},{a},{b}" for n, a, b in rows)]
    (folder / "trees.csv").write_text("\n".join(lines) + "\n")
    few = ["--labels", "tree", "--labels-per-class", "3", "--test", "60", "--steps", "200", "--lr", "0.02"]
    main(["train", str(folder / "trees.csv"), "--recipe", "m2", "--out", str(folder / "run"), *few, *SMALL])
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


def test_predictions_name_the_label_with_the_probability_of_every_one(trees, tmp_path, capsys):
    main(["predict", str(trees / "run"), str(trees / "trees.csv"), "-o", str(tmp_path / "p.csv")])
    found = read_csv(tmp_path / "p.csv")
    assert list(found) == ["row", "label", "probability", "p_ash", "p_elm", "p_oak"]
    each = np.stack([found[f"p_{name}"] for name in ("ash", "elm", "oak")], 1)
    np.testing.assert_allclose(each.sum(1), 1, atol=1e-6)
    np.testing.assert_allclose(found["probability"], each.max(1))
    assert found["label"].tolist() == np.array(["ash", "elm", "oak"])[each.argmax(1)].tolist()
    assert (found["label"] == read_csv(trees / "trees.csv")["tree"]).mean() > 0.9


def test_predictions_are_those_of_the_run_in_every_format(trees, tmp_path, capsys):
    run = vk.load(trees / "run")
    labels, probabilities = run.predict(trees / "trees.csv")
    assert (labels.shape, probabilities.shape) == ((240,), (240, 3))
    for name in ("p.npy", "p.parquet"):
        main(["predict", str(trees / "run"), str(trees / "trees.csv"), "-o", str(tmp_path / name)])
    array = np.load(tmp_path / "p.npy")
    np.testing.assert_allclose(array[:, 3:], probabilities)
    assert array[:, 1].tolist() == labels.tolist()
    capsys.readouterr()
    main(["predict", str(trees / "run"), str(trees / "trees.csv"), "-o", str(tmp_path / "p.csv"), "--json"])
    record = json.loads(capsys.readouterr().out)
    assert record["labels"] == dict(zip(("ash", "elm", "oak"), labels.bincount(minlength=3).tolist(), strict=True))


def test_predictions_go_to_standard_output(trees, monkeypatch, capsys):
    rows = (trees / "trees.csv").read_bytes()
    monkeypatch.setattr(sys, "stdin", type("", (), {"buffer": io.BytesIO(rows)}))
    main(["predict", str(trees / "run"), "-", "-o", "-"])
    assert capsys.readouterr().out.splitlines()[0].replace('"', "") == "row,label,probability,p_ash,p_elm,p_oak"


def test_the_error_is_shown_and_kept_and_none_of_its_labels_was_trained_on(trees, capsys):
    main(["evaluate", str(trees / "run"), "--samples", "3", "--json"])
    figure = json.loads(capsys.readouterr().out)["figures"]["classification error"]
    run = vk.load(trees / "run")
    labels, _ = run.predict(run.data.test)
    assert figure["value"] == pytest.approx(100 * float((labels != run.data.test.labels).double().mean()))
    assert (run.data.train.labels >= 0).sum() == 9
    assert (run.data.valid.labels >= 0).sum() == 0


@pytest.mark.slow
def test_a_run_goes_on_with_the_same_labels(trees, tmp_path):
    few = ["--labels", "tree", "--labels-per-class", "3", "--recipe", "m2", "--no-decay", *SMALL]
    main(["train", str(trees / "trees.csv"), "--out", str(tmp_path / "whole"), "--epochs", "3", *few])
    main(["train", str(trees / "trees.csv"), "--out", str(tmp_path / "cut"), "--epochs", "1", *few])
    main(["resume", str(tmp_path / "cut"), "--epochs", "3", "--no-report"])
    assert (tmp_path / "cut/metrics.csv").read_bytes() == (tmp_path / "whole/metrics.csv").read_bytes()


def test_a_label_of_samples_is_by_name_or_number_and_else_a_row_for_each(trees, tmp_path):
    heights = {}
    for said in ("oak", "2", "ash"):
        main(["sample", str(trees / "run"), "--label", said, "-o", str(tmp_path / "x.csv"), "-n", "40"])
        heights[said] = read_csv(tmp_path / "x.csv")["height"]
    assert heights["oak"].tolist() == heights["2"].tolist()
    assert np.median(heights["oak"]) > np.median(heights["ash"]) + 3
    main(["sample", str(trees / "run"), "-o", str(tmp_path / "all.csv")])
    found = read_csv(tmp_path / "all.csv")
    assert found["label"].tolist() == sorted([0, 1, 2] * 8)
    middle = [np.median(found["height"][found["label"] == label]) for label in range(3)]
    assert middle[0] < middle[2]


@pytest.mark.parametrize(("n", "labels"), [(7, [0, 1, 2, 0, 1, 2, 0]), (6, [0, 0, 1, 1, 2, 2]), (2, [0, 1])])
def test_samples_stand_class_by_class_where_every_class_has_as_many(trees, tmp_path, n, labels):
    main(["sample", str(trees / "run"), "-o", str(tmp_path / "x.csv"), "-n", str(n)])
    assert read_csv(tmp_path / "x.csv")["label"].tolist() == labels


def test_rows_are_promised_only_where_classes_have_as_many(trees):
    run = vk.load(trees / "run")
    assert by_class(run, 12)[1] == 4
    assert by_class(run, 13)[1] is None


def test_samples_of_a_label_are_those_of_the_model_with_the_label_set(trees):
    run = vk.load(trees / "run")
    found = run.sample(4, seed=3, label="elm")
    with torch.random.fork_rng():
        torch.manual_seed(3)
        made = run.model.generate(4, at={"y": vk.Set(torch.full((4,), 1))}).likelihoods["x"].distribution.mean
    torch.testing.assert_close(found, run.spec.restore(made.detach()))
    assert run.sample(7).shape == (7, 2)


def test_draws_of_codes_are_draws_of_the_label_too(trees):
    run = vk.load(trees / "run")
    codes = run.codes(trees / "trees.csv", draws=3)
    assert (codes["z"].shape, codes["y"].shape) == ((3, 240, 2), (3, 240))


def test_what_cannot_be_predicted_is_said(trees, tmp_path, capsys):
    main(["train", str(trees / "trees.csv"), "--labels", "tree", "--out", str(tmp_path / "v"), "--epochs", "1", *SMALL])
    said = refused(capsys, "predict", tmp_path / "v", trees / "trees.csv")
    assert "this model has no label to predict: no latent of it is one" in said
    assert "-o must name" in refused(capsys, "predict", trees / "run", trees / "trees.csv", "-o", "p.png")
    assert "label must lie between 0 and 2 or one of ash, elm, oak, got yew" in refused(
        capsys, "sample", trees / "run", "--label", "yew"
    )
    assert "m2 needs data with labels" in refused(
        capsys, "train", trees / "trees.csv", "--columns", "girth", "--recipe", "m2"
    )


def test_a_label_that_is_read_off_a_code_is_not_told_to_samples(trees, tmp_path, capsys):
    few = ["--labels", "tree", "--labels-per-class", "3", "--epochs", "1"]
    main(["train", str(trees / "trees.csv"), "--recipe", "m1", "--out", str(tmp_path / "m1"), *few, *SMALL])
    assert "not conditioned on labels" in refused(capsys, "sample", tmp_path / "m1", "--label", "oak")
    main(["sample", str(tmp_path / "m1"), "-o", str(tmp_path / "x.csv")])
    assert "label" not in read_csv(tmp_path / "x.csv")
