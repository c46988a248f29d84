"""How often frames are halved: as is said, else as often as they can be."""

import pytest
from torch import nn

from vaekit.data import DataSpec, Domain
from vaekit.recipes import recipe

both = pytest.mark.parametrize("name", ["vrnn", "dsvae"])


def clips(side: int) -> DataSpec:
    return DataSpec("clips", (3, 1, side, side), Domain.LEVELS, levels=16, timed=True)


def widths(system) -> list[int]:
    """Channels after each convolution of stride 2."""
    return [m.out_channels for m in system.model.modules() if isinstance(m, nn.Conv2d) and m.stride == (2, 2)]


@both
@pytest.mark.parametrize(("side", "found"), [(32, [16, 32, 64]), (5, [16, 32, 64]), (4, [16, 32]), (2, [16])])
def test_unless_it_is_said_a_frame_is_halved_three_times_or_down_to_a_pixel(name, side, found):
    assert widths(recipe(name)(clips(side))) == found


@both
def test_what_is_said_is_what_is_built_or_refused(name):
    assert widths(recipe(name)(clips(8), channels=(4, 6, 8))) == [4, 6, 8]
    for side, channels in ((8, (4, 4, 4, 4, 4, 4)), (4, (16, 32, 64))):
        sentence = (
            f"{side}x{side} takes at most {side.bit_length() - 1} channels, each halving it once, got {len(channels)}"
        )
        with pytest.raises(ValueError, match=sentence):
            recipe(name)(clips(side), channels=channels)
