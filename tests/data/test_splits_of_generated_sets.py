"""No clip of one split of a generated set is in another, told from the pixels alone."""

import itertools

import numpy as np
import pytest
import torch

import vaekit.data
from vaekit.data.characters import figures
from vaekit.data.holdout import parts
from vaekit.data.order import seeded


def told(split):
    """Every clip as it is shown: its frames up to its end."""
    lengths = [len(clip) for clip in split.x] if split.lengths is None else split.lengths.tolist()
    return [clip[:length].numpy().tobytes() for clip, length in zip(split.x, lengths, strict=True)]


@pytest.mark.parametrize("name", ["sprites", "sprites:3000x1-3", "sprites:8000x1", "moving-digits:3000x3"])
def test_no_clip_is_in_two_splits(name):
    splits = vaekit.data.open(name, seed=1).splits()
    for one, other in itertools.combinations(splits.values(), 2):
        assert not set(told(one)) & set(told(other))
    if name.startswith("sprites"):
        assert len(set(told(splits["train"]))) == len(splits["train"])


def test_no_picture_of_a_digit_is_in_two_splits():
    splits = vaekit.data.open("moving-digits:4000x2", valid=300, test=0.1).splits()
    found = {}
    for role, split in splits.items():
        first = split.x[:, 0, 0].numpy()
        lit = first > 0
        corners = np.stack([lit.any(2).argmax(1), lit.any(1).argmax(1)], 1)
        found[role] = {np.roll(x, tuple(-corner), (0, 1)).tobytes() for x, corner in zip(first, corners, strict=True)}
        shares = split.labels.bincount() / len(split)
        assert (shares - 0.1).abs().max() < 0.02
    assert [len(split) for split in splits.values()] == [3300, 300, 400]
    assert not found["train"] & found["test"]
    assert not found["train"] & found["valid"]
    assert not found["valid"] & found["test"]


def test_the_same_seed_parts_a_set_in_the_same_way():
    one, same, other = (vaekit.data.open("moving-digits:60x2", seed=seed).test.x for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_all_clips_that_there_are_can_be_had_and_no_more():
    clips = vaekit.data.sprites(13_824)
    assert len({clip.tobytes() for clip in clips.x}) == 13_824
    sentence = "n must be at most 13,824, the different clips of 8 steps, got 13,825"
    with pytest.raises(ValueError, match=sentence):
        vaekit.data.open("sprites:13825")
    with pytest.raises(ValueError, match="n must be at most 8,064, the different clips of 1 steps, got 9,000"):
        vaekit.data.open("sprites:9000x1-8")


@pytest.mark.parametrize("name", ["sprites:9999999x9999", "moving-digits:50001x10"])
def test_more_frames_than_memory_holds_are_refused(name):
    with pytest.raises(ValueError, match="n times steps must be at most 500,000 frames, got"):
        vaekit.data.open(name)


def test_what_is_kept_apart_is_said():
    assert "no two clips alike" in vaekit.data.open("sprites:30").spec.describe()
    assert "no picture of a digit in two splits" in vaekit.data.open("moving-digits:30x2").spec.describe()


def test_a_figure_takes_a_byte_a_pixel():
    assert figures().dtype == np.uint8


def test_rows_of_one_origin_stay_together():
    origin = np.repeat(np.arange(10), 3)
    labels = torch.from_numpy(origin % 2)
    found = parts(30, labels, 6, 8, seeded(0, 0), origin)
    assert sorted(torch.cat(list(found.values())).tolist()) == list(range(30))
    assert [len(rows) for rows in found.values()] == [18, 6, 6]  # 8 are no whole origins
    for one, other in itertools.combinations(found.values(), 2):
        assert not set(origin[one].tolist()) & set(origin[other].tolist())
    with pytest.raises(ValueError, match="test must hold all examples of at least one origin, got 2"):
        parts(30, labels, 0, 2, seeded(0, 0), origin)
