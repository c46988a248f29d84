"""The sequences that vaekit draws: what was drawn can be told from the pictures."""

import numpy as np
import pytest

import vaekit.data
from vaekit.data.bouncing import MOTIONS as MOVES
from vaekit.data.bouncing import ROOM, SPEEDS, TURN
from vaekit.data.characters import COLOURS, MOTIONS, PERIOD


@pytest.fixture(scope="module")
def clips():
    return vaekit.data.sprites(120, seed=1)


@pytest.fixture(scope="module")
def digits():
    return vaekit.data.moving_digits(150, seed=1, steps=24)


@pytest.mark.parametrize("draw", [vaekit.data.sprites, vaekit.data.moving_digits])
def test_a_seed_is_a_set_and_the_first_clips_of_another_size_are_others_alone_by_the_seed(draw):
    one, same, other = draw(20, 3), draw(20, 3), draw(20, 4)
    assert np.array_equal(one.x, same.x)
    assert np.array_equal(one.motion, same.motion)
    assert not np.array_equal(one.x, other.x)


def test_every_colour_is_seen_in_every_frame_and_no_other_of_its_kind_that_is_not(clips):
    for name, colours in COLOURS.items():
        seen = np.stack([(clips.x == np.array(c).reshape(3, 1, 1)).all(2).sum((2, 3)) for c in colours.values()])
        own = np.take_along_axis(seen, clips.content[name][None, :, None], 0)[0]
        assert (own >= 10).all()  # (clips, frames): enough pixels to be told by


def test_the_colour_of_the_shirt_is_the_commonest_but_for_the_background(clips):
    colours = np.array(list(COLOURS["shirt"].values()))
    middle = np.moveaxis(clips.x[:, :, :, 8:24, 10:22], 2, -1)
    found = np.stack([(middle == c).all(-1).sum((1, 2, 3)) for c in colours], 1).argmax(1)
    assert (found == clips.content["shirt"]).mean() > 0.95


def test_a_motion_repeats_after_its_period_and_not_before():
    clips = vaekit.data.sprites(60, steps=2 * PERIOD)
    assert np.array_equal(clips.x[:, :PERIOD], clips.x[:, PERIOD:])
    for shift in range(1, PERIOD):
        assert (clips.x[:, 0] != clips.x[:, shift]).any((1, 2, 3)).mean() > 0.5


def test_motion_has_no_part_in_the_colours_nor_they_in_it():
    clips = vaekit.data.sprites(3000)
    for y in clips.content.values():
        table = np.histogram2d(y, clips.motion, bins=(y.max() + 1, len(MOTIONS)))[0]
        expected = table.sum(1, keepdims=True) * table.sum(0) / table.sum()
        assert ((table - expected) ** 2 / expected).sum() < 60  # chi squared, at most 25 degrees of freedom


def test_walking_right_is_walking_left_in_a_mirror():
    clips = vaekit.data.sprites(200)
    left, right = (clips.x[clips.motion == MOTIONS.index(name)] for name in ("walk left", "walk right"))
    shapes = {(frame != frame[:, :1, :1]).any(0).tobytes() for clip in left for frame in clip}
    mirrored = {np.ascontiguousarray((f != f[:, :1, :1]).any(0)[:, ::-1]).tobytes() for clip in right for f in clip}
    assert shapes == mirrored


def corners(clips):
    """Where each digit is: the first row and column that are not black, (clips, frames, 2)."""
    lit = clips.x[:, :, 0] > 0
    return np.stack([lit.any(3).argmax(2), lit.any(2).argmax(2)], -1)


def test_a_digit_stays_itself_while_it_moves(digits):
    for clip, place in zip(digits.x[:30, :, 0], corners(digits)[:30], strict=True):
        shown = [np.roll(frame, (-row, -column), (0, 1)) for frame, (row, column) in zip(clip, place, strict=True)]
        assert all(np.array_equal(shown[0], frame) for frame in shown)


def test_digits_move_as_their_kind_does(digits):
    steps = np.abs(np.diff(corners(digits), axis=1))
    for kind, moves in (("left-right", (False, True)), ("up-down", (True, False)), ("falling", (True, True))):
        chosen = steps[digits.motion == MOVES.index(kind)]
        assert (chosen.any(1) == moves).all()
        fastest = chosen.max((1, 2))
        assert set(fastest.tolist()) == set(SPEEDS)
    both = np.diff(corners(digits), axis=1)
    for kind, sign in (("falling", 1), ("rising", -1)):
        chosen = both[digits.motion == MOVES.index(kind)]
        assert (chosen[..., 0] == sign * chosen[..., 1]).all()


def test_a_circle_closes(digits):
    place = corners(digits)[digits.motion == MOVES.index("circle")]
    assert np.array_equal(place[:, :-TURN], place[:, TURN:])
    assert np.abs(np.diff(place, axis=1)).max() <= 0.4 * ROOM


@pytest.mark.parametrize(
    ("name", "shape"),
    [("sprites:30", (8, 3, 32, 32)), ("sprites:30x5", (5, 3, 32, 32)), ("moving-digits:30x4", (4, 1, 32, 32))],
)
def test_a_named_set_has_the_size_that_its_name_asks_for(name, shape):
    data = vaekit.data.open(name)
    assert (sum(map(len, data.splits().values())), data.spec.shape, data.spec.timed) == (30, shape, True)
    assert not data.spec.ragged
    assert data.train.labels is not None


def test_a_named_set_may_have_lengths():
    data = vaekit.data.open("moving-digits:60x3-5", valid=0, test=0)
    assert set(data.train.lengths.tolist()) == {3, 4, 5}
    assert data.spec.ragged


@pytest.mark.parametrize("name", ["sprites:", "sprites:0", "sprites:5x", "sprites:5x0", "sprites:abc"])
def test_a_size_that_is_none_is_refused(name):
    with pytest.raises(ValueError, match="must be sprites, sprites:COUNT, sprites:COUNTxSTEPS or sprites:COUNTxLEAST"):
        vaekit.data.open(name)


def test_clips_shorter_than_their_shortest_are_refused():
    with pytest.raises(ValueError, match="least must be at most the 4 steps of the clips, got 5"):
        vaekit.data.open("sprites:9x5-4")
    with pytest.raises(ValueError, match="n must be a whole number of at least 1, got 0"):
        vaekit.data.sprites(0)
