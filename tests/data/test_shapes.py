"""The shapes that vaekit draws: against the published animation, against loops over pixels, and against their own factors."""

import math

import numpy as np
import pytest
import torch

import vaekit.data
from vaekit.data import DataSpec
from vaekit.data.shapes import GRID, HEART, drawn

PUBLISHED = {  # lit pixels at the six scales, upright in the first place, counted in dSprites' animation
    0: [100, 144, 196, 256, 324, 400],
    1: [76, 104, 144, 184, 228, 288],
    2: [58, 84, 108, 140, 182, 222],
}
BOXES = {  # first and last row, first and last column of the same animation
    (0, 0, 0, 0, 0): (11, 20, 11, 20),
    (1, 5, 5, 0, 0): (6, 25, 6, 25),
    (1, 5, 10, 0, 0): (3, 28, 9, 22),
    (2, 5, 5, 0, 0): (5, 21, 5, 21),
    (2, 5, 10, 0, 0): (7, 25, 6, 24),
    (2, 5, 0, 31, 0): (7, 23, 38, 57),
    (2, 5, 0, 0, 31): (39, 55, 6, 25),
}


@pytest.fixture(scope="module")
def grid():
    return vaekit.data.shapes()


def is_inside(shape, u, v):
    """Whether a point of the shape's own frame is in it, one number at a time."""
    if shape == 0:
        return abs(u) <= 9.6 and abs(v) <= 9.6
    if shape == 1:
        return (u / 12.76) ** 2 + (v / 7.22) ** 2 <= 1
    degrees = math.degrees(math.atan2(v + 2, abs(u))) + 90
    i = min(int(degrees // 5), 35)
    outline = HEART[i] + (degrees / 5 - i) * (HEART[i + 1] - HEART[i])
    return math.sqrt(u**2 + (v + 2) ** 2) <= outline


def by_loops(shape, scale, orientation, x, y, size):
    angle, grown = 2 * math.pi * orientation / 39, 0.5 + 0.1 * scale
    picture = np.zeros((size, size), int)
    for row in range(size):
        for column in range(size):
            across = ((column + 0.5) * 64 / size - (16 + 32 * x / 31)) / grown
            down = ((row + 0.5) * 64 / size - (16 + 32 * y / 31)) / grown
            u = math.cos(angle) * across - math.sin(angle) * down
            v = math.sin(angle) * across + math.cos(angle) * down
            picture[row, column] = is_inside(shape, u, v)
    return picture


@pytest.mark.parametrize("size", [64, 32, 16, 48, 128])
def test_pictures_are_those_of_a_loop_over_their_pixels(size):
    rng = np.random.default_rng(size)
    latents = rng.integers(list(GRID.values()), size=(12 if size < 100 else 3, 5))
    latents[:3, 0], latents[0, 1:], latents[1, 3:] = range(3), (5, 5, 0, 31), (0, 31)
    for picture, latent in zip(drawn(latents, size), latents.tolist(), strict=True):
        assert np.array_equal(picture, by_loops(*latent, size))


@pytest.mark.parametrize("shape", PUBLISHED)
def test_as_many_pixels_are_lit_as_in_the_published_animation(shape):
    lit = [int(drawn(np.array([[shape, scale, 0, 0, 0]]), 64).sum()) for scale in range(6)]
    assert np.abs(np.subtract(lit, PUBLISHED[shape])).max() <= (2 if shape == 2 else 0)


@pytest.mark.parametrize("latents", BOXES)
def test_turns_and_places_go_the_way_of_the_published_animation(latents):
    rows, columns = np.nonzero(drawn(np.array([latents]), 64)[0])
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == BOXES[latents]


def test_the_grid_has_every_combination_once_and_the_last_factor_changes_first(grid):
    assert (len(grid), grid.nbytes) == (737_280, 737_280 * 64 * 64)
    table = grid.factors(np.arange(len(grid)))
    assert len(np.unique(table @ [10**8, 10**6, 10**4, 100, 1])) == len(grid)
    assert table[:3].tolist() == [[0, 0, 0, 0, 0], [0, 0, 0, 0, 1], [0, 0, 0, 0, 2]]
    assert table[32 * 32 * 40 * 6 + 32 * 7].tolist() == [1, 0, 0, 7, 0]


def test_a_picture_does_not_depend_on_what_is_taken_with_it(grid):
    rows = np.random.default_rng(0).integers(len(grid), size=300)
    together = grid.take(rows)
    assert (together.dtype, together.shape) == (np.uint8, (300, 1, 64, 64))
    for i in (0, 7, 255, 256, 299):
        assert np.array_equal(grid.take(rows[i : i + 1])[0], together[i])
    assert grid.take(rows[:0]).shape == (0, 1, 64, 64)


def test_the_middle_of_a_square_is_at_its_place():
    latents = np.array([[0, 5, o, x, y] for o in (0, 3) for x in (0, 9, 31) for y in (0, 20, 31)])
    for picture, (*_, x, y) in zip(drawn(latents, 128), latents, strict=True):
        rows, columns = np.nonzero(picture)
        assert abs((columns.mean() + 0.5) / 2 - (16 + 32 * x / 31)) < 0.2
        assert abs((rows.mean() + 0.5) / 2 - (16 + 32 * y / 31)) < 0.2


def test_nothing_reaches_the_border(grid):
    latents = np.array([[shape, 5, o, x, y] for shape in range(3) for o in range(39) for x in (0, 31) for y in (0, 31)])
    for size in (16, 64):
        ring = drawn(latents, size)
        ring[:, 1:-1, 1:-1] = 0
        assert not ring.any()


def test_coarse_and_fine_pixels_show_the_same_shape():
    latents = np.random.default_rng(1).integers(list(GRID.values()), size=(200, 5))
    fine, coarse = drawn(latents, 64), drawn(latents, 32)
    blocks = fine.reshape(200, 32, 2, 32, 2).sum((2, 4))
    convex = latents[:, 0] < 2  # the middle of four points that are inside is inside too
    assert (coarse[convex][blocks[convex] == 4] == 1).all()
    assert (coarse[blocks == 0] == 0).mean() > 0.999
    assert int(coarse.sum()) * 4 == pytest.approx(int(fine.sum()), rel=0.01)


def test_the_last_orientation_is_the_first_again_and_fewer_are_all_different():
    both = vaekit.data.shapes([2], [5], [0, 39], 2, 2)
    pictures = both.take(np.arange(len(both)))
    assert np.array_equal(pictures[:4], pictures[4:])
    assert "look the same" in vaekit.data.open("shapes:2,x5,x0-39x2x2").spec.describe()
    for n in (2, 8, 39):
        made = vaekit.data.shapes([2], [5], n, [16], [16])
        assert len({x.tobytes() for x in made.take(np.arange(n))}) == n


@pytest.mark.parametrize(
    ("asked", "values"),
    [
        ({"scale": 1}, (3,)),
        ({"scale": 3}, (1, 3, 5)),
        ({"scale": 6}, (0, 1, 2, 3, 4, 5)),
        ({"pos_x": 8}, (2, 6, 10, 14, 18, 22, 26, 30)),
        ({"orientation": 40}, tuple(range(40))),
        ({"orientation": 4}, (4, 14, 24, 34)),
        ({"pos_y": [31, 0]}, (31, 0)),
    ],
)
def test_fewer_values_are_spread_evenly_or_are_those_that_are_listed(asked, values):
    made = vaekit.data.shapes(**{**dict.fromkeys(("shape", "scale", "orientation", "pos_x", "pos_y"), 1), **asked})
    assert values in made.values


def test_a_part_of_the_grid_holds_the_pictures_of_the_whole(grid):
    part = vaekit.data.shapes([2, 0], [5, 1], 3, [7], 4)
    rows = np.arange(len(part))
    values = np.array([[own[i] for own, i in zip(part.values, at, strict=True)] for at in part.factors(rows)])
    whole = np.ravel_multi_index(tuple(values.T), tuple(GRID.values()))
    assert np.array_equal(part.take(rows), grid.take(whole))


def test_the_set_is_opened_with_its_factors():
    data = vaekit.data.open("shapes:3x2x4x8-15x0,31")
    assert data.spec.describe() == "shapes: 1x64x64 binary, 3 classes, 5 known factors"
    assert data.spec.factors.names == ("shape", "scale", "orientation", "posX", "posY")
    assert data.spec.factors.sizes == (3, 2, 4, 8, 2)
    assert data.spec.label_names == ("square", "ellipse", "heart")
    assert {role: len(split) for role, split in data.splits().items()} == {"train": 308, "valid": 38, "test": 38}
    assert data.decisions()["factors"] == "5 known: shape (3), scale (2), orientation (4), posX (8), posY (2)"
    assert DataSpec.from_dict(data.spec.to_dict()) == data.spec


def test_factors_and_labels_stay_with_their_pictures():
    made = vaekit.data.shapes(3, 2, 4, range(8, 16), [0, 31])
    data = vaekit.data.open("shapes:3x2x4x8-15x0,31", seed=5)
    for split in data.splits().values():
        some = split.select(torch.arange(len(split)).flip(0)[:20])
        rows = np.ravel_multi_index(tuple(some.factors.long().numpy().T), made.sizes)
        assert np.array_equal(some.x.numpy(), made.take(rows))
        assert torch.equal(some.labels, some.factors[:, 0])
        assert set(some.batch(torch.arange(3))) == {"x", "labels"}


def test_a_factor_of_one_value_is_none():
    data = vaekit.data.open("shapes:1,x6x5,x4x4")
    assert (data.spec.factors.names, data.spec.classes) == (("scale", "posX", "posY"), None)
    assert data.train.factors.shape == (len(data.train), 3)


def test_many_pictures_are_drawn_when_they_are_asked_for_and_few_are_held(monkeypatch):
    held = vaekit.data.open("shapes:3x2x4x4x4", size=32)
    monkeypatch.setattr("vaekit.data.grids.HELD", 0.0)
    streamed = vaekit.data.open("shapes:3x2x4x4x4", size=32)
    assert held.decisions()["held"] == "in memory"
    assert streamed.decisions()["held"] == "drawn when they are asked for"
    assert (held.train.in_memory, streamed.train.in_memory) == (True, False)
    assert held.spec == streamed.spec
    assert held.spec.shape == (1, 32, 32)
    assert torch.equal(held.test.x, streamed.test.x)
    assert torch.equal(held.train.mean(), streamed.train.mean())


def test_the_whole_grid_is_opened_without_drawing_it():
    data = vaekit.data.open("shapes")
    assert sum(map(len, data.splits().values())) == 737_280
    assert not data.train.in_memory
    assert data.spec.describe().endswith("its first and last orientations look the same")
    assert data.train.batch(torch.tensor([0, 300_000]))["x"].sum((1, 2, 3)).min() > 50


def test_it_is_opened_again_from_its_record():
    data = vaekit.data.open("shapes:3x2x4x4x4", size=32, seed=3)
    again = vaekit.data.Data.reopen(data.source)
    assert again.spec == data.spec
    assert torch.equal(again.test.x, data.test.x)
    assert torch.equal(again.test.factors, data.test.factors)


def test_new_examples_are_drawn_to_size_and_have_no_factors_of_the_data():
    spec = vaekit.data.open("shapes:3x2x4x4x4", size=32).spec
    new = vaekit.data.read("shapes:2,x1x1x5x5", spec)
    assert (new.stored.shape, new.factors) == ((25, 1, 32, 32), None)


@pytest.mark.parametrize(("name", "label"), [("sprites:40", "shirt"), ("moving-digits:40x3", "digit")])
def test_what_clips_are_made_of_is_known_too(name, label):
    data = vaekit.data.open(name)
    made = vaekit.data.sprites(40) if label == "shirt" else vaekit.data.moving_digits(40, steps=3)
    assert data.spec.factors.names == (*made.content, "motion")
    table = torch.from_numpy(np.stack([*made.content.values(), made.motion], 1))
    for split in data.splits().values():
        found = [next(i for i in range(40) if np.array_equal(made.x[i], x)) for x in split.x.numpy()]
        assert torch.equal(split.factors.long(), table[found])
        assert torch.equal(split.labels, split.factors[:, 0])


REFUSED = {
    "parts": ("shapes:3x6x40", {}, r"source 'shapes:3x6x40' must be shapes or shapes:3x6x40x32x32, shape x scale x"),
    "words": ("shapes:3x6xfewx1x1", {}, "must be shapes or shapes:3x6x40x32x32"),
    "empty": ("shapes:", {}, "must be shapes or shapes:3x6x40x32x32"),
    "count": ("shapes:4x1x1x1x1", {}, "shape must have at most its 3 values, got 4"),
    "nothing": ("shapes:3x0x1x1x1", {}, "scale must be a whole number of at least 1, got 0"),
    "outside": ("shapes:3x4-6x1x1x1", {}, r"values of scale must be some of 0 to 5, each once, got \[4, 5, 6\]"),
    "twice": ("shapes:3x1,1x1x1x1", {}, r"values of scale must be some of 0 to 5, each once, got \[1, 1\]"),
    "backwards": ("shapes:3x5-4x1x1x1", {}, r"values of scale must be some of 0 to 5, each once, got \[\]"),
    "one": ("shapes:1x1x1x1x1", {}, "x must hold at least 2 examples, got 1"),
    "small": ("shapes", {"size": 8}, "size must be a whole number of at least 16, got 8"),
    "large": ("shapes", {"size": 256}, "size must be at most 128 pixels, got 256"),
    "oblong": ("shapes", {"size": (32, 64)}, "size of shapes must be one side, as its pictures are square, got 32 and"),
    "fit": ("shapes", {"size": 32, "fit": "pad"}, "fit belongs to pictures in files, got source 'shapes'"),
    "other": ("digits", {"size": 32}, "size belongs to pictures in files, got source 'digits'"),
}


@pytest.mark.parametrize(("name", "options", "sentence"), REFUSED.values(), ids=list(REFUSED))
def test_what_is_not_on_the_grid_is_refused_in_a_sentence(name, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        vaekit.data.open(name, **options)


def test_the_function_refuses_what_the_name_cannot_say():
    with pytest.raises(ValueError, match=r"values of shape must be some of 0 to 2, each once, got \[\]"):
        vaekit.data.shapes([])
    with pytest.raises(ValueError, match="a value of posX must be a whole number of at least 0, got -1"):
        vaekit.data.shapes(pos_x=[-1, 3])
    with pytest.raises(ValueError, match=r"scale must be a whole number of at least 1, got 2\.5"):
        vaekit.data.shapes(scale=2.5)
