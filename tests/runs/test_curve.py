"""Models along beta: against the exact curve of a normal source, and begun where the last one ended."""

import json

import numpy as np
import pytest

import vaekit as vk

QUIET = {"report": vk.Silent(), "patience": 0}


@pytest.fixture(scope="module")
def normal():
    rng = np.random.default_rng(0)
    turned, _ = np.linalg.qr(rng.normal(size=(4, 4)))
    x = (rng.normal(size=(4000, 4)) * np.array([2.0, 1.0, 0.5, 0.3])) @ turned.T
    return vk.data.open(x.astype(np.float32), standardise=False, seed=0)


@pytest.mark.slow
def test_linear_models_end_on_the_exact_curve(normal, tmp_path):
    arguments = {"hidden": (), "latent": 2}
    plan = {"steps": 1200, "lr": 1e-2, "decay": True, **QUIET}
    found = vk.rate_distortion(normal, (4.0, 0.5, 1.0), folder=tmp_path / "rd", arguments=arguments, **plan)
    assert list(found.points) == [0.5, 1.0, 4.0]
    for beta, point in found.points.items():
        rate, error = found.exact(beta)
        assert point.rate.mean == pytest.approx(rate, rel=0.06, abs=0.02)
        assert point.squared_error.mean == pytest.approx(error, rel=0.08)
    rates = [point.rate.mean for point in found.points.values()]
    assert rates == sorted(rates, reverse=True)


def test_it_goes_on_where_it_was_stopped_and_keeps_what_is_there(normal, tmp_path):
    plan = {"steps": 30, **QUIET}
    arguments = {"hidden": (4,), "latent": 2}
    first = vk.rate_distortion(normal, (1.0, 2.0), folder=tmp_path / "rd", arguments=arguments, **plan)
    written = (tmp_path / "rd" / "beta=2" / "metrics.csv").stat().st_mtime_ns
    more = vk.rate_distortion(normal, (1.0, 2.0, 3.0), folder=tmp_path / "rd", arguments=arguments, **plan)
    assert (tmp_path / "rd" / "beta=2" / "metrics.csv").stat().st_mtime_ns == written
    assert more.points[2.0].rate.mean == first.points[2.0].rate.mean
    kept = json.loads((tmp_path / "rd" / "rd.json").read_text())
    assert [row["beta"] for row in kept["points"]] == [1.0, 2.0, 3.0]
    assert more.runs[3.0].record["start"] == str(tmp_path / "rd" / "beta=2")
    with pytest.raises(ValueError, match="holds a run of beta-vae with other options: name another folder"):
        vk.rate_distortion(normal, (1.0, 2.0), folder=tmp_path / "rd", arguments={**arguments, "latent": 3}, **plan)


@pytest.mark.parametrize("betas", [(1.0,), (1.0, 1.0), (0.0, 1.0), (1.0, float("nan")), ()], ids=str)
def test_betas_are_two_or_more_different_numbers(normal, betas, tmp_path):
    with pytest.raises(ValueError, match="betas must be two or more different numbers above 0, got"):
        vk.rate_distortion(normal, betas, folder=tmp_path / "rd")
    assert not (tmp_path / "rd").exists()


@pytest.mark.parametrize("name", ["iwae", "beta-tcvae", "autoencoder"])
def test_a_recipe_whose_rate_has_no_weight_of_its_own_is_refused(normal, name, tmp_path):
    with pytest.raises(
        ValueError, match=f"{name} has no weight of its rate to go along: use beta-vae, vae or conv-vae"
    ):
        vk.rate_distortion(normal, (1.0, 2.0), name=name, folder=tmp_path / "rd")


def test_training_starts_with_the_weights_of_another_run(normal, tmp_path):
    arguments = {"hidden": (4,), "latent": 2}
    plan = {"steps": 40, **QUIET}
    before = vk.train("vae", normal, folder=tmp_path / "a", arguments=arguments, **plan)
    plan |= {"steps": 1, "lr": 1e-9}
    after = vk.train("vae", normal, folder=tmp_path / "b", arguments=arguments, start=tmp_path / "a", **plan)
    apart = vk.train("vae", normal, folder=tmp_path / "c", arguments=arguments, **plan)
    x = normal.valid.first(5)
    assert np.allclose(after.encode(x), before.encode(x), atol=1e-4)
    assert not np.allclose(apart.encode(x), before.encode(x), atol=1e-2)


def test_weights_of_another_composition_are_refused_before_there_is_a_folder(normal, tmp_path):
    plan = {"steps": 1, **QUIET}
    vk.train("vae", normal, folder=tmp_path / "a", arguments={"hidden": (4,), "latent": 2}, **plan)
    with pytest.raises(ValueError, match="was saved from another composition"):
        vk.train(
            "vae", normal, folder=tmp_path / "b", arguments={"hidden": (5,), "latent": 2}, start=tmp_path / "a", **plan
        )
    with pytest.raises(
        ValueError, match=r"start must be a run with weights, or a file of them, got .*none.safetensors"
    ):
        vk.train("vae", normal, folder=tmp_path / "b", start=tmp_path / "none.safetensors", **plan)
    assert not (tmp_path / "b").exists()
