"""What a review found: starts, sizes, headers and scales."""

import io
import tarfile
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image
from torch.testing import assert_close

from vaekit import data

GREY = np.random.default_rng(0).integers(0, 256, (40, 1, 4, 5)).astype(np.uint8)


def test_the_mean_is_of_what_a_model_sees():
    seen = data.open(GREY, dequantise=True, valid=0).train
    average = torch.stack([seen.all()["x"] for _ in range(50)]).mean((0, 1))
    assert_close(seen.mean(), average, atol=2e-3, rtol=0)
    plain = data.open(GREY, valid=0).train
    assert_close(data.open(GREY, binarise="visit", valid=0).train.mean(), plain.mean())
    assert_close(plain.mean(), torch.from_numpy(GREY / 255).float().mean(0))


def lying(shape: str) -> bytes:
    file = io.BytesIO()
    np.save(file, np.zeros(3))
    head = file.getvalue()
    return head.replace(b"(3,), }" + b" " * (len(shape) - 4), f"{shape}, }}".encode())


@pytest.mark.parametrize("shape", ["(10000000000000,)", "(10000000, 1000000)"])
def test_a_header_that_lies_about_its_size_is_refused_before_memory_is_taken(shape, tmp_path):
    (tmp_path / "x.npy").write_bytes(lying(shape))
    with pytest.raises(ValueError, match="bytes announced"):
        data.open(tmp_path / "x.npy")
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("x.npy", lying(shape))
    with pytest.raises(ValueError, match="bytes announced"):
        data.open(tmp_path / "x.npz")


@pytest.mark.parametrize("wrong", [float("inf"), float("nan")])
def test_a_share_must_be_a_number(wrong):
    with pytest.raises(ValueError, match="valid must be a count, or a share below 1"):
        data.open(GREY, valid=wrong)


@pytest.mark.parametrize("index", [True, False])
@pytest.mark.parametrize("names", [("0", "1"), ("height", "weight")])
def test_a_saved_data_frame_is_read_without_its_index_and_with_its_header(index, names, tmp_path):
    rows = np.random.default_rng(0).normal(size=(30, 2))
    head = ",".join(("", *names) if index else names)
    lines = [",".join(map(str, ([i] if index else []) + list(row))) for i, row in enumerate(rows)]
    (tmp_path / "frame.csv").write_text("\n".join([head, *lines]) + "\n")
    opened = data.open(tmp_path / "frame.csv", valid=0)
    assert (len(opened.train), opened.spec.columns) == (30, names)
    assert_close(opened.spec.restore(opened.train.all()["x"]), torch.from_numpy(rows).float(), atol=1e-5, rtol=1e-5)


def test_a_picture_is_put_on_the_scale_of_fractions_and_refused_where_there_is_no_scale(tmp_path):
    Image.fromarray(GREY[0, 0]).save(tmp_path / "g.png")
    unit = data.open(GREY / 255.0, valid=0)
    assert unit.spec.domain == "unit"
    assert_close(data.read(tmp_path / "g.png", unit.spec).all()["x"], torch.from_numpy(GREY[:1] / 255).float())
    real = data.open(GREY / 100.0 - 1.0, valid=0)
    with pytest.raises(ValueError, match="scale of the data"):
        data.read(tmp_path / "g.png", real.spec)


def test_one_grey_picture_is_an_example():
    spec = data.open(GREY, valid=0).spec
    for alone in (GREY[0], GREY[0, 0]):
        assert_close(data.read(alone, spec).all()["x"], torch.from_numpy(GREY[:1] / 255).float())


def test_noise_drawn_for_good_belongs_to_the_example_in_a_stream_too(tmp_path):
    for i in range(20):
        Image.fromarray(GREY[i, 0]).save(tmp_path / f"{i:02}.png")
    valid = data.open(tmp_path, binarise="fixed", memory=0, valid=6).valid
    assert not valid.in_memory
    assert_close(valid.select(torch.tensor([3])).all()["x"][0], valid.all()["x"][3])


@pytest.mark.parametrize("memory", [0, 2.0])
def test_a_png_that_was_damaged_inside_is_found_at_opening(memory, tmp_path):
    for i in range(20):
        Image.fromarray(GREY[i, 0]).save(tmp_path / f"{i:02}.png")
    raw = bytearray((tmp_path / "07.png").read_bytes())
    raw[raw.index(b"IDAT") + 8] ^= 0xFF
    (tmp_path / "07.png").write_bytes(raw)
    with pytest.raises(ValueError, match=r"07\.png"):
        data.open(tmp_path, memory=memory)
    opened = data.open(tmp_path, memory=memory, unreadable="skip", valid=0)
    assert len(opened.train.all()["x"]) == 19
    assert "07.png" in " ".join(opened.spec.notes)


def test_labels_that_only_some_splits_have_are_left_out_with_a_word(tmp_path):
    for where in ("train/a", "train/b", "test"):
        (tmp_path / where).mkdir(parents=True)
        for i in range(4):
            Image.fromarray(GREY[i, 0]).save(tmp_path / where / f"{i}.png")
    opened = data.open(tmp_path, valid=0)
    assert opened.spec.classes is None
    assert "no labels, since the pictures of test lie in no sub-folders" in opened.spec.notes


def test_an_index_that_is_left_out_is_noted(tmp_path):
    (tmp_path / "frame.csv").write_text(",a,b\n0,1.5,2\n1,2.5,1\n2,0.5,7\n")
    opened = data.open(tmp_path / "frame.csv", valid=0)
    assert [note for note in opened.spec.notes if "first column, which has no name" in note]
    (tmp_path / "plain.csv").write_text("a,b\n1.5,2\n2.5,1\n0.5,7\n")
    assert data.open(tmp_path / "plain.csv", valid=0).spec.notes == ()


def test_the_darkest_pictures_have_the_scale_of_the_others(tmp_path):
    dark = (GREY[0, 0] > 99).astype(np.uint8)
    Image.fromarray(dark).save(tmp_path / "dark.png")
    spec = data.open(GREY / 255.0, valid=0).spec
    seen = data.read(tmp_path / "dark.png", spec).all()["x"]
    assert_close(seen, torch.from_numpy(dark / 255).float().reshape(1, 1, 4, 5))


def shard(path, members):
    with tarfile.open(path, "w") as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def test_shards_are_on_the_scale_of_the_data_or_refused(tmp_path):
    arrays, pictures = [], []
    for i in range(5):
        array, picture = io.BytesIO(), io.BytesIO()
        np.save(array, (GREY[i] / 100 - 1).astype(np.float32))
        Image.fromarray(GREY[i, 0] // 255).save(picture, "png")
        arrays.append((f"{i}.npy", array.getvalue()))
        pictures.append((f"{i}.png", picture.getvalue()))
    real, unit = data.open(GREY / 100.0 - 1.0, valid=0).spec, data.open(GREY / 255.0, valid=0).spec
    read = data.read(shard(tmp_path / "arrays.tar", arrays), real)
    assert_close(read.all()["x"], torch.from_numpy(GREY[:5] / 100 - 1).float())
    seen = data.read(shard(tmp_path / "pictures.tar", pictures), unit).all()["x"]
    assert_close(seen, torch.from_numpy(GREY[:5] // 255 / 255).float())
    with pytest.raises(ValueError, match="scale of the data"):
        data.read(tmp_path / "pictures.tar", real)


@pytest.mark.parametrize("stray", ["unlabeled", "training"])
def test_a_folder_that_is_no_split_beside_those_that_are_is_named(stray, tmp_path):
    for where in ("train/a", "train/b", "test/a", f"{stray}/x"):
        (tmp_path / where).mkdir(parents=True)
        for i in range(3):
            Image.fromarray(GREY[i, 0]).save(tmp_path / where / f"{i}.png")
    with pytest.raises(ValueError, match=f"one folder for each of train, valid and test and no others.*{stray}"):
        data.open(tmp_path)


def test_a_class_may_be_called_train(tmp_path):
    for where in ("car", "train", "ship"):
        (tmp_path / where).mkdir()
        for i in range(3):
            Image.fromarray(GREY[i, 0]).save(tmp_path / where / f"{i}.png")
    assert data.open(tmp_path, valid=0).spec.label_names == ("car", "ship", "train")


def test_the_ending_of_a_file_of_labels_may_be_in_capitals(tmp_path):
    np.save(tmp_path / "y.npy", np.arange(40) % 3)
    (tmp_path / "y.npy").rename(tmp_path / "Y.NPY")
    assert data.open(GREY, labels=tmp_path / "Y.NPY").spec.classes == 3
