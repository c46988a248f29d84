"""What a sweep is made of is checked before anything is trained."""

import json

import numpy as np
import pytest

import vaekit as vk
from vaekit.sweeps import Quiet, Sweep, sweep
from vaekit.sweeps.grid import cells_of

DIGITS = {"source": "digits", "limit": 300}


def test_cells_are_every_combination_in_order_with_values_told_apart():
    cells = cells_of("vae", {"latent": [2, 4], "lr": [1, 0.1], "binarise": ["visit", None]}, {"hidden": (8,)}, {})
    assert len(cells) == 8
    assert cells[1].name == "latent=2,lr=1,binarise=none"
    assert cells[2].arguments == {"hidden": (8,), "latent": 2}
    assert cells[2].plan == {"lr": 0.1}
    assert cells[2].data == {"binarise": "visit"}


def test_the_recipe_itself_can_be_swept():
    cells = cells_of("vae", {"recipe": ["vae", "beta-vae"], "latent": [3]}, {}, {})
    assert [cell.recipe for cell in cells] == ["vae", "beta-vae"]
    assert [cell.name for cell in cells] == ["recipe=vae,latent=3", "recipe=beta-vae,latent=3"]


def test_names_of_folders_hold_nothing_that_leads_elsewhere():
    [cell] = cells_of("vae", {"hidden": [(512, 256)], "binarise": ["../../etc"]}, {}, {})
    assert cell.name == "hidden=512x256,binarise=..-..-etc"
    [long] = cells_of("vae", {"hidden": [tuple(range(1, 200))]}, {}, {})
    assert len(long.name) < 200


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"grid": {"latnt": [2]}}, "did you mean latent"),
        ({"grid": {"latent": [2, 0]}}, "latent must be at least 1, got 0"),
        ({"grid": {"latent": [2, "x"]}}, "latent must be of type int"),
        ({"grid": {"latent": 2}}, "must give a list of values for latent"),
        ({"grid": {"latent": []}}, "at least one value for latent"),
        ({"grid": {"latent": [2, 2]}}, "latent must list different values, got 2 twice"),
        ({"grid": {"lr": [1e-3, -1.0]}}, "lr must be a finite number above 0"),
        ({"grid": {"lr": ["fast"]}}, "lr must be of type float"),
        ({"grid": {"recipe": ["vae", "vea"]}}, "there is no recipe 'vea'"),
        ({"grid": {"recipe": ["vae", "beta-vae"], "beta": [1.0]}}, "recipe 'vae' has no option 'beta'"),
        ({"grid": {"seed": [1, 2]}}, "say seeds="),
        ({"grid": {"devices": [1, 2]}}, "say workers="),
        ({"grid": {"latent": [2]}, "arguments": {"latent": 3}}, "latent is in the grid and fixed as well"),
        ({"grid": {"likelihood": ["bernoulli"]}}, "does not fit levels data"),
        ({"grid": {"batch_size": [50, 5000]}}, "batch_size must be at most"),
        ({"grid": {"domain": ["colour"]}}, "domain"),
        ({"epochz": 3}, "a plan has no option 'epochz': did you mean epochs"),
        ({"epochs": 0}, "epochs must be a whole number of at least 1"),
        ({"arguments": {"latnt": 3}}, "did you mean latent"),
        ({"recipe": "vea"}, "there is no recipe 'vea'"),
        ({"seeds": 0}, "seeds must be"),
        ({"seeds": [1, 1]}, "seeds must list different values"),
        ({"samples": -1}, "samples must be a whole number of at least 0"),
        ({"limit": 0}, "limit must be a whole number of at least 1"),
        ({"workers": 0}, "workers must be a whole number of at least 1"),
        ({"on": "slurm"}, "on must be one of processes, ray"),
        ({"metric": "rate"}, "metric 'rate' is not one to choose by"),
        ({"data": {**DIGITS, "valid": 0}}, "valid must be above 0"),
        ({"data": np.zeros((30, 4))}, "a sweep opens its data in every worker"),
        ({"data": vk.data.open(np.random.default_rng(0).normal(size=(30, 4)))}, "a sweep opens its data"),
    ],
)
def test_a_mistake_is_answered_before_any_folder_exists(change, sentence, tmp_path):
    given = {"data": DIGITS, "recipe": "vae", "folder": tmp_path / "sweep", "report": Quiet(), **change}
    with pytest.raises(ValueError, match=sentence) as refused:
        sweep(given.pop("data"), given.pop("recipe"), **given)
    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_ray_is_answered_with_the_extra_that_brings_it(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(ValueError, match=r"pip install 'vaekit\[ray\]'"):
        sweep(DIGITS, folder=tmp_path / "sweep", on="ray", report=Quiet())


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="already holds something that is no sweep"):
        sweep(DIGITS, folder=tmp_path, report=Quiet())
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


RUN = {
    "settings": {"latent": 2},
    "seed": 0,
    "folder": "latent=2/seed-0",
    "status": "finished",
    "valid": {"ELBO": -1.0},
}
WHOLE = {
    "format": 1,
    "data": {},
    "recipe": "vae",
    "grid": {"latent": [2]},
    "arguments": {},
    "plan": {},
    "seeds": [0],
    "samples": 0,
    "limit": None,
    "metric": None,
    "runs": [RUN],
}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"format": 99}, "update vaekit"),
        ({"format": "1"}, "names no format"),
        ({"runs": {}}, "'runs'"),
        ({"grid": []}, "'grid'"),
        ({"metric": "rate"}, "metric 'rate'"),
        ({"runs": [{**RUN, "folder": "../../elsewhere/seed-0"}]}, "must name a folder"),
        ({"runs": [{**RUN, "folder": "/etc/seed-0"}]}, "must name a folder"),
        ({"runs": [{**RUN, "status": "perfect"}]}, "must have a status"),
        ({"runs": [{**RUN, "valid": {"ELBO": "high"}}]}, "must have numbers"),
        ({"runs": [{**RUN, "valid": {}}]}, "lacks 'valid'"),
        ({"runs": [3]}, "incomplete"),
    ],
)
def test_a_record_from_elsewhere_is_checked_before_it_is_used(change, sentence, tmp_path):
    (tmp_path / "sweep.json").write_text(json.dumps(WHOLE))
    assert Sweep(tmp_path).best.settings == {"latent": 2}
    (tmp_path / "sweep.json").write_text(json.dumps({**WHOLE, **change}))
    with pytest.raises(ValueError, match=sentence):
        Sweep(tmp_path)


def ranked(tmp_path, *figures: tuple[int, int, float]) -> Sweep:
    """A sweep whose runs have these latents, seeds and ELBOs."""
    runs = [
        {**RUN, "settings": {"latent": d}, "seed": s, "folder": f"latent={d}/seed-{s}", "valid": {"ELBO": elbo}}
        for d, s, elbo in figures
    ]
    (tmp_path / "sweep.json").write_text(json.dumps({**WHOLE, "runs": runs}))
    return Sweep(tmp_path)


def test_cells_are_ranked_and_those_within_the_paired_interval_are_not_told_apart(tmp_path):
    """Latent 4 is worse than 8 by 1.0, 1.1 and 0.9: told apart, though seeds vary by 10. Latent 2 is not."""
    far = [(8, 0, -80.0), (8, 1, -90.0), (8, 2, -70.0), (4, 0, -81.0), (4, 1, -91.1), (4, 2, -70.9)]
    near = [(2, 0, -80.9), (2, 1, -89.0), (2, 2, -70.3)]
    found = ranked(tmp_path, *far, *near)
    assert [row.settings["latent"] for row in found.rows] == [8, 2, 4]
    assert [found.verdict(row) for row in found.rows] == ["best", "≈ best", ""]
    assert found.best_path == tmp_path / "latent=8/seed-2"


def test_one_seed_has_no_interval_and_the_table_says_so(tmp_path):
    found = ranked(tmp_path, (8, 0, -80.0), (4, 0, -70.0))
    assert "One seed: no interval" in str(found)
    assert "±" not in str(found)
    assert [found.verdict(row) for row in found.rows] == ["best", "one seed"]


def test_a_notebook_shows_the_table_and_nothing_in_it_is_markup(tmp_path):
    found = ranked(tmp_path, (8, 0, -80.0))
    found.record["grid"] = {"<script>": [1]}
    assert "<script>" not in found._repr_html_()
    assert "-80.00" in found._repr_html_()
