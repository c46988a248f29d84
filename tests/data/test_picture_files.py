"""Folders of pictures: what is in the files comes out, and what cannot be read is named."""

import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from vaekit import data

rng = np.random.default_rng(0)


def noise(height=6, width=5, channels=3):
    return rng.integers(0, 256, (height, width, channels)[: 3 if channels > 1 else 2]).astype(np.uint8)


def save(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(path, **options)
    return path


def stored(opened):
    """Every training example, channels last."""
    return opened.train.x.permute(0, 2, 3, 1).numpy()


@pytest.fixture
def pets(tmp_path):
    """Ten pictures of cats and ten of dogs, some of them deeper."""
    for i in range(10):
        save(tmp_path / "pets" / "dog" / f"{i}.png", noise())
        save(tmp_path / "pets" / "cat" / "wild" / f"{i}.png", noise())
    return tmp_path / "pets"


def test_pixels_come_out_as_they_were_saved_in_the_order_of_their_names(tmp_path):
    kept = [noise() for _ in range(4)]
    for name, pixels in zip(("a.png", "b.webp", "c.PNG", "sub/d.png"), kept, strict=True):
        save(tmp_path / name, pixels, **({"lossless": True} if name.endswith("webp") else {}))
    opened = data.open(tmp_path, valid=0)
    np.testing.assert_array_equal(stored(opened), kept)
    assert (opened.spec.shape, opened.spec.domain, opened.spec.levels) == ((3, 6, 5), "levels", 256)
    assert opened.spec.classes is None
    assert "3 pictures lie beside sub-folders" in opened.spec.notes[0]


def test_a_jpeg_is_what_pillow_decodes(tmp_path):
    paths = [save(tmp_path / f"{i}.jpg", noise(30, 20)) for i in range(3)]
    expected = [np.asarray(Image.open(path).convert("RGB")) for path in paths]
    np.testing.assert_array_equal(stored(data.open(tmp_path, valid=0)), expected)


def test_first_folders_are_labels(pets):
    opened = data.open(pets, valid=0)
    assert opened.spec.label_names == ("cat", "dog")
    assert opened.train.labels.tolist() == [0] * 10 + [1] * 10
    assert "from the names of sub-folders: cat, dog" in opened.decisions()["labels"]


def test_folders_called_train_and_test_are_splits(tmp_path):
    for role, classes in (("train", "abc"), ("test", "bc"), ("val", "a")):
        for name in classes:
            for i in range(3):
                save(tmp_path / role / name / f"{i}.png", noise())
    opened = data.open(tmp_path)
    assert [len(split) for split in (opened.train, opened.valid, opened.test)] == [9, 3, 6]
    assert opened.spec.label_names == ("a", "b", "c")
    assert opened.test.labels.tolist() == [1] * 3 + [2] * 3
    with pytest.raises(ValueError, match=r"valid must not be given .* its own valid files, got 2"):
        data.open(tmp_path, valid=2)
    again = data.Data.reopen(opened.source)
    assert torch.equal(again.valid.x, opened.valid.x)


def test_a_limit_takes_from_every_folder(pets):
    assert data.open(pets, limit=6, valid=0).train.labels.tolist() == [0, 0, 0, 1, 1, 1]


FITS = {
    "crop": lambda image: ImageOps.fit(image, (4, 8), Image.Resampling.BICUBIC),
    "stretch": lambda image: image.resize((4, 8), Image.Resampling.BICUBIC),
    "pad": lambda image: ImageOps.pad(image, (4, 8), Image.Resampling.BICUBIC),
}


@pytest.mark.parametrize("fit", FITS)
def test_pictures_of_several_sizes_get_one(tmp_path, fit):
    paths = [save(tmp_path / f"{i}.png", noise(12 + i, 9)) for i in range(3)]
    opened = data.open(tmp_path, size=(8, 4), fit=fit, valid=0)
    np.testing.assert_array_equal(stored(opened), [np.asarray(FITS[fit](Image.open(path))) for path in paths])
    assert (opened.spec.fit, opened.spec.shape) == (fit, (3, 8, 4))


def test_a_crop_keeps_the_middle_and_padding_is_black(tmp_path):
    wide = np.zeros((10, 30, 3), np.uint8)
    wide[:, 10:20] = 200
    save(tmp_path / "a.png", wide)
    save(tmp_path / "b.png", noise(20, 20))
    cropped, padded, flat = (
        stored(data.open(tmp_path, size=10, fit=f, valid=0))[0] for f in ("crop", "pad", "stretch")
    )
    assert (cropped == 200).all()
    assert (padded[:3] == 0).all()
    assert (padded[-3:] == 0).all()
    assert padded[5].max() > 150
    assert flat[5, 0].max() == 0


def test_grey_files_have_one_channel_and_a_single_colour_file_makes_three(tmp_path):
    grey = [noise(channels=1) for _ in range(3)]
    for i, pixels in enumerate(grey):
        save(tmp_path / f"{i}.png", pixels)
    assert data.open(tmp_path).spec.shape == (1, 6, 5)
    assert data.open(tmp_path, channels=3).spec.shape == (3, 6, 5)
    save(tmp_path / "colour.png", noise())
    mixed = data.open(tmp_path, valid=0)
    assert mixed.spec.shape == (3, 6, 5)
    np.testing.assert_array_equal(stored(mixed)[0], np.stack([grey[0]] * 3, -1))
    luma = data.open(tmp_path, channels=1, valid=0).train.x[-1, 0].numpy()
    np.testing.assert_array_equal(luma, np.asarray(Image.open(tmp_path / "colour.png").convert("L")))


def half_clear():
    image = Image.fromarray(np.full((6, 5, 4), (0, 0, 0, 128), np.uint8), "RGBA")
    return image, np.full((6, 5, 3), 127)


def palette():
    pixels = noise(channels=1) % 4
    image = Image.fromarray(pixels, "P")
    image.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255])
    return image, np.array([[0, 0, 0], [255, 0, 0], [0, 255, 0], [0, 0, 255]])[pixels]


def clear_palette():
    image, colours = palette()
    image.info["transparency"] = 1
    return image, np.where((colours == (255, 0, 0)).all(-1, keepdims=True), 255, colours)


def sixteen_bits():
    pixels = rng.integers(0, 65536, (6, 5)).astype(np.uint16)
    return Image.fromarray(pixels), np.stack([np.rint(pixels / 257)] * 3, -1)


def black_and_white():
    pixels = noise(channels=1) > 99
    return Image.fromarray(pixels), np.stack([pixels * 255] * 3, -1)


KINDS = {kind.__name__: kind for kind in (half_clear, palette, clear_palette, sixteen_bits, black_and_white)}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_picture_is_seen_as_people_see_it(tmp_path, kind):
    image, expected = KINDS[kind]()
    save(tmp_path / "a.png", image)
    save(tmp_path / "b.png", noise())
    np.testing.assert_allclose(stored(data.open(tmp_path, valid=0))[0], expected, atol=1)


def test_cmyk_is_converted_to_colours(tmp_path):
    save(tmp_path / "a.jpg", Image.new("CMYK", (8, 8), (0, 255, 255, 0)), quality=95)
    save(tmp_path / "b.jpg", Image.new("CMYK", (8, 8), (255, 255, 0, 0)), quality=95)
    red, blue = stored(data.open(tmp_path, valid=0))
    assert red[..., 0].min() > 240
    assert red[..., 1:].max() < 15
    assert blue[..., 2].min() > 240


def test_a_picture_lies_as_its_exif_says(tmp_path):
    turned = Image.Exif()
    turned[0x0112] = 6  # to be turned clockwise
    pixels = np.zeros((10, 20, 3), np.uint8)
    pixels[:, :10] = 255
    for name in ("a.jpg", "a.png", "a.webp"):
        save(tmp_path / "turned" / name, Image.fromarray(pixels), exif=turned)
    save(tmp_path / "turned" / "b.png", noise(20, 10))
    opened = data.open(tmp_path / "turned", valid=0)
    assert opened.spec.shape == (3, 20, 10)
    for picture in stored(opened)[:3]:
        assert picture[:9].min() > 200
        assert picture[11:].max() < 50


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_of(width, height):
    """A sound PNG whose header says so many pixels; the rows themselves are not there."""
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return start + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


def whole_png(path):
    return save(path, noise(40, 40)).read_bytes()


BROKEN = {
    "cut.png": lambda path: whole_png(path)[:-400],
    "cut.jpg": lambda path: save(path, noise(40, 40)).read_bytes()[:-100],
    "cut.webp": lambda path: save(path, noise(40, 40)).read_bytes()[:-100],
    "text.png": lambda path: b"a text that is called a picture\n",
    "empty.jpg": lambda path: b"",
    "bomb.png": lambda path: png_of(50_000, 50_000),
    "large.png": lambda path: png_of(9_000, 9_000),
    "header.png": lambda path: png_of(40, 40)[:33],
    "gif.png": lambda path: save(path.with_suffix(".gif"), noise(40, 40)).read_bytes(),
}


@pytest.mark.parametrize("memory", [2.0, 0.0])
@pytest.mark.parametrize("case", BROKEN)
def test_what_cannot_be_read_is_named_and_never_dropped(tmp_path, case, memory):
    for i in range(5):
        save(tmp_path / f"{i}.png", noise(40, 40))
    (tmp_path / case).write_bytes(BROKEN[case](tmp_path / case))
    with pytest.raises(ValueError, match=rf"1 of 6 files cannot be read as pictures: {case} \(.+unreadable='skip'"):
        data.open(tmp_path, memory=memory)
    opened = data.open(tmp_path, unreadable="skip", memory=memory, valid=0)
    assert len(opened.train) == 5
    assert opened.spec.notes[0].startswith(f"1 unreadable files skipped: {case} (")
    assert data.Data.reopen(opened.source).spec == opened.spec


def test_a_bomb_is_refused_from_its_header(tmp_path):
    (tmp_path / "bomb.png").write_bytes(png_of(50_000, 50_000))
    with pytest.raises(ValueError, match=r"no file can be read as a picture: bomb.png \(.*more than 64,000,000"):
        data.open(tmp_path)


def test_a_picture_damaged_in_its_middle_is_named_too(tmp_path):
    for i in range(3):
        save(tmp_path / f"{i}.png", noise(40, 40))
    streamed = data.open(tmp_path, memory=0, valid=0).train
    raw = bytearray((tmp_path / "2.png").read_bytes())
    raw[60:400] = b"\xff" * 340
    (tmp_path / "2.png").write_bytes(raw)
    with pytest.raises(ValueError, match=r"1 of 3 files cannot be read as pictures: 2.png \("):
        data.open(tmp_path)
    with pytest.raises(ValueError, match=r"2\.png cannot be read:"):
        streamed.batch(torch.tensor([0, 2]))


def test_many_unreadable_files_are_counted_and_the_first_ten_listed(tmp_path):
    for i in range(15):
        (tmp_path / f"{i:02}.png").write_bytes(b"")
    save(tmp_path / "x.png", noise())
    save(tmp_path / "y.png", noise())
    with pytest.raises(ValueError, match=r"15 of 17 files .*00\.png.*09\.png \([^()]*\) and 5 more;"):
        data.open(tmp_path)


def test_a_trailer_of_other_bytes_does_no_harm(tmp_path):
    for i in range(3):
        path = save(tmp_path / f"{i}.jpg", noise(20, 20))
        path.write_bytes(path.read_bytes() + b"\0" * 3000)
    assert len(data.open(tmp_path, valid=0).train) == 3


REFUSED = {
    "several sizes": ({}, r"2 sizes \(3 of 5x6, 1 of 9x9\): give size=, such as size=64"),
    "fit alone": ({"fit": "crop"}, "give size= too"),
    "unknown fit": ({"size": 8, "fit": "squeeze"}, "fit must be one of crop, stretch, pad, got 'squeeze'"),
    "no size": ({"size": 0}, "size must be a side of 1 to 8192 pixels or .height, width., got 0"),
    "two channels": ({"size": 8, "channels": 2}, "channels must be 1 .grey. or 3 .colour., got 2"),
    "unknown choice": ({"size": 8, "unreadable": "drop"}, "unreadable must be one of refuse, skip, got 'drop'"),
    "columns": ({"size": 8, "columns": ["a"]}, "columns belongs to tables"),
    "label column": ({"size": 8, "labels": "kind"}, "or a column of a table, got 'kind'"),
    "memory": ({"size": 8, "memory": -1}, "memory must be a number of GiB of at least 0, got -1"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_mistake_with_pictures_is_one_sentence(tmp_path, case):
    for i in range(3):
        save(tmp_path / f"{i}.png", noise())
    save(tmp_path / "large.png", noise(9, 9))
    options, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        data.open(tmp_path, **options)


def test_folders_without_pictures_and_single_pictures_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"must hold pictures .* got a folder without any"):
        data.open(tmp_path)
    with pytest.raises(ValueError, match=r"a file or folder that is there, got .*absent"):
        data.open(tmp_path / "absent")
    with pytest.raises(ValueError, match="a folder of pictures rather than one picture"):
        data.open(save(tmp_path / "one.png", noise()))
    with pytest.raises(ValueError, match="at least 2 examples, got 1"):
        data.open(tmp_path)
    save(tmp_path / "two.png", Image.open(tmp_path / "one.png"))
    with pytest.raises(ValueError, match="every one of its 2 examples is the same"):
        data.open(tmp_path)
