import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgba

from vaekit.report import kl_per_dimension
from vaekit.report.style import BLUE, FAINT


def test_bars_are_the_rates_in_falling_order_and_blue_where_active():
    rate, variance = torch.tensor([0.5, 3.0, 0.001, 1.0]), torch.tensor([0.2, 0.9, 0.01, 0.0101])
    axes = kl_per_dimension(rate, variance).axes[0]
    np.testing.assert_allclose([bar.get_height() for bar in axes.patches], [3.0, 1.0, 0.5, 0.001])
    assert [bar.get_facecolor() for bar in axes.patches] == [to_rgba(BLUE)] * 3 + [to_rgba(FAINT)]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["1", "3", "0", "2"]
    assert axes.get_title(loc="left") == "3 of 4 dimensions active, 4.5 nats in all"


def test_maps_of_latents_are_taken_element_by_element():
    axes = kl_per_dimension(torch.ones(4, 8, 8), torch.zeros(4, 8, 8)).axes[0]
    assert len(axes.patches) == 256
    assert axes.get_title(loc="left") == "0 of 256 dimensions active, 256.0 nats in all"


@pytest.mark.parametrize("rate", [[0.0], [2.0], [0.3, -0.1]])
def test_one_dimension_none_and_estimates_below_zero_fit(rate):
    axes = kl_per_dimension(torch.tensor(rate), torch.ones(len(rate))).axes[0]
    low, high = axes.get_ylim()
    assert low <= min(0.0, *rate) <= max(rate) < high


def test_the_key_covers_no_bar():
    figure = kl_per_dimension(torch.full((12,), 2.0), torch.ones(12))
    figure.canvas.draw()
    axes = figure.axes[0]
    assert axes.get_legend().get_window_extent().y0 > max(bar.get_window_extent().y1 for bar in axes.patches)


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match="one shape"):
        kl_per_dimension(torch.ones(3), torch.ones(4))
    with pytest.raises(ValueError, match="rate must be finite"):
        kl_per_dimension(torch.tensor([1.0, float("inf")]), torch.ones(2))
