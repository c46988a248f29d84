"""Clips as pictures, read back by Pillow and compared with the tensors that they were made of."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from vaekit.report import animation, film_strip, gif, save_film, save_gif

N, T = 3, 4


@pytest.fixture
def clips():
    """Every frame another, few enough colours for a palette: (3, 4, 3, 8, 8)."""
    generator = torch.Generator().manual_seed(0)
    return torch.randint(4, (N, T, 3, 8, 8), generator=generator) / 3


def frames_of(content: bytes) -> np.ndarray:
    picture, found = Image.open(io.BytesIO(content)), []
    for i in range(picture.n_frames):
        picture.seek(i)
        found.append(np.asarray(picture.convert("RGB")))
    return np.stack(found)


def bytes_of(frame: torch.Tensor) -> np.ndarray:
    return (255 * frame).round().byte().movedim(0, -1).numpy()


def test_frames_of_a_gif_are_those_of_the_tensor(clips, tmp_path):
    frames = frames_of(save_gif(clips, tmp_path / "clips.gif", columns=N).read_bytes())
    assert len(frames) == T
    assert np.array_equal(frames, animation(clips, N))
    tall, wide = frames.shape[1:3]
    assert (tall, wide) == (40, 40 * N + 2 * (N - 1))  # 8 pixels at five times their size, two of white between
    for i in range(N):
        left = i * 42
        shown = frames[:, ::5, left : left + 40 : 5]
        assert np.array_equal(shown, np.stack([bytes_of(clips[i, t]) for t in range(T)]))


def test_a_gif_goes_round_at_its_pace(clips):
    picture = Image.open(io.BytesIO(gif(animation(clips), pace=200)))
    assert picture.info["loop"] == 0
    assert picture.info["duration"] == 200


def test_more_colours_than_a_palette_holds_are_brought_near():
    clip = torch.rand(1, 3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    found, wanted = frames_of(gif(animation(clip))).astype(float), animation(clip).astype(float)
    assert 0 < np.abs(found - wanted).mean() < 16


def test_grey_clips_are_exact_at_any_level():
    clip = torch.arange(256.0).reshape(1, 1, 1, 16, 16).repeat(1, 2, 1, 1, 1) / 255
    clip[0, 1] = clip[0, 1].flip(-1)
    assert np.array_equal(frames_of(gif(animation(clip))), animation(clip))


def test_a_strip_of_film_has_a_row_for_each_clip(clips, tmp_path):
    strip = np.asarray(Image.open(save_film(clips, tmp_path / "film.png")).convert("RGB"))
    assert np.array_equal(strip, film_strip(clips))
    for i in range(N):
        for t in range(T):
            assert np.array_equal(strip[i * 42 : i * 42 + 40 : 5, t * 42 : t * 42 + 40 : 5], bytes_of(clips[i, t]))


def test_what_is_no_clip_is_refused(clips, tmp_path):
    with pytest.raises(ValueError, match=r"clips must have the shape \(N, T, C, H, W\), got \(4, 3, 8, 8\)"):
        film_strip(clips[0])
    with pytest.raises(ValueError, match=r"path must end in \.gif, got"):
        save_gif(clips, tmp_path / "clips.png")
