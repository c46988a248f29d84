"""`vaekit disentanglement`, from shapes to a table."""

import json

import pytest

import vaekit as vk
from vaekit.cli.main import main

SMALL = ["--hidden", "16", "--steps", "30", "--accelerator", "cpu", "--no-report"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    place = tmp_path_factory.mktemp("shapes") / "run"
    main(["train", "shapes:3x2x1x6x6", "--size", "16", "--latent", "3", "--out", str(place), *SMALL])
    return place


def refused(capsys, *words):
    capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        main(list(map(str, words)))
    assert stopped.value.code == 2
    return " ".join(capsys.readouterr().err.split())


def test_scores_are_those_of_the_run(run, capsys):
    capsys.readouterr()
    main(["disentanglement", str(run), "--json", "-n", "150", "--seed", "2"])
    record = json.loads(capsys.readouterr().out)
    found = vk.load(run).disentanglement(n=150, seed=2)
    assert record["scores"] == found.scores()
    assert record["factors"] == ["shape", "scale", "posX", "posY"]
    assert (record["points"], record["latent"], record["weights"]) == (150, "z", "best")


def test_people_get_a_table(run, capsys):
    capsys.readouterr()
    main(["disentanglement", str(run), "--split", "train"])
    shown = capsys.readouterr().out
    for words in ("shapes (train)", "MIG", "DCI disentanglement", "posY: dimension"):
        assert words in shown


def test_mistakes_are_one_sentence(run, capsys, tmp_path):
    assert "latent must be one of z, got 'content'" in refused(capsys, "disentanglement", run, "--latent", "content")
    main(["train", "digits", "--limit", "60", "--latent", "2", "--out", str(tmp_path / "digits"), *SMALL])
    sentence = refused(capsys, "disentanglement", tmp_path / "digits")
    assert "disentanglement needs data whose factors are known" in sentence


def test_what_data_tells_of_shapes(capsys):
    main(["data", "shapes:3x2x1x6x6", "--size", "32", "--json"])
    record = json.loads(capsys.readouterr().out)
    assert record["spec"]["factors"] == {"names": ["shape", "scale", "posX", "posY"], "sizes": [3, 2, 6, 6]}
    assert record["decisions"]["factors"] == "4 known: shape (3), scale (2), posX (6), posY (6)"
    assert "shape must have at most its 3 values, got 4" in refused(capsys, "data", "shapes:4x2x1x6x6")
