"""A head whose deviation grows away from the codes, against its formula written out."""

import math

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from vaekit.conditionals import RadialGaussian


def built(**options) -> RadialGaussian:
    torch.manual_seed(0)
    return RadialGaussian(nn.Identity(), 3, 2, centres=4, after=5, features=2, **options)


def shown(head, steps=5, rows=50):
    """Training on codes around four corners."""
    corners = torch.tensor([[1.0, 1.0], [-1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]])
    for _ in range(steps):
        z = corners[torch.randint(4, (rows,))] + 0.1 * torch.randn(rows, 2)
        head(z).log_prob(torch.randn(rows, 3) * 0.2)
        head.after_step()
    return corners


def test_the_deviation_is_that_of_the_bumps():
    head = built()
    shown(head)
    assert bool(head.placed)
    with torch.no_grad():
        head.log_weight.copy_(torch.randn(4, 3))
    z = torch.randn(6, 2)
    precision = torch.full((6, 3), head.floor)
    for k in range(4):
        bump = (-head.slope[k] * (z - head.centres[k]).square().sum(1)).exp()
        precision = precision + bump[:, None] * head.log_weight[k].exp()
    assert_close(head.eval()(z).stddev, precision.rsqrt())


def test_centres_are_where_codes_lie_and_bumps_as_wide_as_they_scatter():
    head = built()
    corners = shown(head)
    assert torch.cdist(corners, head.centres).amin(1).max() < 0.1
    scatter = 0.1 * math.sqrt(math.pi / 2)  # the mean distance of a plane's normal from its middle
    assert_close(head.slope, torch.full((4,), 0.5 / (1.25 * scatter) ** 2), rtol=0.4, atol=0)


def test_it_is_sure_at_the_codes_and_of_nothing_far_away():
    head = built(floor=1e-2)
    corners = shown(head).to(torch.get_default_dtype())
    head.eval()
    assert_close(head(10 * corners).stddev, torch.full((4, 3), 10.0))
    assert head(corners).stddev.max() < 0.5
    assert head(torch.zeros(1, 2)).stddev.min() > 3 * head(corners).stddev.max()


def test_before_the_centres_the_deviation_is_the_batch_s_own_best():
    head = built()
    shown(head, steps=4)
    assert not bool(head.placed)
    assert_close(head.eval()(torch.randn(5, 2)).stddev, head.early.mean_square.sqrt().expand(5, 3))


def test_placed_centres_stay_and_are_saved():
    head, other = built(), built()
    shown(head)
    before = head.centres.clone()
    shown(head, steps=10)
    assert torch.equal(head.centres, before)
    other.load_state_dict(head.state_dict())
    z = torch.randn(3, 2)
    assert_close(other.eval()(z).stddev, head.eval()(z).stddev)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"centres": 0}, "centres must be a whole number of at least 1, got 0"),
        ({"after": 0}, "after must be a whole number of at least 1, got 0"),
        ({"floor": 0.0}, "floor must be a finite number above 0, got 0.0"),
    ],
)
def test_nonsense_is_refused(options, said):
    with pytest.raises(ValueError, match=said):
        RadialGaussian(nn.Identity(), 3, 2, features=2, **options)
