import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.testing import assert_close

from vaekit.networks import Conv, ConvTranspose, ResidualBlock, ResNetDecoder, ResNetEncoder, group_norm

ENCODERS = {"conv": Conv, "resnet": lambda *args: ResNetEncoder(*args, blocks=1)}
DECODERS = {"conv": ConvTranspose, "resnet": lambda *args: ResNetDecoder(*args, blocks=1)}


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@st.composite
def sizes_and_channels(draw):
    size = draw(st.tuples(st.integers(1, 33), st.integers(2, 33)))
    most = min(4, (max(size) - 1).bit_length())
    return size, draw(st.lists(st.integers(2, 9), min_size=1, max_size=most))


@pytest.mark.parametrize("kind", ENCODERS)
@settings(max_examples=25, deadline=None, derandomize=True)
@given(drawn=sizes_and_channels())
def test_any_size_is_halved_and_given_back_through_the_same_sizes(kind, drawn):
    size, channels = drawn
    encoder, decoder = ENCODERS[kind]((1, *size), *channels), DECODERS[kind](3, size, *channels[::-1])
    with torch.no_grad():
        h, back = encoder(torch.rand(2, 1, *size)), decoder(torch.rand(2, 3))
    halved = [math.ceil(side / 2 ** len(channels)) for side in size]
    assert h.shape[1:] == encoder.out_shape == (channels[-1], *halved)
    assert back.shape[1:] == decoder.out_shape == (channels[0], *size)
    assert decoder.layers[0].out_shape == encoder.out_shape


@pytest.mark.parametrize("kind", ENCODERS)
@pytest.mark.parametrize("size", [(28, 28), (28, 20), (105, 105), (8, 8), (5, 7), (1, 2)])
def test_takes_the_sizes_of_known_data_sets_and_as_many_halvings_as_they_have(kind, size):
    channels = [2] * (max(size) - 1).bit_length()
    with torch.no_grad():
        assert ENCODERS[kind]((1, *size), *channels)(torch.rand(2, 1, *size)).shape == (2, 2, 1, 1)
        assert DECODERS[kind](3, size, *channels)(torch.rand(2, 3)).shape == (2, 2, *size)
    with pytest.raises(ValueError, match=f"takes at most {len(channels)} channels"):
        ENCODERS[kind]((1, *size), *channels, 2)


def test_conv_has_as_many_parameters_as_its_kernels_and_biases():
    assert count(Conv((3, 9, 7), 4, 6, context=2)) == (9 * 5 * 4 + 4) + (9 * 4 * 6 + 6)
    assert count(Conv((3, 9, 7), 4, 6, kernel=5)) == (25 * 3 * 4 + 4) + (25 * 4 * 6 + 6)


def test_transposed_conv_has_as_many_parameters_as_its_linear_map_kernels_and_biases():
    linear = (5 + 2) * (6 * 3 * 2) + 6 * 3 * 2
    kernels = (16 * 6 * 4 + 4) + (16 * 4 * 4 + 4)
    assert count(ConvTranspose(5, (9, 7), 6, 4, context=2)) == linear + kernels


def test_resnets_have_as_many_parameters_as_their_parts():
    def block(channels):
        return 2 * (9 * channels**2 + channels) + 2 * 2 * channels

    def stage(before, after):
        return (9 * before * after + after) + 3 * block(after)

    assert count(ResNetEncoder((3, 9, 7), 4, 6, blocks=3)) == stage(3, 4) + stage(4, 6) + 2 * 6
    linear = 5 * (6 * 3 * 2) + 6 * 3 * 2
    assert count(ResNetDecoder(5, (9, 7), 6, 4, blocks=3)) == linear + stage(6, 6) + stage(6, 4) + 2 * 4


def test_a_context_acts_as_constant_channels():
    torch.manual_seed(0)
    x, c = torch.rand(2, 3, 8, 6), torch.rand(2, 2)
    conv, plain = Conv((3, 8, 6), 4, 5, context=2), Conv((5, 8, 6), 4, 5)
    plain.load_state_dict(conv.state_dict())
    channels = c[:, :, None, None] * torch.ones(1, 1, 8, 6)
    assert_close(conv(x, c), plain(torch.cat([x, channels], dim=1)))


def test_a_norm_is_made_for_each_layer():
    network = Conv((3, 8, 6), 4, 5, norm=nn.BatchNorm2d)
    assert [layer.num_features for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)] == [4, 5]
    assert network(torch.rand(2, 3, 8, 6)).shape == (2, 5, 2, 2)


def test_several_contexts_are_one():
    conv = Conv((3, 8, 6), 4, context=5)
    x, a, b = torch.rand(2, 3, 8, 6), torch.rand(2, 2), torch.rand(2, 3)
    assert torch.equal(conv(x, a, b), conv(x, torch.cat([a, b], dim=1)))


def test_a_residual_block_whose_last_convolution_is_zero_is_the_identity():
    block, x = ResidualBlock(6, dropout=0.5), torch.randn(2, 6, 5, 7)
    nn.init.zeros_(block.last.weight)
    assert torch.equal(block(x), x)


def test_a_residual_block_equals_its_formula():
    torch.manual_seed(0)
    block, x = ResidualBlock(3, activation=nn.Tanh).double(), torch.randn(2, 3, 5, 7, dtype=torch.float64)

    def normed(h):  # three channels are one group
        h = h.flatten(1)
        return ((h - h.mean(1, keepdim=True)) / (h.var(1, correction=0, keepdim=True) + 1e-5).sqrt()).view_as(x)

    h = torch.nn.functional.conv2d(torch.tanh(normed(x)), block.first.weight, padding=1)
    expected = x + torch.nn.functional.conv2d(torch.tanh(normed(h)), block.last.weight, padding=1)
    assert_close(block(x), expected)


@given(channels=st.integers(1, 600))
def test_groups_divide_the_channels_and_hold_at_least_four_where_there_are_four(channels):
    groups = group_norm(channels).num_groups
    assert channels % groups == 0
    assert 1 <= groups <= 32
    assert channels // groups >= min(4, channels)


def test_wide_maps_get_thirty_two_groups():
    assert group_norm(256).num_groups == 32


@pytest.mark.parametrize("depth", [1, 4])
def test_resnets_start_with_features_as_large_at_any_depth(depth):
    torch.manual_seed(0)
    encoder = ResNetEncoder((3, 32, 32), 32, 32, blocks=depth)
    with torch.no_grad():
        before_norm = encoder.layers[:-2](torch.randn(8, 3, 32, 32))
    assert 0.5 < before_norm.square().mean() < 4


def test_transposed_convolutions_keep_the_second_moment_away_from_the_border():
    torch.manual_seed(0)
    decoder = ConvTranspose(64, (32, 32), 64, 64, 64)
    with torch.no_grad():
        last_conv = decoder.layers[:-1](torch.randn(32, 64))
    assert last_conv[..., 8:-8, 8:-8].square().mean().item() == pytest.approx(1.0, rel=0.35)
