"""Geodesics against great circles, and a noisy ring that they must not cross."""

import math

import pytest
import torch
from torch.testing import assert_close

from vaekit.latent import geodesic, path_length


def on_sphere(z):
    """Longitude and latitude to a point of the unit sphere, whose geodesics are great circles."""
    longitude, latitude = z.unbind(-1)
    return torch.stack([latitude.cos() * longitude.cos(), latitude.cos() * longitude.sin(), latitude.sin()], -1)


def test_on_a_sphere_it_is_the_great_circle():
    a, b = torch.tensor([0.0, 0.9]), torch.tensor([2.0, 0.7])
    found = geodesic(on_sphere, a, b, 21)
    angle = math.acos(float(on_sphere(a) @ on_sphere(b)))
    assert found.length == pytest.approx(angle, rel=1e-3)
    assert found.straight > 1.1 * angle
    points = on_sphere(found.path)
    normal = torch.linalg.cross(on_sphere(a), on_sphere(b))
    assert (points @ normal).abs().max() < 0.01
    assert_close(points[[0, -1]], on_sphere(torch.stack([a, b])))
    lengths = points.diff(dim=0).norm(dim=1)
    assert lengths.std() < 0.02 * lengths.mean()


def test_in_a_flat_space_it_is_the_straight_line():
    matrix = torch.tensor([[1.0, 2.0], [0.0, 3.0], [1.0, 0.0]])
    a, b = torch.tensor([0.0, 1.0]), torch.tensor([2.0, -1.0])
    found = geodesic(lambda z: z @ matrix.T, a, b, 5)
    assert_close(found.path, a + torch.linspace(0, 1, 5)[:, None] * (b - a), atol=1e-4, rtol=0)
    assert found.length == pytest.approx(float((matrix @ (b - a)).norm()))
    assert path_length(lambda z: z @ matrix.T, torch.stack([a, b])) == pytest.approx(found.straight)


def hill(z):
    """A plane with a steep hill a little above the origin: the way below it is the shorter one."""
    height = 5 * (-(z - torch.tensor([0.0, 0.1])).square().sum(-1, keepdim=True) / 0.1).exp()
    return torch.cat([z, height], -1)


def test_the_graph_of_codes_shows_the_other_side_of_a_hill():
    torch.manual_seed(0)
    a, b = torch.tensor([-1.0, 0.3]), torch.tensor([1.0, 0.3])
    below = torch.rand(400, 2) * torch.tensor([2.4, 0.8]) - torch.tensor([1.2, 1.0])
    found = geodesic(hill, a, b, 30, below)
    assert found.length == min(found.tried)
    assert len(found.tried) == 2
    assert found.length < 0.6 * found.straight


@pytest.mark.parametrize(
    ("a", "b", "steps", "said"),
    [
        (torch.zeros(2), torch.zeros(3), 5, r"a and b must have one shape, got \(2,\) and \(3,\)"),
        (torch.zeros(2), torch.ones(2), 1, "steps must be at least 2, the ends included, got 1"),
    ],
)
def test_says_what_ends_it_needs(a, b, steps, said):
    with pytest.raises(ValueError, match=said):
        geodesic(on_sphere, a, b, steps)
