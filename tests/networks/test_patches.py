"""Features of patches against patches cut out one by one, and against images with their pixels in another order."""

import pytest
import torch
from torch.testing import assert_close

from vaekit.networks import Patches


def built(patch):
    torch.manual_seed(0)
    return Patches((3, 5, 6), 7, patch).double(), torch.rand(2, 3, 5, 6, dtype=torch.float64)


def test_colours_are_all_that_patches_of_one_pixel_tell():
    network, x = built(1)
    elsewhere = x.flatten(2)[..., torch.randperm(30)].view_as(x)
    assert_close(network(elsewhere), network(x))
    other, _ = built(2)
    assert (other(elsewhere) - other(x)).abs().max() > 1e-3


def test_is_of_the_mean_and_the_maximum_over_patches_cut_out_one_by_one():
    network, x = built(3)
    cut = torch.stack([x[..., i : i + 3, j : j + 3] for i in range(3) for j in range(4)])
    features = network.look(cut.flatten(0, 1)).flatten(1).unflatten(0, (12, 2))
    assert_close(network(x), network.say(torch.cat([features.mean(0), features.amax(0)], 1)))


@pytest.mark.parametrize("patch", [0, 6])
def test_refuses_a_patch_that_does_not_fit(patch):
    with pytest.raises(ValueError, match=f"patch must be from 1 to 5, the smaller side of the image, got {patch}"):
        Patches((3, 5, 6), 7, patch)
