"""Clips and pictures in other units than [0, 1] are shown on their own range."""

import numpy as np
import pytest
import torch
from PIL import Image

from vaekit.cli.output import write_events
from vaekit.data import DataSpec, Domain
from vaekit.report.film import film_pairs

CLIPS = DataSpec("clips", (2, 1, 8, 8), Domain.REAL, timed=True)


def ramp(low, high):
    return torch.linspace(low, high, 2 * 64).reshape(1, 2, 1, 8, 8)


def shown(path):
    return np.asarray(Image.open(path).convert("L"))[::5, ::5]


@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (0.0, 255.0), (0.0, 1.0)])
def test_a_clip_looks_alike_in_every_unit(low, high, tmp_path):
    x = ramp(low, high)
    wanted = (255 * ramp(0, 1)[0, 0, 0]).round().numpy()
    write_events(x, CLIPS, tmp_path / "x.gif", 1)
    np.testing.assert_allclose(shown(tmp_path / "x.gif"), wanted, atol=1)
    write_events(x, CLIPS, tmp_path / "x.png")
    np.testing.assert_allclose(shown(tmp_path / "x.png")[:, :8], wanted, atol=1)
    picture = DataSpec("pictures", (1, 8, 8), Domain.REAL)
    write_events(torch.cat([x[:, 0], x[:, 1]]), picture, tmp_path / "grid.png", 1)
    np.testing.assert_allclose(shown(tmp_path / "grid.png")[:8], wanted, atol=1)


def test_what_leaves_the_unit_interval_is_cut_where_the_data_cannot(tmp_path):
    x = ramp(-0.5, 1.5)
    unit = DataSpec("clips", (2, 1, 8, 8), Domain.UNIT, timed=True)
    write_events(x, unit, tmp_path / "x.gif", 1)
    wanted = (255 * x[0, 0, 0].clamp(0, 1)).round().numpy()
    np.testing.assert_allclose(shown(tmp_path / "x.gif"), wanted, atol=1)


def test_pairs_are_on_the_range_of_the_originals():
    x = ramp(-1, 1)
    one, other = film_pairs(x, 0.5 * x), film_pairs(0.5 * x + 0.5, 0.25 * x + 0.5)
    a, b = (figure.axes[0].images[0].get_array() for figure in (one, other))
    np.testing.assert_allclose(a.astype(int), b.astype(int), atol=1)
