"""Runs whose latent is a point of a sphere: what they are asked leads along the sphere and not through it."""

import math

import pytest
import torch
from torch.testing import assert_close

import vaekit as vk
from vaekit.training import Silent


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> vk.Run:
    data = vk.data.open("digits", binarise="fixed", limit=200)
    arguments = {"latent": 4, "hidden": (16,)}
    where = tmp_path_factory.mktemp("runs") / "sphere"
    return vk.train("sphere-vae", data, folder=where, arguments=arguments, epochs=2, accelerator="cpu", report=Silent())


@pytest.fixture(scope="module")
def codes(run) -> torch.Tensor:
    return run.encode(run.split()[1].batch(torch.arange(6))["x"])


def test_codes_and_draws_of_them_have_length_one(run, codes):
    x = run.split()[1].batch(torch.arange(6))["x"]
    assert_close(codes.norm(dim=-1), torch.ones(6))
    assert_close(run.encode(x, draws=3).norm(dim=-1), torch.ones(3, 6))


def test_codes_decode_to_the_reconstruction_and_count_by_their_direction(run, codes):
    x = run.split()[1].batch(torch.arange(6))["x"]
    assert_close(run.decode(codes), run.reconstruct(x))
    assert_close(run.decode(7 * codes), run.decode(codes))


@pytest.mark.parametrize("path", ["spherical", "straight"])
def test_halfway_between_two_examples_is_the_middle_of_the_arc(run, codes, path):
    middle = codes[0] + codes[1]
    assert_close(run.interpolate(0, 1, 3, path=path)[1], run.decode(middle[None] / middle.norm())[0])


def test_a_traversal_moves_along_the_great_circle_through_a_coordinates_pole(run, codes):
    moved = codes[0].repeat(2, 1)
    moved[:, 2] = torch.tensor([-2.0, 2.0]) / math.sqrt(4)  # the prior's standard deviation
    expected = run.decode(moved / moved.norm(dim=-1, keepdim=True))
    assert_close(run.traverse(0, dimensions=[2], steps=2, span=2.0)[0], expected)


def test_samples_have_one_temperature(run):
    assert run.sample(3).shape == (3, 1, 8, 8)
    with pytest.raises(ValueError, match="no point of a sphere is typical of all"):
        run.sample(3, temperature=0.0)
    with pytest.raises(ValueError, match="UniformOnSphere has neither a scale nor logits"):
        run.sample(3, temperature=0.5)


def test_it_is_evaluated_like_any_other(run):
    found = run.evaluate(samples=50, limit=20)
    assert found.rate.what.endswith("closed form")
    assert found.log_likelihood.value > found.elbo.value
    assert run.metrics[-1]["valid/active:z"] <= 4
