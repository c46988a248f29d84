"""Reading sources: what a file, an array or a loader holds comes out unchanged, or is refused in one sentence."""

import gzip
import json
import os
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch.testing import assert_close
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from vaekit import data

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}
SHARED = Path(os.environ.get("VAEKIT_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
GREY = np.random.default_rng(0).integers(0, 256, (40, 1, 4, 5)).astype(np.uint8)
LABELS = np.arange(40) % 4


def idx_bytes(x):
    kind = x.dtype.newbyteorder(">")
    return struct.pack(f">HBB{x.ndim}I", 0, CODES[x.dtype.str[1:]], x.ndim, *x.shape) + x.astype(kind).tobytes()


def write_set(folder, train=GREY[:, 0], train_y=LABELS, test=GREY[:8, 0], test_y=LABELS[:8], zipped=True):
    names = ["train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"]
    for name, array in zip(names, (train, train_y, test, test_y), strict=True):
        raw = idx_bytes(array.astype(np.uint8))
        path = folder / f"{name}-ubyte{'.gz' if zipped else ''}"
        path.write_bytes(gzip.compress(raw) if zipped else raw)


def shared(name):
    if not (SHARED / name).exists():
        pytest.skip(f"{name} is not in {SHARED}")
    return SHARED / name


def everything(split):
    return split.batch(torch.arange(len(split)))


@given(
    hnp.arrays(st.sampled_from(sorted(CODES)), hnp.array_shapes(max_dims=4, max_side=5)),
    st.booleans(),
)
def test_an_idx_file_gives_back_the_array_written_in_it(tmp_path_factory, x, zipped):
    path = tmp_path_factory.mktemp("idx") / "file"
    path.write_bytes(gzip.compress(idx_bytes(x)) if zipped else idx_bytes(x))
    read = data.read_idx(path)
    assert read.dtype == x.dtype
    np.testing.assert_array_equal(read, x)


BROKEN_IDX = {
    "cut short": (lambda raw: raw[:-1], "must hold 800 bytes after its header for shape .*, got only 799"),
    "too long": (lambda raw: raw + b"\0", "must hold 800 bytes .*, got more"),
    "another format": (lambda raw: b"\x89PNG" + raw, "must start like an IDX file"),
    "an unknown type": (lambda raw: b"\0\0\x0a\x03" + raw[4:], "must start like an IDX file"),
    "no sizes": (lambda raw: raw[:6], "must name the sizes of 4 axes, got 2 bytes"),
    "nothing": (lambda raw: b"", "must start like an IDX file"),
    "a size of zero": (lambda raw: raw[:4] + b"\0" * 16, "must hold at least one value"),
    "sizes beyond memory": (lambda raw: raw[:4] + b"\xff" * 16 + raw[20:], "must hold 340,.* got only 800"),
    "a cut archive": (lambda raw: gzip.compress(raw)[:-20], "must be a readable IDX file"),
    "a broken archive": (lambda raw: gzip.compress(raw)[:30] + b"\xff" * 300, "must be a readable IDX file"),
}


@pytest.mark.parametrize("case", BROKEN_IDX)
def test_a_broken_idx_file_is_named_in_the_error(tmp_path, case):
    damage, message = BROKEN_IDX[case]
    path = tmp_path / "broken-idx"
    path.write_bytes(damage(idx_bytes(GREY)))
    with pytest.raises(ValueError, match=f"broken-idx {message}"):
        data.read_idx(path)


@pytest.mark.parametrize("zipped", [True, False])
def test_four_idx_files_are_a_set_with_its_own_test(tmp_path, zipped):
    write_set(tmp_path, zipped=zipped)
    opened = data.open("some-set", folder=tmp_path, valid=0)
    assert opened.spec == data.DataSpec("some-set", (1, 4, 5), data.Domain.LEVELS, levels=256, classes=4)
    assert opened.valid is None
    assert_close(opened.train.x, torch.from_numpy(GREY))
    assert_close(opened.test.labels, torch.from_numpy(LABELS[:8].astype(np.uint8)))


def test_a_named_set_is_looked_for_under_the_environments_folder(tmp_path, monkeypatch):
    (tmp_path / "letters").mkdir()
    write_set(tmp_path / "letters")
    monkeypatch.setenv("VAEKIT_DATA", str(tmp_path))
    assert len(data.open("letters", valid=0).train) == 40


def test_a_missing_set_says_where_it_was_looked_for_and_what_it_needs(tmp_path, monkeypatch):
    monkeypatch.delenv("VAEKIT_DATA", raising=False)
    with pytest.raises(
        ValueError, match=r"'digitz' is neither .*mean digits.*\?.* set \$VAEKIT_DATA, which is not set"
    ):
        data.open("digitz")
    write_set(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(ValueError, match=f"needs train-images.*got {tmp_path} without t10k-labels-idx1-ubyte$"):
        data.open("mnist", folder=tmp_path)


def test_mnist_is_itself():
    mnist = data.open("mnist", folder=shared("mnist"))
    assert (len(mnist.train), len(mnist.valid), len(mnist.test)) == (55_000, 5_000, 10_000)
    assert (mnist.train.x.dtype, mnist.train.labels.dtype) == (torch.uint8, torch.uint8)
    whole = data.open("mnist", folder=shared("mnist"), valid=0).train
    assert whole.x.float().mean().item() / 255 == pytest.approx(0.1307, abs=5e-5)
    assert whole.x.float().div_(255).std().item() == pytest.approx(0.3081, abs=5e-5)


def test_frey_faces_are_grey_pictures():
    faces = data.open(shared("faces/freyfaces.npy"))
    assert (faces.spec.shape, faces.spec.domain, faces.spec.levels) == ((1, 28, 20), "levels", 256)
    assert len(faces.train) + len(faces.valid) == 1965


def test_a_table_with_x_and_y_is_read_from_npz():
    table = data.open(shared("adbench/38_thyroid.npz"))
    assert (table.spec.shape, table.spec.classes) == ((6,), 2)


def test_digits_have_seventeen_levels_and_every_class_in_proportion():
    digits = data.open("digits")
    assert digits.spec == data.DataSpec("digits", (1, 8, 8), data.Domain.LEVELS, levels=17, classes=10)
    assert everything(digits.train)["x"].max() == 1.0
    splits = [digits.train, digits.valid, digits.test]
    assert sum(map(len, splits)) == 1797
    counts = torch.stack([split.labels.bincount() for split in splits])
    shares = counts.sum(1, keepdim=True) * counts.sum(0) / 1797
    assert (counts - shares).abs().max() <= 2


def test_npy_npz_arrays_and_tensors_give_the_same(tmp_path):
    np.save(tmp_path / "x.npy", GREY)
    np.savez(tmp_path / "xy.npz", X=GREY, y=LABELS)
    np.save(tmp_path / "y.npy", LABELS)
    sources = [
        data.open(GREY, labels=LABELS),
        data.open(torch.from_numpy(GREY), labels=torch.from_numpy(LABELS)),
        data.open(tmp_path / "x.npy", labels=LABELS),
        data.open(str(tmp_path / "x.npy"), labels=tmp_path / "y.npy"),
        data.open(tmp_path / "xy.npz"),
    ]
    for opened in sources:
        assert_close(everything(opened.train), everything(sources[0].train), rtol=0, atol=0)
        assert opened.valid.labels.tolist() == sources[0].valid.labels.tolist()


def test_the_order_of_memory_is_not_the_order_of_the_data():
    expected = data.open(GREY, valid=0).train.x
    for same in (np.asfortranarray(GREY), np.repeat(GREY, 2, axis=3)[..., ::2], GREY[::-1].copy()[::-1]):
        assert_close(data.open(same, valid=0).train.x, expected)
    big_endian = data.open(GREY.astype(">i8"), valid=0).train.x
    assert_close(big_endian, expected)


def test_what_is_opened_is_a_copy():
    mine = GREY.copy()
    opened = data.open(mine, valid=0)
    mine[:] = 0
    assert opened.train.x.sum() == GREY.sum()


class Pairs(Dataset):
    def __len__(self):
        return 40

    def __getitem__(self, i):
        return GREY[i], int(LABELS[i])


class Alone(Pairs):
    def __getitem__(self, i):
        return torch.from_numpy(GREY[i])


class Endless(IterableDataset):
    def __iter__(self):
        while True:
            yield from torch.from_numpy(GREY)


def test_datasets_and_loaders_equal_arrays():
    with_labels = TensorDataset(torch.from_numpy(GREY), torch.from_numpy(LABELS))
    expected = everything(data.open(GREY, labels=LABELS).train)
    for source in (Pairs(), DataLoader(Pairs(), batch_size=7), with_labels, DataLoader(with_labels, batch_size=40)):
        assert_close(everything(data.open(source).train), expected, rtol=0, atol=0)
    expected = everything(data.open(GREY, test=0.25).test)
    for source in (Alone(), DataLoader(Alone(), batch_size=7), (GREY[:15], GREY[15:])):
        assert_close(everything(data.open(source, test=0.25).test), expected, rtol=0, atol=0)


def test_a_limit_takes_the_first_examples_and_ends_an_endless_loader():
    assert_close(data.open(GREY, valid=0, limit=6).train.x, torch.from_numpy(GREY[:6]))
    assert len(data.open(DataLoader(Endless(), batch_size=4), valid=0, limit=6).train) == 6
    assert len(data.open(Pairs(), valid=0, limit=6).train) == 6
    assert data.open(GREY, labels=LABELS, valid=0, limit=2).spec.classes == 4


class Mischief:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was executed",))


def test_nothing_pickled_is_ever_executed(tmp_path):
    np.save(tmp_path / "objects.npy", np.array([Mischief(), Mischief()]), allow_pickle=True)
    np.savez(tmp_path / "objects.npz", x=np.array([Mischief(), Mischief()]))
    (tmp_path / "plain.npy").write_bytes(pickle.dumps(Mischief()))
    for name in ("objects.npy", "objects.npz", "plain.npy"):
        with pytest.raises(ValueError, match=f"{name} must be a whole .npy or .npz of plain numbers"):
            data.open(tmp_path / name)


def test_files_that_are_cut_absent_or_unclear_are_named(tmp_path):
    np.save(tmp_path / "x.npy", GREY)
    (tmp_path / "cut.npy").write_bytes((tmp_path / "x.npy").read_bytes()[:-5])
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04 and no more")
    (tmp_path / "empty.npy").write_bytes(b"")
    np.savez(tmp_path / "unclear.npz", a=GREY, b=GREY)
    for name in ("cut.npy", "cut.npz", "empty.npy"):
        with pytest.raises(ValueError, match=f"{name} must be a whole"):
            data.open(tmp_path / name)
    with pytest.raises(ValueError, match=r"unclear.npz must hold one array or one called x, got \['a', 'b'\]"):
        data.open(tmp_path / "unclear.npz")
    with pytest.raises(ValueError, match=r"must name a file that is there, got .*absent\.npy"):
        data.open(tmp_path / "absent.npy")


HALF = GREY / np.float32(255)
WRONG = {
    "labels too few": (GREY, {"labels": LABELS[:7]}, "labels must be one for each of 40 examples, got \\(7,\\)"),
    "labels below 0": (GREY, {"labels": LABELS - 2}, "labels must be at least 0, or -1 where one is not known, got -2"),
    "labels of fractions": (GREY, {"labels": LABELS + 0.5}, "labels must be \\(N,\\) whole numbers from 0"),
    "labels of words": (GREY, {"labels": np.full(40, "cat")}, "labels must be \\(N,\\) whole numbers from 0"),
    "labels one-hot": (GREY, {"labels": np.eye(40)}, "anything else belongs in context="),
    "context too short": (GREY, {"context": LABELS[:7]}, "context must be one for each of 40"),
    "nan in context": (GREY, {"context": np.full((40, 2), np.nan)}, "context must be finite"),
    "nan": (np.where(np.arange(40)[:, None] == 3, np.nan, np.ones((40, 2))), {}, "finite .* got nan in example 3"),
    "inf": (np.full((5, 2), -np.inf), {}, "must be finite in float32, got -inf in example 0"),
    "beyond float32": (np.full((5, 2), 1e300), {}, "must be finite in float32, got 1e\\+300"),
    "one example": (GREY[:1], {}, "must hold at least 2 examples, got 1"),
    "no examples": (GREY[:0], {}, "must not be empty, got shape \\(0, 1, 4, 5\\)"),
    "no event": (LABELS, {}, "must be \\(N, \\*event\\), got shape \\(40,\\)"),
    "words": (np.full((4, 2), "cat"), {}, "must hold real numbers, got <U3"),
    "objects": (np.full((4, 2), None), {}, "must hold real numbers, got object"),
    "complex": (np.ones((4, 2), complex), {}, "must hold real numbers, got complex128"),
    "valid too large": (GREY, {"valid": 40}, "must leave an example to train on, got 40 and 0 of 40"),
    "valid negative": (GREY, {"valid": -1}, "valid must be a count, or a share below 1, got -1"),
    "valid in words": (GREY, {"valid": "10"}, "valid must be a count, or a share below 1, got '10'"),
    "inf in half precision": (np.array([[0], [np.inf]], np.float16), {}, "got inf in example 1"),
    "valid and a half": (GREY, {"valid": 1.5}, "valid must be a count, or a share below 1, got 1.5"),
    "test of a named set": ("digits", {"labels": LABELS}, "labels must not be given for 'digits'"),
    "unknown domain": (GREY, {"domain": "grey"}, "domain must be one of binary, levels, .* got 'grey'"),
    "unknown binarise": (GREY, {"binarise": "once"}, "binarise must be one of fixed, visit, got 'once'"),
    "wrong shape": (GREY, {"shape": (3, 3)}, "shape must hold the 20 elements"),
    "too few levels": (GREY, {"levels": 10}, "must be in 0..9 to have the domain levels, got values in"),
    "levels of one": (GREY, {"levels": 1}, "levels must be a whole number of at least 2, got 1"),
    "levels of reals": (GREY, {"levels": 9, "domain": "real"}, "levels belongs to the domains levels and categories"),
    "counts with fractions": (HALF, {"domain": "counts"}, "whole numbers to have the domain counts, got fractions"),
    "unit beyond 1": (GREY, {"domain": "unit"}, "must be in 0..1 to have the domain unit"),
    "negative counts": (-HALF.round() - 1, {"domain": "counts"}, "must be at least 0"),
    "both noises": (GREY, {"binarise": "visit", "dequantise": True}, "give one"),
    "binarise reals": (HALF - 1, {"binarise": "fixed"}, "binarise needs grey levels, .* got real"),
    "dequantise floats": (HALF, {"dequantise": True}, "dequantise needs data of the domain levels, got unit"),
    "limit of one": (GREY, {"limit": 1}, "limit must be a whole number of at least 2 examples, got 1"),
    "seed below 0": (GREY, {"seed": -1}, "must be at least 0, got"),
    "folder of an array": (GREY, {"folder": "/tmp"}, "folder belongs to a set's name"),
    "a number": (3, {}, "source must be a set's name, .*, got 3"),
    "a dict": ({"x": GREY}, {}, "source must be a set's name, .*, got dict"),
    "an endless dataset": (Endless(), {}, "source must be a set's name, .* got Endless"),
    "no batches": ([], {}, "must give at least one batch"),
    "uneven batches": ([GREY, GREY[..., :2]], {}, "examples of one shape, got \\(1, 4, 5\\) and \\(1, 4, 2\\)"),
    "labels now and then": ([(GREY, LABELS), (GREY,)], {}, "labels with every batch or with none"),
    "three parts": ([(GREY, LABELS, LABELS)], {}, "must give x or \\(x, labels\\), got 3 parts"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_mistake_is_answered_in_one_sentence(case):
    source, options, message = WRONG[case]
    with pytest.raises(ValueError, match=message):
        data.open(source, **options)


def test_test_files_must_match_the_training_files(tmp_path):
    write_set(tmp_path, test=GREY[:8, 0, :3])
    with pytest.raises(ValueError, match=r"test examples must have the shape \(1, 4, 5\), got \(1, 3, 5\)"):
        data.open("odd", folder=tmp_path)
    write_set(tmp_path, test_y=LABELS[:5])
    with pytest.raises(ValueError, match=r"odd \(test\): labels must be one for each of 8 examples"):
        data.open("odd", folder=tmp_path)
    write_set(tmp_path)
    with pytest.raises(ValueError, match="has its own test files, got 3"):
        data.open("odd", folder=tmp_path, test=3)


def test_a_record_in_json_opens_the_same_data_again(tmp_path):
    np.savez(tmp_path / "xy.npz", x=GREY, y=LABELS)
    first = data.open(tmp_path / "xy.npz", binarise="visit", valid=0.2, test=3, seed=5).conditioned_on_labels()
    again = data.Data.reopen(json.loads(json.dumps(first.source)))
    assert again.spec == first.spec
    assert again.source == first.source
    for role in ("valid", "test"):
        assert_close(everything(getattr(again, role)), everything(getattr(first, role)))
    assert_close(again.train.x, first.train.x)


def test_a_record_of_an_array_asks_for_the_array():
    first = data.open(GREY, labels=LABELS, valid=4)
    record = json.loads(json.dumps(first.source))
    with pytest.raises(ValueError, match=r"give it again, it was ndarray \(40, 1, 4, 5\) of uint8"):
        data.Data.reopen(record)
    with pytest.raises(ValueError, match="labels was in memory when it was recorded"):
        data.Data.reopen(record, source=GREY)
    assert_close(data.Data.reopen(record, source=GREY, labels=LABELS).valid.x, first.valid.x)
