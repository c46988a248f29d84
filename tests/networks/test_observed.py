import pytest
import torch
from torch.testing import assert_close

from vaekit.networks import Elements, quadrants


def test_the_observed_quadrants_are_the_lower_left_then_the_left_half_then_all_but_the_lower_right():
    one, two, three = (quadrants((1, 4, 6), n)[0].int().tolist() for n in (1, 2, 3))
    assert one == [[0] * 6, [0] * 6, [1, 1, 1, 0, 0, 0], [1, 1, 1, 0, 0, 0]]
    assert two == [[1, 1, 1, 0, 0, 0]] * 4
    assert three == [[1] * 6, [1] * 6, [1, 1, 1, 0, 0, 0], [1, 1, 1, 0, 0, 0]]


def test_every_channel_has_the_same_quadrants():
    mask = quadrants((3, 8, 8), 2)
    assert mask.shape == (3, 8, 8)
    assert torch.equal(mask, mask[:1].expand(3, 8, 8))


def test_an_odd_side_is_cut_with_the_longer_part_low_and_right():
    mask = quadrants((1, 5, 3), 1)[0]
    assert mask.nonzero().tolist() == [[2, 0], [3, 0], [4, 0]]
    assert (~quadrants((1, 5, 3), 3)[0]).nonzero().tolist() == [[r, c] for r in (2, 3, 4) for c in (1, 2)]


@pytest.mark.parametrize("observed", [0, 4, True, 1.5])
def test_another_number_of_quadrants_is_refused(observed):
    with pytest.raises(ValueError, match=f"observed must be 1, 2 or 3 quadrants, got {observed}"):
        quadrants((1, 4, 4), observed)


@pytest.mark.parametrize(
    ("shape", "sentence"),
    [((4, 4), r"shape must be \(channels, height, width\)"), ((1, 1, 4), "an image of 1x4 has no quadrants")],
)
def test_what_has_no_quadrants_is_refused(shape, sentence):
    with pytest.raises(ValueError, match=sentence):
        quadrants(shape, 1)


def test_elements_are_those_of_boolean_indexing():
    x, mask = torch.rand(3, 2, 4, 4), quadrants((2, 4, 4), 3)
    elements = Elements(mask)
    assert elements.out_shape == (24,)
    assert_close(elements(x), torch.stack([one[mask] for one in x]))


def test_elements_are_no_weights_and_are_made_where_tensors_are_shapes_alone():
    with torch.device("meta"):
        elements = Elements(quadrants((1, 4, 4), 1))
    assert elements.state_dict() == {}
    assert elements.out_shape == (4,)


def test_elements_of_another_shape_or_none_are_refused():
    with pytest.raises(ValueError, match=r"x must be \(B, 1, 4, 4\), got \(2, 1, 5, 4\)"):
        Elements(quadrants((1, 4, 4), 1))(torch.zeros(2, 1, 5, 4))
    with pytest.raises(ValueError, match="mask must mark at least one of 4 elements"):
        Elements(torch.zeros(4, dtype=torch.bool))
