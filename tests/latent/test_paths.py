"""Paths in latent space against their geometry."""

import math

import pytest
import torch
from scipy.stats import norm
from torch.testing import assert_close

from vaekit.latent import quantile_grid, spherical, straight, traversal

A, B = torch.tensor([3.0, 0.0, 0.0]).double(), torch.tensor([0.0, 0.0, 1.0]).double()


def test_a_straight_path_is_even_and_ends_at_its_ends():
    path = straight(A, B, 5)
    assert_close(path.diff(dim=0), ((B - A) / 4).expand(4, 3))
    assert_close(path[[0, -1]], torch.stack([A, B]))


def test_a_spherical_path_turns_evenly_and_its_norm_goes_evenly():
    path = spherical(A, B, 7)
    assert_close(path[[0, -1]], torch.stack([A, B]))
    assert_close(path.norm(dim=1), torch.linspace(3, 1, 7).double())
    directions = path / path.norm(dim=1, keepdim=True)
    turned = (directions[1:] * directions[:-1]).sum(1).acos()
    assert_close(turned, torch.full((6,), math.pi / 2 / 6).double())


@pytest.mark.parametrize("b", [2 * A, -A, 0 * A], ids=["parallel", "opposite", "of no length"])
def test_where_no_circle_is_defined_the_path_is_straight(b):
    assert_close(spherical(A, b, 4), straight(A, b, 4))


def test_a_spherical_path_keeps_the_norm_that_draws_have_and_a_straight_one_does_not():
    a, b = torch.randn(2, 256, generator=torch.Generator().manual_seed(0)).double()
    between = spherical(a, b, 3)[1].norm(), straight(a, b, 3)[1].norm()
    assert between[0] == pytest.approx(math.sqrt(256), rel=0.1)
    assert between[1] == pytest.approx(math.sqrt(128), rel=0.1)


def test_a_path_works_on_latents_of_any_shape():
    a, b = torch.randn(2, 2, 3, 3).double()
    assert_close(spherical(a, b, 4).flatten(1), spherical(a.flatten(), b.flatten(), 4))


def test_a_traversal_changes_one_element_alone():
    z = torch.arange(6.0).reshape(2, 3)
    rows = traversal(z, 4, [-1.0, 0.5])
    assert rows[:, 1, 1].tolist() == [-1.0, 0.5]
    rows[:, 1, 1] = z[1, 1]
    assert_close(rows, z.expand(2, 2, 3))


def test_a_grid_gives_every_point_the_same_share_of_the_prior():
    grid = quantile_grid(4).double()
    assert_close(torch.tensor(norm.cdf(grid[:4, 0])), torch.tensor([1, 3, 5, 7]).double() / 8, atol=1e-6, rtol=0)
    assert_close(torch.tensor(norm.cdf(grid[::4, 1])), torch.tensor([7, 5, 3, 1]).double() / 8, atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: straight(A, B, 1), "steps must be at least 2"),
        (lambda: spherical(A, B[:2], 3), "one shape"),
        (lambda: traversal(A, 3, [0.0]), "dimension must lie between 0 and 2"),
        (lambda: quantile_grid(0), "n must be at least 1"),
    ],
)
def test_a_mistake_is_named(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
