"""Blocks of deep hierarchies against what they are by hand."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

from vaekit.networks import (
    Beside,
    Bottleneck,
    Chain,
    FactorisedReduce,
    Meet,
    Residual,
    Rise,
    SmoothRise,
    SqueezeExcitation,
    Stages,
    convolution_cell,
    depthwise_cell,
    weight_normed,
)
from vaekit.networks.scales import patches_in, patches_out, pool
from vaekit.networks.shapes import divided_sizes


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def test_squeeze_excitation_gates_a_channel_by_the_means_of_all():
    gate = SqueezeExcitation(2)
    with torch.no_grad():
        gate.squeeze.weight.copy_(torch.tensor([[1.0, 1], [1, -1], [0, 0], [0, 0]]))
        gate.squeeze.bias.zero_()
        gate.excite.weight.copy_(torch.tensor([[1.0, 0, 0, 0], [0, 1, 0, 0]]))
        gate.excite.bias.copy_(torch.tensor([-3.0, 0.5]))
    x = torch.tensor([[[[0.0, 2], [2, 0]], [[4, 4], [0, 0]]]])  # means 1 and 2: hidden relu(3), relu(-1)
    first, second = 1 / (1 + math.exp(-(3 - 3))), 1 / (1 + math.exp(-0.5))
    assert_close(gate(x), torch.stack([x[:, 0] * first, x[:, 1] * second], dim=1))


@pytest.mark.parametrize(("channels", "hidden"), [(8, 4), (64, 4), (160, 10)])
def test_squeeze_excitation_has_a_sixteenth_of_the_channels_inside_but_four_at_least(channels, hidden):
    assert SqueezeExcitation(channels).squeeze.out_features == hidden


def test_a_normed_weight_is_first_the_one_that_was_given_and_then_of_the_learned_norm():
    layer, plain = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3)
    plain.load_state_dict(layer.state_dict())
    weight_normed(layer)
    x = torch.randn(2, 3, 5, 5)
    assert_close(layer(x), plain(x))
    with torch.no_grad():
        layer.parametrizations.weight.original0.copy_(torch.tensor([0.0, 1, -1, 2]))
        layer.parametrizations.weight.original1.mul_(7)  # the direction's own length counts for nothing
    assert_close(layer.weight.flatten(1).norm(dim=1), torch.tensor([0.0, 1, -1, 2]).exp())


def test_a_normed_weight_of_zero_stays_zero_and_finite():
    layer = nn.Linear(3, 2)
    nn.init.zeros_(layer.weight)
    assert torch.equal(weight_normed(layer).weight, torch.zeros(2, 3))


def test_factorised_reduce_gives_a_quarter_of_its_channels_to_each_phase_of_the_pixels():
    reduce = FactorisedReduce(3, 10)
    assert [phase.out_channels for phase in reduce.phases] == [2, 2, 2, 4]
    x = torch.zeros(1, 3, 4, 4)
    x[..., 1::2, 0::2] = torch.randn(1, 3, 2, 2)  # only the second phase is lit
    lit = reduce(x) - reduce(torch.zeros_like(x))
    assert lit[:, 2:4].abs().min() > 0
    assert_close(lit[:, :2].abs().max() + lit[:, 4:].abs().max(), torch.tensor(0.0))


def test_factorised_reduce_takes_a_lone_last_row_with_zeros_beside_it():
    reduce, x = FactorisedReduce(3, 8), torch.randn(2, 3, 7, 5)
    assert_close(reduce(x), reduce(F.pad(x, (0, 1, 0, 1))))
    assert reduce(x).shape == (2, 8, 4, 3)


def test_a_cell_adds_a_tenth_of_its_branch():
    cell, x = convolution_cell(4, 4), torch.randn(6, 4, 5, 5)
    cell.eval()
    assert_close(cell(x) - x, 0.1 * cell.branch(x))


def test_raising_before_the_depthwise_convolution_is_the_same_as_raising_first():
    cell, x = depthwise_cell(4, 6, 3, size=(6, 10)), torch.randn(5, 4, 3, 5)
    pointwise, raised, rest = cell.branch[:4], cell.branch[4:6], cell.branch[6:]
    assert_close(nn.Sequential(raised, pointwise, rest)(x), cell.branch(x))


def test_batch_norms_follow_a_twentieth_of_every_batch():
    cell, x = depthwise_cell(4, 4, 2), 3 + torch.randn(6, 4, 5, 5)
    cell(x)
    assert_close(cell.branch[0].running_mean, 0.05 * x.mean((0, 2, 3)))


@pytest.mark.parametrize("size", [(14, 14), (13, 9)])
def test_cells_halve_any_size_rounded_up_and_raise_it_back(size):
    half = tuple(-(-side // 2) for side in size)
    down, up = convolution_cell(4, 8, halve=True), depthwise_cell(8, 4, 3, size=size)
    h = down(torch.randn(2, 4, *size))
    assert h.shape == (2, 8, *half)
    assert up(h).shape == (2, 4, *size)


def test_a_smooth_rise_keeps_the_corners_and_what_is_flat():
    rise, x = SmoothRise(2, 2, (5, 7)), torch.randn(1, 2, 3, 4)
    with torch.no_grad():
        rise.mix.weight = torch.eye(2)[:, :, None, None]
        rise.mix.bias.zero_()
    assert_close(rise(x)[..., [0, 0, -1, -1], [0, -1, 0, -1]], x[..., [0, 0, -1, -1], [0, -1, 0, -1]])
    assert_close(rise(torch.full_like(x, 3.0)), torch.full((1, 2, 5, 7), 3.0))


def test_a_bottleneck_without_gain_gives_nothing_whatever_it_reads():
    assert torch.equal(Bottleneck(4, 2, 6, gain=0.0)(torch.randn(2, 4, 3, 3)), torch.zeros(2, 6, 3, 3))


def test_a_bottleneck_reads_two_pixels_around_and_with_kernel_1_none():
    for kernel, reached in ((3, 5), (1, 1)):
        x = torch.zeros(1, 4, 9, 9, requires_grad=True)
        Bottleneck(4, 3, 1, kernel=kernel)(x)[0, 0, 4, 4].backward()
        assert (x.grad.abs().sum((0, 1)) > 0).sum() == reached**2


def test_a_sum_of_scaled_bottlenecks_stays_as_large_as_one():
    blocks, x = 64, torch.randn(4, 32, 8, 8)
    deep = [Residual(Bottleneck(32, 8, 32, gain=1 / math.sqrt(blocks))) for _ in range(blocks)]
    of_one = blocks * torch.stack([block.branch(x).square().mean() for block in deep]).mean()
    of_all = (nn.Sequential(*deep)(x) - x).square().mean()
    assert 0.5 < of_all / of_one < 4


def test_a_rise_repeats_pixels_cuts_them_to_size_and_adds_what_it_learned():
    rise, x = Rise(2, 2, (3, 4)), torch.randn(1, 2, 2, 2)
    assert_close(rise(x), x.repeat_interleave(2, 2).repeat_interleave(2, 3)[..., :3, :])
    with torch.no_grad():
        rise.bias.fill_(1.5)
    assert_close(rise(torch.zeros_like(x)), torch.full((1, 2, 3, 4), 1.5))


def test_pooling_takes_the_mean_of_the_pixels_that_there_are():
    x = torch.arange(9.0).reshape(1, 1, 3, 3)
    assert_close(pool(2)(x), torch.tensor([[[[2.0, 3.5], [6.5, 8.0]]]]))


@pytest.mark.parametrize(("patch", "size"), [(1, (5, 4)), (2, (7, 8)), (3, (8, 10)), (4, (28, 9))])
def test_patches_go_in_rounded_up_and_come_out_at_the_pictures_size(patch, size):
    coarse = patches_in(3, 6, patch)(torch.randn(2, 3, *size))
    assert coarse.shape == (2, 6, *(-(-side // patch) for side in size))
    assert nn.Sequential(*patches_out(6, 5, patch, size))(coarse).shape == (2, 5, *size)


def test_stages_keep_what_each_of_them_gives():
    x = torch.ones(2, 3)
    found = Stages({"one": nn.Hardtanh(-4, 0.5), "two": nn.Threshold(1.0, 9.0)})(x)
    assert_close(found, {"one": torch.full((2, 3), 0.5), "two": torch.full((2, 3), 9.0)})


def test_maps_beside_each_other_are_read_as_channels():
    a, b = torch.randn(2, 3, 4, 4), torch.randn(2, 2, 4, 4)
    conv = nn.Conv2d(5, 1, 1)
    assert_close(Beside(conv)(a, b), conv(torch.cat([a, b], 1)))


def test_a_meeting_starts_small_and_reads_both():
    meet, e, h = Meet(6, 4), torch.randn(8, 6, 5, 5), torch.randn(8, 6, 5, 5)
    inner = meet(e, h)[..., 1:-1, 1:-1]  # away from the padding
    assert 0.01 < inner.square().mean() < 0.04  # a tenth of the usual scale, of two signals of unit size
    assert_close(meet(e, h), meet.last(e + meet.mix(h)))


def test_a_chain_says_what_it_gives():
    chain = Chain((2, 3, 3), nn.Conv2d(1, 2, 3))
    assert chain(torch.zeros(4, 1, 5, 5)).shape[1:] == chain.out_shape


def test_sizes_are_divided_and_rounded_up():
    assert divided_sizes((28, 20), (2, 2, 4), "rates") == [(28, 20), (14, 10), (7, 5), (2, 2)]


def test_more_sizes_than_a_map_has_are_refused():
    with pytest.raises(ValueError) as refusal:  # noqa: PT011
        divided_sizes((4, 6), (2, 2, 2, 2), "rates")
    assert str(refusal.value) == (
        "rates must leave something to divide: 5 sizes were asked for, and a map of 4x6 has only 4x6, 2x3, 1x2, 1x1"
    )
