"""`read`: examples that a user brings to a trained model come out as they would have when its data were opened."""

import numpy as np
import pyarrow as pa
import pytest
import torch
from PIL import Image
from torch.testing import assert_close

from vaekit import data
from vaekit.data import DataSpec, Domain

rng = np.random.default_rng(0)
GREY = rng.integers(0, 256, (30, 6, 5)).astype(np.uint8)
TABLE = pa.table(
    {"a": rng.normal(9, 2, 30), "b": rng.normal(size=30), "kind": np.array(["u", "v", "w"])[np.arange(30) % 3]}
)


def seen(split):
    return split.all()["x"]


@pytest.fixture
def folder(tmp_path):
    for i, pixels in enumerate(GREY):
        path = tmp_path / "set" / "ab"[i % 2] / f"{i:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    return tmp_path / "set"


ARRAYS = {
    "levels": (GREY, {}),
    "sixteen levels": (GREY // 16, {"levels": 16}),
    "channels last": (np.stack([GREY] * 3, -1), {}),
    "shaped": (GREY.reshape(30, 30), {"shape": (1, 6, 5)}),
    "unit": (GREY / 255, {}),
    "binary": (GREY > 99, {}),
    "real": (rng.normal(size=(30, 4)), {}),
    "standardised": (rng.normal(7, 3, size=(30, 4)), {"standardise": True}),
    "counts": (GREY[:, 0], {"domain": "counts"}),
    "categories": (GREY[:, 0] % 5, {"domain": "categories"}),
}


@pytest.mark.parametrize("case", ARRAYS)
def test_what_was_opened_reads_the_same_again(tmp_path, case):
    x, options = ARRAYS[case]
    opened = data.open(x, valid=0, **options)
    np.save(tmp_path / "new.npy", x)
    for source in (x, torch.from_numpy(x), tmp_path / "new.npy", str(tmp_path / "new.npy")):
        assert torch.equal(seen(data.read(source, opened.spec)), seen(opened.train))
    streamed = data.read(tmp_path / "new.npy", opened.spec, memory=0)
    assert not streamed.in_memory
    assert torch.equal(seen(streamed), seen(opened.train))
    one = data.read(x[:1], opened.spec)
    assert torch.equal(seen(one), seen(opened.train)[:1])


def test_one_example_needs_no_first_axis():
    spec = data.open(GREY).spec
    for one in (GREY[0][None], GREY[0], GREY[0].reshape(1, 1, 6, 5)):
        assert_close(
            seen(data.read(one.reshape(1, 6, 5) if one.ndim == 2 else one, spec))[0, 0] * 255,
            torch.from_numpy(GREY[0]).float(),
        )
    table = data.open(rng.normal(size=(9, 3))).spec
    assert seen(data.read([1.0, 2.0, 3.0], table)).tolist() == [[1, 2, 3]]
    assert seen(data.read([[1, 2, 3]], table)).tolist() == [[1, 2, 3]]


def test_floats_in_the_unit_interval_are_the_nearest_levels():
    spec = DataSpec("x", (2,), Domain.LEVELS, levels=5)
    split = data.read(np.array([[0.0, 0.3], [0.9, 1.0]]), spec)
    assert split.x.tolist() == [[0, 1], [4, 4]]
    assert seen(split).tolist() == [[0.0, 0.25], [1.0, 1.0]]
    model_sees = data.open(GREY // 16, levels=16, valid=0)
    assert torch.equal(seen(data.read(seen(model_sees.train), model_sees.spec)), seen(model_sees.train))


@pytest.mark.parametrize("noise", [{"binarise": "visit"}, {"binarise": "fixed"}, {"dequantise": True}])
def test_noise_of_new_examples_is_drawn_once_under_the_seed(noise):
    spec = data.open(GREY, **noise).spec
    first, again, other = (data.read(GREY, spec, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(seen(first), seen(first))
    assert torch.equal(seen(first), seen(again))
    assert not torch.equal(seen(first), seen(other))
    errors = (seen(first) - torch.from_numpy(GREY[:, None]).float() / 255).mean()
    assert errors.abs() < 0.05


def test_pictures_get_the_size_of_the_data(folder, tmp_path):
    opened = data.open(folder, size=(4, 3), fit="stretch", valid=0)
    names = sorted(folder.rglob("*.png"), key=str)
    for source in (folder, names, [str(name) for name in names]):
        assert torch.equal(seen(data.read(source, opened.spec)), seen(opened.train))
    assert torch.equal(seen(data.read(names[7], opened.spec)), seen(opened.train)[7:8])
    assert torch.equal(seen(data.read(str(names[7]), opened.spec)), seen(opened.train)[7:8])
    large = Image.fromarray(rng.integers(0, 256, (40, 30, 3)).astype(np.uint8))
    large.save(tmp_path / "photo.png")
    expected = np.asarray(large.resize((3, 4), Image.Resampling.BICUBIC).convert("L"))
    assert_close(data.read(tmp_path / "photo.png", opened.spec).x[0, 0], torch.from_numpy(expected.copy()))


def test_folders_called_like_classes_are_labels(folder):
    spec = data.open(folder).spec
    assert data.read(folder, spec).labels.tolist() == [0] * 15 + [1] * 15
    (folder / "b").rename(folder / "new")
    assert data.read(folder, spec).labels is None


def test_pictures_of_another_size_are_refused_where_none_was_asked_for(folder, tmp_path):
    spec = data.open(folder).spec
    Image.fromarray(GREY[0][:4]).save(tmp_path / "small.png")
    with pytest.raises(ValueError, match="the pictures: pictures must have the size 5x6, got 1 of 5x4"):
        data.read(tmp_path / "small.png", spec)


def test_columns_are_found_by_name_and_others_left_alone():
    opened = data.open(TABLE, labels="kind", valid=0)
    mixed = TABLE.append_column("word", pa.array(["x"] * 30)).select(["word", "b", "kind", "a"])
    read = data.read(mixed, opened.spec, labels="kind")
    assert torch.equal(seen(read), seen(opened.train))
    assert read.labels.tolist() == opened.train.labels.tolist()
    few = data.read(mixed.slice(1, 1), opened.spec, labels="kind")
    assert few.labels.tolist() == [1]
    assert_close(opened.spec.restore(seen(few))[0, 0].item(), TABLE["a"][1].as_py(), rtol=1e-6, atol=0)


def test_labels_come_as_numbers_or_names_and_may_be_the_context():
    opened = data.open(TABLE, labels="kind").conditioned_on_labels()
    x = np.stack([TABLE["a"].to_numpy(), TABLE["b"].to_numpy()], 1)[:3]
    for labels in ([2, 0, 1], ["w", "u", "v"], np.array(["w", "u", "v"]), torch.tensor([2, 0, 1])):
        assert data.read(x, opened.spec, labels=labels).all()["context"].tolist() == [2, 0, 1]


def test_a_set_by_name_gives_its_test_examples(tmp_path):
    digits = data.open("digits")
    assert len(data.read("digits", digits.spec)) == 1797
    shard_like = data.read(digits.test.x, digits.spec)
    assert torch.equal(seen(shard_like), seen(digits.test))


SPECS = {
    "levels": DataSpec("x", (1, 6, 5), Domain.LEVELS, levels=16, classes=3, label_names=("u", "v", "w")),
    "table": data.open(TABLE, labels="kind").spec,
    "binary": DataSpec("x", (4,), Domain.BINARY),
}
REFUSED = {
    "another shape": ("levels", GREY[:, :5], {}, r"must have the shape \(1, 6, 5\), got \(5, 5\)"),
    "levels beyond": ("levels", GREY, {}, "must be in 0..15 to have the domain levels, got values in 0..255"),
    "floats beyond": ("levels", GREY / 9, {}, "must hold whole numbers to have the domain levels"),
    "nan": ("levels", GREY / 255 * np.nan, {}, "the new examples: x must be finite"),
    "none": ("levels", GREY[:0], {}, "must not be empty"),
    "words": ("table", [["a", "b"]], {}, "must hold real numbers"),
    "few columns": ("table", TABLE.select(["b"]), {}, "must have the columns that the data had, it lacks a"),
    "many columns": ("table", np.ones((2, 3)), {}, r"must have the shape \(2,\), got \(3,\)"),
    "not binary": ("binary", np.full((2, 4), 0.5), {}, "must hold whole numbers to have the domain binary"),
    "a label too many": ("levels", GREY[:2] % 16, {"labels": [1]}, "labels must be one for each of 2 examples"),
    "an unknown label": ("levels", GREY[:2] % 16, {"labels": [1, 3]}, r"labels must be in 0\.\.2, got 3"),
    "an unknown name": ("levels", GREY[:2] % 16, {"labels": ["u", "x"]}, r"labels must be some of \['u'.*got x$"),
    "a missing file": ("levels", "none.png", {}, "source must name files that are there, got none.png"),
    "a missing folder": ("levels", "/none/at/all", {}, "source must name a file or folder that is there"),
    "pictures for a table": ("table", ["a.png"], {}, "must not be pictures for data that are none"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused_in_one_sentence(tmp_path, case):
    spec, source, options, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        data.read(source, SPECS[spec], **options)
