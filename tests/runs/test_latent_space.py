"""What a run says of its latent space, against sums and distances written out."""

import pytest
import torch
from torch.testing import assert_close

import vaekit as vk


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    torch.set_default_dtype(torch.float32)
    place = tmp_path_factory.mktemp("runs") / "flat"
    arguments = {"latent": 3, "hidden": (16,)}
    return vk.train("vae", vk.data.open("digits"), folder=place, arguments=arguments, steps=100, report=vk.Silent())


@pytest.fixture(scope="module")
def gumbel(tmp_path_factory):
    place = tmp_path_factory.mktemp("runs") / "gumbel"
    arguments = {"latent": 3, "categories": 4, "hidden": (8,)}
    return vk.train(
        "gumbel-vae", vk.data.open("digits"), folder=place, arguments=arguments, steps=3, report=vk.Silent()
    )


def test_neighbours_are_the_nearest_by_all_distances(run):
    queries, train = run.split("test")[1].first(5), run.split("train")[1]
    numbers, distances = run.neighbours(queries, 4)
    every = (run.encode(queries)[:, None] - run.encode(train)).norm(dim=-1)
    nearest, which = every.sort(dim=1)
    assert_close(distances, nearest[:, :4], atol=1e-4, rtol=1e-4)
    assert torch.equal(numbers, which[:, :4])
    own, none = run.neighbours(queries, 1, split="test")
    assert torch.equal(own[:, 0], torch.arange(5))
    assert none.max() < 1e-3


def test_dimensions_are_traversed_from_the_highest_kl_on(run):
    q = run.model.encode(run.split()[1].first(1000).all()["x"])
    each = 0.5 * (q.mean.square() + q.variance - 1 - q.variance.log()).mean(0)
    assert_close(run.traverse(2), run.traverse(2, dimensions=each.argsort(descending=True).tolist()))


def test_a_label_s_vector_is_the_difference_of_means(run):
    codes, labels = run.encode(run.split("train")[1]), run.split("train")[1].labels
    vectors = run.attributes()
    assert sorted(vectors) == list(range(10))
    assert_close(vectors[3], codes[labels == 3].mean(0) - codes[labels != 3].mean(0))
    z = run.encode(run.split()[1].first(3))[2]
    assert_close(
        run.along_attribute(3, 2, steps=3, most=2.0),
        run.decode(torch.stack([z - 2 * vectors[3], z, z + 2 * vectors[3]])),
    )


def test_sums_of_codes_are_decoded(run):
    a, b, c = run.encode(run.split()[1].first(3))
    assert_close(run.arithmetic(0, 1, 2), run.decode((a - b + c)[None])[0])
    assert_close(run.arithmetic(0, 1, 1), run.decode(a[None])[0])


def test_the_plane_is_that_of_the_two_widest_dimensions(run):
    codes = run.encode(run.split()[1])
    first, second = sorted(codes.var(0).topk(2).indices.tolist())
    made = run.manifold(3)
    z = torch.zeros(9, 3)
    low = float(torch.distributions.Normal(0.0, 1.0).icdf(torch.tensor(1 / 6)))
    across = torch.tensor([low, 0.0, -low])
    z[:, first], z[:, second] = across.repeat(3), (-across).repeat_interleave(3)
    assert_close(made, run.decode(z), atol=1e-5, rtol=1e-5)
    assert_close(run.manifold(3, dimensions=(first, second)), made)


def test_a_geodesic_joins_the_two_reconstructions(run):
    path = run.interpolate(0, 1, 5, path="geodesic")
    assert_close(path[[0, -1]], run.reconstruct(run.split()[1].first(2)), atol=1e-4, rtol=1e-4)


def test_it_says_what_it_cannot_do(run, gumbel):
    for call, said in (
        (lambda: run.neighbours(run.split()[1], 0), "k must be from 1 to 1258, the examples of train, got 0"),
        (lambda: run.along_attribute(12), "label must lie between 0 and 9, got 12"),
        (lambda: run.along_attribute(1, steps=0), "steps must be at least 1, got 0"),
        (
            lambda: run.manifold(3, dimensions=(0, 3)),
            r"dimensions must be two different numbers from 0 to 2, got \(0, 3\)",
        ),
        (
            lambda: run.interpolate(0, 1, path="round"),
            "path must be 'spherical', 'straight' or 'geodesic', got 'round'",
        ),
        (lambda: gumbel.attributes(), "attribute vectors need latents of real numbers"),
        (lambda: gumbel.arithmetic(0, 1, 2), "codes and classes have no sums: z is of such"),
        (lambda: gumbel.manifold(), "the plane needs a latent of two or more real numbers under a prior, z is not one"),
        (lambda: gumbel.interpolate(0, 1, path="geodesic"), "a geodesic needs a model of one latent, a vector of real"),
    ):
        with pytest.raises(ValueError, match=said):
            call()
