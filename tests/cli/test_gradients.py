"""`vaekit gradients`, from a run to a table and a picture."""

import json

import pytest
from PIL import Image

import vaekit as vk
from vaekit.cli.main import main


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "gumbel"
    small = {"latent": 3, "categories": 4, "hidden": (8,)}
    vk.train("gumbel-vae", vk.data.open("digits"), folder=folder, arguments=small, steps=5)
    return folder


def test_prints_every_estimator_and_draws_them(run, capsys):
    main(["gradients", str(run), "--repeats", "10", "-n", "5"])
    printed = capsys.readouterr().out
    for words in ("signal to noise", "score function, leave-one-out", "relaxed, temperature 0.5", "none"):
        assert words in printed
    assert Image.open(run / "gradients.png").size[0] > 1000


def test_as_json_the_quietest_is_first(run, capsys, tmp_path):
    place = tmp_path / "other.png"
    main(["gradients", str(run), "--repeats", "10", "-n", "5", "--json", "--out", str(place)])
    found = json.loads(capsys.readouterr().out)
    variances = [row["variance"] for row in found["estimators"].values()]
    assert variances == sorted(variances)
    assert found["picture"] == str(place)
    assert place.exists()


def test_one_draw_is_too_few(run, capsys):
    with pytest.raises(SystemExit):
        main(["gradients", str(run), "--draws", "1"])
    assert "draws must be a whole number of at least 2, got 1" in capsys.readouterr().err
