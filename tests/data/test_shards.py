"""WebDataset shards: the keys, pixels and labels that the webdataset package reads."""

import gzip
import io
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from vaekit import data
from vaekit.data.shard_names import expanded

SHARED = Path(os.environ.get("VAEKIT_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
rng = np.random.default_rng(0)
PIXELS = rng.integers(0, 256, (30, 6, 5, 3)).astype(np.uint8)


def encoded(pixels, kind):
    file = io.BytesIO()
    if kind == "npy":
        np.save(file, pixels)
    else:
        Image.fromarray(pixels).save(file, {"jpg": "jpeg"}.get(kind, kind))
    return file.getvalue()


def write_tar(path, members):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    path.write_bytes(gzip.compress(raw.getvalue()) if path.name.endswith("gz") else raw.getvalue())
    return path


def write_shard(path, rows, kind="png", labelled=True):
    members = []
    for i in rows:
        members.append((f"some/{i:04}.{kind}", encoded(PIXELS[i], kind)))
        members += [(f"some/{i:04}.cls", str(i % 4).encode())] if labelled else []
        members.append((f"some/{i:04}.json", b"{}"))
    return write_tar(path, members)


def read_by_webdataset(paths):
    webdataset = pytest.importorskip("webdataset")
    samples = webdataset.WebDataset([str(path) for path in paths], shardshuffle=False).decode("rgb8")
    found = [(next(s[k] for k in ("png", "jpg", "npy") if k in s), s["cls"]) for s in samples]
    return np.stack([x for x, _ in found]), [label for _, label in found]


@pytest.mark.parametrize("memory", [1, 0])
@pytest.mark.parametrize("kind", ["png", "jpg"])
def test_shards_hold_what_webdataset_reads(tmp_path, kind, memory):
    paths = [write_shard(tmp_path / f"x-{i:03}.tar", range(i * 10, i * 10 + 10), kind) for i in range(3)]
    x, labels = read_by_webdataset(paths)
    for source in (tmp_path, f"{tmp_path}/x-{{000..002}}.tar"):
        opened = data.open(source, valid=0, memory=memory)
        assert opened.train.in_memory == (memory == 1)
        np.testing.assert_array_equal(opened.train.x.permute(0, 2, 3, 1).numpy(), x)
        assert opened.train.labels.tolist() == labels
        assert data.Data.reopen(opened.source).spec == opened.spec


@pytest.mark.parametrize("memory", [1, 0])
def test_arrays_in_shards_stream_too(tmp_path, memory):
    write_shard(tmp_path / "a.tar", range(30), "npy")
    opened = data.open(tmp_path / "a.tar", valid=0, memory=memory)
    assert opened.train.in_memory == (memory == 1)
    np.testing.assert_array_equal(opened.train.x.permute(0, 2, 3, 1).numpy(), PIXELS)
    assert (opened.spec.domain, opened.spec.classes) == ("levels", 4)


def test_names_of_shards_say_which_split_they_are(tmp_path):
    for name, rows in (
        ("train-0.tar.gz", range(10)),
        ("train-1.tar.gz", range(10, 20)),
        ("test-0.tar.gz", range(20, 30)),
    ):
        write_shard(tmp_path / name, rows)
    opened = data.open(tmp_path, valid=0)
    assert (len(opened.train), len(opened.test)) == (20, 10)
    np.testing.assert_array_equal(opened.test.x.permute(0, 2, 3, 1).numpy(), PIXELS[20:])


def test_cifar_is_itself():
    folder = SHARED / "cifar10"
    if not folder.exists():
        pytest.skip(f"cifar10 is not in {SHARED}")
    opened = data.open(folder / "test-000.tar.gz", limit=300, valid=0)
    x, labels = first_of(folder / "test-000.tar.gz")
    np.testing.assert_array_equal(opened.train.x.permute(0, 2, 3, 1).numpy(), x)
    assert opened.train.labels.tolist() == labels


def first_of(path):
    webdataset = pytest.importorskip("webdataset")
    samples = webdataset.WebDataset(str(path), shardshuffle=False).decode("rgb8").slice(300)
    found = [(sample["jpg"], sample["cls"]) for sample in samples]
    return np.stack([x for x, _ in found]), [label for _, label in found]


def test_a_limit_reads_no_further(tmp_path):
    path = write_shard(tmp_path / "a.tar", range(30))
    opened = data.open(path, limit=4, valid=0)
    assert opened.train.labels.tolist() == [0, 1, 2, 3]


def test_a_compressed_shard_beyond_memory_says_what_to_do(tmp_path):
    path = write_shard(tmp_path / "a.tar.gz", range(30))
    with pytest.raises(ValueError, match=r"compressed shards cannot be streamed: unpack them to \.tar"):
        data.open(path, memory=0)


def test_braces_stand_for_names():
    assert expanded("x-{08..11}.tar") == ["x-08.tar", "x-09.tar", "x-10.tar", "x-11.tar"]
    assert expanded("{a,b}-{0..1}.tar") == ["a-0.tar", "a-1.tar", "b-0.tar", "b-1.tar"]
    for wrong in ("x-{5..2}.tar", "x-{0..99999999}.tar", "{0..9999}-{0..9999}.tar"):
        with pytest.raises(ValueError, match="pattern"):
            expanded(wrong)


CUT = {
    "cut.tar": lambda whole: whole[: len(whole) // 2],
    "text.tar": lambda whole: b"no archive at all" * 99,
    "cut.tar.gz": lambda whole: gzip.compress(whole)[:-200],
    "empty.tar": lambda whole: b"",
}


@pytest.mark.parametrize("name", CUT)
def test_a_broken_shard_is_named(tmp_path, name):
    whole = write_shard(tmp_path / "whole.tar", range(30)).read_bytes()
    (tmp_path / name).write_bytes(CUT[name](whole))
    with pytest.raises(ValueError, match=name.replace(".", r"\.")):
        data.open(tmp_path / name)


PNG = encoded(PIXELS[0], "png")
WRONG = {
    "a label of words": ([("a.png", PNG), ("a.cls", b"cat")], r"a\.cls must hold a label, a whole number from 0"),
    "a label missing": (
        [("a.png", PNG), ("a.cls", b"1"), ("b.png", PNG)],
        "labels must come with every key or with none, .*:b has none",
    ),
    "two pictures": ([("a.png", PNG), ("a.jpg", PNG)], "every key must have one picture or array, got two for"),
    "pictures and arrays": ([("a.png", PNG), ("b.npy", encoded(PIXELS[0], "npy"))], "alone, got both"),
    "nothing": ([("a.txt", b"x")], "must hold members such as KEY.jpg"),
    "a broken picture": ([("a.png", PNG), ("b.png", PNG[:-30])], r"1 of 2 files cannot be read as pictures: .*b\.png"),
    "pickled": ([("a.npy", PNG), ("b.npy", PNG)], r"a\.npy must be a whole \.npy of plain numbers"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_mistake_in_a_shard_is_one_sentence(tmp_path, case):
    members, message = WRONG[case]
    with pytest.raises(ValueError, match=message):
        data.open(write_tar(tmp_path / "a.tar", members))


def test_a_key_ends_at_the_first_full_stop(tmp_path):
    """As in webdataset, where a.left.png is the part "left.png" of the sample a."""
    two = [(f"{key}.png", encoded(PIXELS[i], "png")) for i, key in enumerate("ab")]
    opened = data.open(write_tar(tmp_path / "a.tar", [*two, ("a.left.png", PNG)]), valid=0)
    assert len(opened.train) == 2


def test_labels_without_pictures_are_noted(tmp_path):
    path = write_tar(tmp_path / "a.tar", [("a.png", PNG), ("b.png", encoded(PIXELS[1], "png")), ("c.txt", b"")])
    assert data.open(path, valid=0).spec.notes == ()
    members = [("a.png", PNG), ("a.cls", b"0"), ("b.png", encoded(PIXELS[1], "png")), ("b.cls", b"1"), ("c.cls", b"1")]
    opened = data.open(write_tar(tmp_path / "a.tar", members), valid=0)
    assert opened.spec.notes[0].startswith("1 labels without an example left out, such as")
    assert torch.equal(opened.train.labels, torch.tensor([0, 1], dtype=torch.uint8))
