"""Factors in files: dSprites as it is published, without its pickle, and tables of one's own."""

import zipfile

import numpy as np
import pytest
import torch

import vaekit.data
from vaekit.data import DataSpec, Factors
from vaekit.data.rows import GIB

RAN = []


class Trap:
    """A pickle that leaves a trace when it is read."""

    def __reduce__(self):
        return RAN.append, ("read",)


@pytest.fixture(scope="module")
def pictures():
    """Zeros and ones of odd size, so that bits do not fill whole bytes."""
    return np.random.default_rng(0).integers(0, 2, (96, 5, 7), dtype=np.uint8)


@pytest.fixture(scope="module")
def classes():
    """The colour, which does not vary, and five factors."""
    table = np.stack(np.unravel_index(np.arange(96), (3, 2, 4, 2, 2)), 1)
    return np.concatenate([np.zeros((96, 1), int), table], 1)


def as_published(path, pictures, classes, save=np.savez_compressed):
    """The four arrays of the published file, the metadata pickled."""
    metadata = np.empty((), object)
    metadata[()] = Trap()
    save(path, metadata=metadata, imgs=pictures, latents_classes=classes, latents_values=classes / 3)
    return path


def just_below(pictures):
    """A budget in GiB that the pictures pass and everything else does not."""
    return (pictures.nbytes - 1) / GIB


@pytest.mark.parametrize("save", [np.savez_compressed, np.savez])
def test_the_published_file_is_read_whole_streamed_or_as_bits(tmp_path, pictures, classes, save):
    big = np.tile(pictures, (4, 1, 1))
    path = as_published(tmp_path / "dsprites_ndarray_co1sh3.npz", big, np.tile(classes, (4, 1)).astype(np.uint8), save)
    whole, small = vaekit.data.open(path), vaekit.data.open(path, memory=just_below(big))
    kept = "in memory, eight values to a byte" if save is np.savez_compressed else "streamed from files"
    assert (whole.decisions()["held"], small.decisions()["held"]) == ("in memory", kept)
    assert whole.spec == small.spec
    assert whole.spec.describe() == "dsprites_ndarray_co1sh3: 1x5x7 binary, 5 known factors"
    assert whole.spec.factors == Factors(("shape", "scale", "orientation", "posX", "posY"), (3, 2, 4, 2, 2))
    for role, split in whole.splits().items():
        other = getattr(small, role)
        assert torch.equal(split.x, other.x)
        assert torch.equal(split.factors, other.factors)
        assert torch.equal(split.batch(torch.tensor([3, 1]))["x"], other.batch(torch.tensor([3, 1]))["x"])


def test_nothing_pickled_is_read(tmp_path, pictures, classes):
    data = vaekit.data.open(as_published(tmp_path / "d.npz", pictures, classes))
    assert data.train.factors.shape == (len(data.train), 5)
    assert not RAN
    trap = np.empty(96, object)
    trap[:] = Trap()
    np.savez(tmp_path / "x.npz", x=trap)
    with pytest.raises(ValueError, match=r"must be a whole \.npy or \.npz of plain numbers"):
        vaekit.data.open(tmp_path / "x.npz")
    np.savez(tmp_path / "y.npz", x=pictures, y=trap)
    with pytest.raises(ValueError, match=r"must be a whole \.npy or \.npz of plain numbers"):
        vaekit.data.open(tmp_path / "y.npz")
    assert not RAN


def test_factors_stay_with_their_pictures(tmp_path, pictures, classes):
    data = vaekit.data.open(as_published(tmp_path / "d.npz", pictures, classes), seed=3, limit=80)
    for split in data.splits().values():
        for x, factors in zip(split.x[:, 0].numpy(), split.factors.numpy(), strict=True):
            row = next(i for i in range(96) if np.array_equal(pictures[i], x))
            assert row < 80
            assert factors.tolist() == classes[row, 1:].tolist()


@pytest.mark.parametrize("kind", [bool, np.int16, np.uint8])
def test_zeros_and_ones_of_any_type_take_a_bit_each(tmp_path, pictures, kind):
    np.savez_compressed(tmp_path / "x.npz", x=np.tile(pictures, (9, 1, 1)).astype(kind))
    bits = vaekit.data.open(tmp_path / "x.npz", memory=pictures.nbytes * 9 / 2 / GIB, valid=0)
    assert bits.decisions()["held"].endswith("eight values to a byte")
    assert np.array_equal(bits.train.x[:96, 0].numpy(), pictures)


@pytest.mark.parametrize("change", ["grey", "fortran", "fractions"])
def test_other_compressed_arrays_beyond_the_budget_are_refused_as_before(tmp_path, pictures, change):
    x = {"grey": pictures * 2, "fortran": np.asfortranarray(pictures), "fractions": pictures / 2}[change]
    np.savez_compressed(tmp_path / "x.npz", x=x)
    with pytest.raises(ValueError, match=r"is compressed and cannot be streamed: save it as \.npy"):
        vaekit.data.open(tmp_path / "x.npz", memory=pictures.nbytes / 2 / GIB)


def test_a_file_that_ends_early_is_refused(tmp_path, pictures):
    path = tmp_path / "x.npz"
    np.savez_compressed(path, x=pictures)
    with zipfile.ZipFile(path) as archive:
        whole = archive.read("x.npy")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", whole[:-200] + b"")
    with pytest.raises(ValueError, match=r"must be a whole \.npy or \.npz of plain numbers"):
        vaekit.data.open(path, memory=pictures.nbytes / 2 / GIB)


def test_factors_of_ones_own_are_numbered_by_their_values(tmp_path):
    rng = np.random.default_rng(0)
    table = np.stack([rng.choice([0.5, 0.25, 7.0], 50), np.full(50, 4.0), rng.choice([-3.0, 10.0], 50)], 1)
    np.savez(tmp_path / "x.npz", x=rng.normal(size=(50, 3)), factors=table, factor_names=["size", "sort", "side"])
    data = vaekit.data.open(tmp_path / "x.npz", valid=0)
    assert data.spec.factors == Factors(("size", "side"), (3, 2))
    assert np.array_equal(data.train.factors[:, 0].numpy(), np.searchsorted([0.25, 0.5, 7.0], table[:, 0]))
    np.savez(tmp_path / "x.npz", x=rng.normal(size=(50, 3)), factors=table)
    assert vaekit.data.open(tmp_path / "x.npz").spec.factors.names == ("factor 0", "factor 2")


def test_factors_that_do_not_vary_are_none(tmp_path):
    np.savez(tmp_path / "x.npz", x=np.random.default_rng(0).normal(size=(50, 3)), factors=np.ones((50, 2)))
    data = vaekit.data.open(tmp_path / "x.npz")
    assert (data.spec.factors, data.train.factors) == (None, None)


REFUSED = {
    "too few": (
        {"factors": np.zeros((49, 2)) + np.arange(49)[:, None]},
        r"factors must be one for each of 50 examples",
    ),
    "a vector": ({"factors": np.arange(50)}, r"factors of .* must be \(N, factors\) in memory, got \(50,\)"),
    "holes": ({"factors": np.full((50, 2), np.nan)}, "factors of .* must be finite numbers, got float64, or NaN"),
    "words": ({"factors": np.full((50, 2), "a")}, "factors of .* must be finite numbers, got <U1"),
    "names": (
        {"factors": np.arange(100).reshape(50, 2), "factor_names": ["a"]},
        r"factor_names of .* must be one for each of 2 factors, got \(1,\)",
    ),
}


@pytest.mark.parametrize(("arrays", "sentence"), REFUSED.values(), ids=list(REFUSED))
def test_tables_that_are_none_are_refused_in_a_sentence(tmp_path, arrays, sentence):
    np.savez(tmp_path / "x.npz", x=np.random.default_rng(0).normal(size=(50, 3)), **arrays)
    with pytest.raises(ValueError, match=sentence):
        vaekit.data.open(tmp_path / "x.npz")


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ({"names": ["a"]}, "factors must hold names and sizes"),
        ({"names": ["a"], "sizes": [2, 3]}, "factors must hold a size for each of 1 names, got 2"),
        ({"names": [], "sizes": []}, "factors must hold a size for each of 0 names, got 0"),
        ({"names": ["a"], "sizes": [0]}, "sizes of factors must be a whole number of at least 1, got 0"),
        ([1], "factors must hold names and sizes"),
    ],
)
def test_a_record_that_names_no_factors_is_refused(value, sentence):
    spec = vaekit.data.open("digits").spec.to_dict()
    assert DataSpec.from_dict(spec).factors is None
    with pytest.raises(ValueError, match=sentence):
        DataSpec.from_dict({**spec, "factors": value})
