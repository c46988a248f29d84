"""`vaekit sweep`: values from text, one sentence for a mistake, and the folder alone on standard output."""

import json
from collections.abc import Sequence

import pytest
from cyclopts import App

from vaekit.cli.sweeping import seeds_in, sweep_command, told_apart

TINY = ["--limit", "300", "--set", "epochs=2", "--set", "hidden=8", "--set", "accelerator=cpu", "--samples", "0"]


def vaekit(*words: str) -> None:
    app = App()
    app.command(sweep_command(), name="sweep")
    app(words, exit_on_error=False, print_error=False, result_action="return_value")


def test_values_are_read_as_the_types_of_what_they_set():
    said = ["latent=8,16", "hidden=512x256,256", "lr=1e-3,1", "free-bits=0.25", "clip=none,5", "binarise=visit,none"]
    grid, arguments, plan, data = told_apart([*said, "decay=yes", "limit=500"], "vae")
    assert grid["latent"] == [8, 16]
    assert grid["hidden"] == [(512, 256), (256,)]
    assert grid["lr"] == [0.001, 1.0]
    assert grid["clip"] == [None, 5.0]
    assert [str(value) for value in grid["binarise"]] == ["visit", "None"]
    assert (arguments, plan, data) == ({"free_bits": 0.25}, {"decay": True}, {"limit": 500})


def test_seeds_are_a_number_or_a_list():
    assert (seeds_in("3"), seeds_in("4,7")) == (3, [4, 7])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--set", "latent"], "--set must be NAME=VALUE"),
        (["--set", "latent=2,"], "--set must be NAME=VALUE"),
        (["--set", "latent=2", "--set", "latent=3"], "--set names latent twice"),
        (["--set", "latent=two"], "latent must be a whole number, got 'two'"),
        (["--set", "latnt=2"], "did you mean latent"),
        (["--set", "decay=perhaps"], "decay must be true or false"),
        (["--set", "activation=relu,gellu"], "activation must be one of"),
        (["--set", "recipe=vea"], "there is no recipe 'vea'"),
        (["--recipe", "vea"], "there is no recipe 'vea'"),
        (["--seeds", "many"], "seeds must be a whole number"),
    ],
)
def test_a_mistake_is_answered_before_anything_is_written(words: Sequence[str], sentence, tmp_path):
    with pytest.raises(ValueError, match=sentence):
        vaekit("sweep", "digits", "--out", str(tmp_path / "sweep"), *words)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_folder_is_on_standard_output_and_the_rest_on_standard_error(tmp_path, capfd):
    words = ["sweep", "digits", *TINY, "--set", "latent=2,3", "--seeds", "2", "--out", str(tmp_path / "s")]
    vaekit(*words)
    shown = capfd.readouterr()
    assert shown.out == f"{tmp_path / 's'}\n"
    assert "4/4" in shown.err
    assert "±" in shown.err
    vaekit(*words, "--json")
    record = json.loads(capfd.readouterr().out)
    assert len(record["runs"]) == 4
    assert record["best"]["settings"] in ({"latent": 2}, {"latent": 3})
    assert {cell["valid"]["ELBO"]["seeds"] for cell in record["cells"]} == {2}
