"""Inception-v3 against published counts of its parameters, and against pytorch-fid where that is installed."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from vaekit.networks import InceptionV3


@pytest.fixture(scope="module")
def network():
    """With weights and batch statistics under which signals neither vanish nor agree."""
    torch.manual_seed(0)
    network = InceptionV3().eval().requires_grad_(False)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.bias, std=0.1)
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.running_mean, std=0.1)
            nn.init.uniform_(layer.running_var, 0.5, 1.5)
    return network


def test_it_has_as_many_parameters_as_are_published(network):
    normed = sum(layer.num_features for layer in network.modules() if isinstance(layer, nn.BatchNorm2d))
    without_head = sum(p.numel() for name, p in network.named_parameters() if not name.startswith("fc."))
    keras, torchvision = 21_802_784, 23_834_568  # without a head and without scales; with a head of 1000 classes
    assert without_head - normed + 2 * normed == keras
    assert without_head + 2048 * 1000 + 1000 == torchvision
    assert network.fc.weight.shape == (1008, 2048)


def test_features_are_those_of_pytorch_fid(network):
    theirs = pytorch_fid(network.state_dict())
    x = torch.rand(2, 3, 40, 31)
    ours = network(x)
    assert ours.std() > 0.1
    assert_close(ours, theirs(x)[0][:, :, 0, 0], atol=1e-4, rtol=1e-4)


def pytorch_fid(state):
    """Its network with this state; the torchvision that it imports must have been built for this torch."""
    try:
        import pytorch_fid.inception as witness
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"pytorch-fid cannot be imported: {error}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(witness, "load_state_dict_from_url", lambda *_, **__: state)
        return witness.InceptionV3([3]).eval()


def test_a_grey_picture_is_that_with_three_equal_channels(network):
    grey = torch.rand(1, 1, 20, 20)
    assert torch.equal(network(grey), network(grey.expand(-1, 3, -1, -1)))


def test_a_constant_picture_has_the_same_features_at_every_size(network):
    assert_close(
        network(torch.full((1, 3, 8, 9), 0.3)), network(torch.full((1, 3, 299, 299), 0.3)), rtol=1e-4, atol=1e-4
    )


def test_another_number_of_channels_is_refused(network):
    message = r"x must be grey or RGB pictures \(B, 1 or 3, height, width\), got \(1, 2, 8, 8\)"
    with pytest.raises(ValueError, match=message):
        network(torch.rand(1, 2, 8, 8))
