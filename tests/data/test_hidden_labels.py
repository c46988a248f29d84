"""Labels that are not known: hidden on purpose, missing in the source, and rows that come up more often for having one."""

import numpy as np
import pyarrow as pa
import pytest
import torch
from torch.testing import assert_close

import vaekit as vk
from vaekit.data import Data, DataSpec, Split

N = 600
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 3))
LABELS = RNG.integers(0, 3, N)


def opened(**options):
    return vk.data.open(X, **{"labels": LABELS, "test": 60, **options})


def test_so_many_labels_of_each_class_are_left_in_training_none_in_validation_all_in_the_test():
    data, whole = opened(labels_per_class=7), opened()
    known = data.train.labels >= 0
    assert data.train.labels[known].long().bincount().tolist() == [7, 7, 7]
    assert torch.equal(data.train.labels[known].long(), whole.train.labels[known].long())
    assert data.valid.labels.unique().tolist() == [-1]
    assert torch.equal(data.test.labels.long(), whole.test.labels.long())
    assert torch.equal(data.train.x, whole.train.x)


def test_hidden_labels_do_not_reach_a_batch():
    batch = opened(labels_per_class=7).train.all()
    assert (batch["labels"] >= 0).sum() == 21
    assert set(batch) == {"x", "labels"}


def test_the_choice_follows_the_seed_and_is_recorded():
    one, other = opened(labels_per_class=5, seed=1), opened(labels_per_class=5, seed=2)
    again = Data.reopen(one.source, source=X, labels=LABELS)
    assert torch.equal(again.train.labels, one.train.labels)
    assert one.source["labels_per_class"] == 5
    kept = [set(map(tuple, d.train.x[d.train.labels >= 0].tolist())) for d in (one, other)]
    assert kept[0] != kept[1]


def test_what_is_known_is_said_and_kept_in_the_spec():
    data = opened(labels_per_class=7)
    assert data.spec.labelled == 21 / len(data.train)
    assert DataSpec.from_dict(data.spec.to_dict()) == data.spec
    assert "% of the labels known)" in data.spec.describe()
    assert (
        data.decisions()["known labels"]
        == f"train 21 of {len(data.train)}, valid 0 of {len(data.valid)}, test 60 of 60"
    )
    assert opened().spec.labelled is None
    assert "known labels" not in opened().decisions()


def test_labels_of_all_training_examples_are_a_share_of_one_as_validation_is_still_hidden():
    labels = np.arange(N) % 3
    data = vk.data.open(X, labels=labels, valid=60, labels_per_class=180)
    assert data.spec.labelled == 1.0
    assert data.train.labels.min() == 0


MISSING = np.where(np.arange(N) % 4 == 0, -1, LABELS)


@pytest.mark.parametrize("labels", [MISSING, np.where(MISSING < 0, np.nan, MISSING)], ids=["-1", "nan"])
def test_labels_may_be_missing_in_arrays(labels):
    data = vk.data.open(X, labels=labels)
    train = sum(int((split.labels >= 0).sum()) for split in (data.train, data.valid))
    assert train == (MISSING >= 0).sum()
    assert data.spec.classes == 3
    assert 0.7 < data.spec.labelled < 0.8


def test_labels_may_be_missing_in_the_cells_of_a_table():
    names = np.array(["ash", "oak", "elm"], dtype=object)[LABELS]
    names[::4] = None
    table = pa.table({"a": X[:, 0], "b": X[:, 1], "tree": names.tolist()})
    data = vk.data.open(table, labels="tree")
    assert data.spec.label_names == ("ash", "elm", "oak")
    rows = {tuple(np.float32(row)): name for row, name in zip(X[:, :2], names, strict=True)}
    found = data.spec.restore(data.train.x.float())
    for x, label in zip(found.tolist(), data.train.labels.tolist(), strict=True):
        name = next(rows[key] for key in rows if np.allclose(key, x, atol=1e-5))
        assert name == (None if label < 0 else data.spec.label_names[label])


def test_new_examples_may_lack_labels_in_a_table_too():
    table = pa.table({"a": X[:, 0], "b": X[:, 1], "tree": np.array(["ash", "oak", "elm"])[LABELS].tolist()})
    data = vk.data.open(table, labels="tree")
    new = pa.table({"a": [0.1, 0.2, 0.3], "b": [0.0, 1.0, 2.0], "tree": ["oak", None, "ash"]})
    assert vk.data.read(new, data.spec, labels="tree").labels.tolist() == [2, -1, 0]


def test_labels_condition_nothing_where_some_are_hidden():
    with pytest.raises(ValueError, match=r"needs the label of every example, \d+ of \d+ lack theirs"):
        opened(labels_per_class=7).conditioned_on_labels()


MISTAKES = {
    "no labels": (
        {"labels": None, "labels_per_class": 2},
        "labels_per_class needs data with labels, got array: 3 real",
    ),
    "too many": (
        {"labels_per_class": 400},
        "at most the labels of every class, got 400: class 0 has 1[0-9][0-9] in the",
    ),
    "none": ({"labels_per_class": 0}, "labels_per_class must be a whole number of at least 1, got 0"),
    "a share": ({"labels_per_class": 0.5}, "labels_per_class must be a whole number of at least 1, got 0.5"),
    "all missing": ({"labels": np.full(N, -1)}, "they are missing for every row"),
    "all missing in training": (
        {"labels": np.where(np.arange(N) < 3, 1, -1), "valid": 300, "test": 297},
        "labels are missing for every row of the training split",
    ),
    "below": ({"labels": LABELS - 2}, "labels must be at least 0, or -1 where one is not known, got -2"),
}


@pytest.mark.parametrize(("options", "sentence"), MISTAKES.values(), ids=list(MISTAKES))
def test_a_mistake_is_one_sentence(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        opened(**options)


def test_labels_outside_of_the_named_classes_are_refused(tmp_path):
    from vaekit.data.deciding import classes_in
    from vaekit.data.sources import Examples, Found

    examples = Examples(X, np.full(N, 3))
    found = Found("trees", examples, label_names=("ash", "oak", "elm"))
    with pytest.raises(ValueError, match=r"trees: labels must be in 0\.\.2, the classes that there are, got 3"):
        classes_in(found, {"train": examples})


@pytest.fixture
def few() -> Split:
    labels = torch.full((90,), -1)
    labels[[3, 40, 77]] = torch.tensor([0, 1, 2])
    return Split(torch.arange(90.0)[:, None], labels)


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
def test_labelled_rows_come_up_as_often_as_is_wished(few, share):
    often = few.with_labelled_share(share)
    assert abs(float((often.labels >= 0).float().mean()) - share) < 0.02
    assert sorted(often.x.unique().tolist()) == sorted(few.x.flatten().tolist())


def test_each_counts_as_much_less_so_that_means_stay_means(few):
    often = few.with_labelled_share(0.4)
    batch = often.all()
    assert_close(batch["counts"].mean(), torch.tensor(1.0))
    assert_close((batch["counts"] * batch["x"][:, 0]).mean(), few.x.mean())
    labelled = batch["labels"] >= 0
    assert_close((batch["counts"] * labelled).mean(), torch.tensor(3 / 90))


def test_nothing_is_repeated_where_there_are_labels_enough(few):
    assert few.with_labelled_share(0.01) is few
    whole = Split(few.stored, torch.zeros(90))
    assert whole.with_labelled_share(0.3) is whole
    assert "counts" not in few.all()
    with pytest.raises(ValueError, match="share must lie between 0 and 1, got 1"):
        few.with_labelled_share(1)


def test_a_stream_repeats_rows_without_reading_them(tmp_path):
    np.save(tmp_path / "x.npy", X.astype(np.float32))
    data = vk.data.open(tmp_path / "x.npy", labels=LABELS, labels_per_class=2, memory=1e-9, standardise=False)
    often = data.train.with_labelled_share(0.5)
    assert not often.in_memory
    rows = torch.arange(len(often))[-12:]
    batch = often.batch(rows.repeat(2))
    assert (batch["labels"] >= 0).all()
    own = {tuple(x) for x in data.train.x[data.train.labels >= 0].tolist()}
    assert {tuple(x) for x in batch["x"].tolist()} == own
