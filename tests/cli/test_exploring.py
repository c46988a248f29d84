"""`vaekit neighbours`, `attribute`, `arithmetic`, `manifold` and geodesics, from the command line to files."""

import json

import numpy as np
import pytest
from PIL import Image

import vaekit as vk
from vaekit.cli.main import main


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "flat"
    arguments = {"latent": 3, "hidden": (16,)}
    vk.train("vae", vk.data.open("digits"), folder=folder, arguments=arguments, steps=20, report=vk.Silent())
    return folder


COMMANDS = {
    "neighbours": ["-k", "3"],
    "attribute": ["3"],
    "arithmetic": ["0", "1", "2"],
    "manifold": ["--side", "4"],
    "interpolate": ["0", "1", "--path", "geodesic"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_writes_a_picture(run, tmp_path, capsys, name):
    place = tmp_path / f"{name}.png"
    main([name, str(run), *COMMANDS[name], "--out", str(place)])
    assert str(place) in capsys.readouterr().out
    assert np.asarray(Image.open(place)).std() > 0


def test_neighbours_are_told_by_number(run, tmp_path, capsys):
    main(["neighbours", str(run), "-k", "2", "--json", "--out", str(tmp_path / "n.png")])
    found = json.loads(capsys.readouterr().out)
    numbers, distances = vk.load(run).neighbours(vk.load(run).split()[1].first(8), 2)
    assert found["neighbours"] == numbers.tolist()
    np.testing.assert_allclose(found["distances"], distances.numpy(), rtol=1e-5)
    assert found["split"] == "train"


def test_numbers_in_a_file_are_those_of_the_run(run, tmp_path):
    main(["arithmetic", str(run), "0", "1", "2", "--out", str(tmp_path / "sum.npy")])
    np.testing.assert_allclose(np.load(tmp_path / "sum.npy")[0], vk.load(run).arithmetic(0, 1, 2).numpy(), atol=1e-6)
    main(["manifold", str(run), "--side", "3", "--dimensions", "0", "2", "--out", str(tmp_path / "plane.npy")])
    made = vk.load(run).manifold(3, dimensions=(0, 2))
    np.testing.assert_allclose(np.load(tmp_path / "plane.npy"), made.numpy(), atol=1e-6)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["attribute", "12"], "label must lie between 0 and 9, got 12"),
        (["neighbours", "-k", "0"], "k must be from 1 to 1258"),
        (["manifold", "--side", "0"], "n must be at least 1, got 0"),
        (["arithmetic", "0", "1", "9999"], "c must be the number of one of 359 held-out examples, got 9999"),
    ],
)
def test_a_mistake_is_a_sentence(run, tmp_path, capsys, words, said):
    with pytest.raises(SystemExit):
        main([words[0], str(run), *words[1:], "--out", str(tmp_path / "x.png")])
    assert said in " ".join(capsys.readouterr().err.split())
