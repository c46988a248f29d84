"""Tables of numbers: the same from CSV, TSV, Parquet and memory; standardised by the training rows alone."""

import gzip
import json

import numpy as np
import pyarrow as pa
import pytest
import torch
from pyarrow import csv as arrow_csv
from pyarrow import parquet
from sklearn.preprocessing import StandardScaler
from torch.testing import assert_close

from vaekit import data

rng = np.random.default_rng(0)
COLUMNS = {
    "height": rng.normal(170, 9, 50),
    "weight": rng.normal(70, 12, 50),
    "age": rng.integers(18, 90, 50),
}
VALUES = np.stack(list(COLUMNS.values()), 1)
CITY = np.array(["Rome", "Oslo", "Bern"])[rng.integers(0, 3, 50)]
PEOPLE = pa.table({**COLUMNS, "city": CITY})


def as_csv(folder, table=PEOPLE, name="people.csv", separator=","):
    arrow_csv.write_csv(table, folder / name, arrow_csv.WriteOptions(delimiter=separator))
    return folder / name


def as_tsv(folder, table=PEOPLE):
    return as_csv(folder, table, "people.tsv", "\t")


def as_semicolons(folder, table=PEOPLE):
    return as_csv(folder, table, separator=";")


def as_gzip(folder, table=PEOPLE):
    plain = as_csv(folder, table)
    (folder / "people.csv.gz").write_bytes(gzip.compress(plain.read_bytes()))
    return folder / "people.csv.gz"


def as_parquet(folder, table=PEOPLE):
    parquet.write_table(table, folder / "people.parquet")
    return folder / "people.parquet"


class Frame:
    """What pandas and polars have in common."""

    def __init__(self, table):
        self.columns = table.column_names
        self.values = np.array([table[name].to_pylist() for name in table.column_names], dtype=object).T

    def to_numpy(self):
        return self.values


def as_frame(folder, table=PEOPLE):
    return Frame(table)


def as_arrow(folder, table=PEOPLE):
    return table


WAYS = {way.__name__: way for way in (as_csv, as_tsv, as_semicolons, as_gzip, as_parquet, as_frame, as_arrow)}


@pytest.mark.parametrize("way", WAYS)
def test_a_table_is_the_same_however_it_comes(tmp_path, way):
    opened = data.open(WAYS[way](tmp_path), labels="city", valid=0, standardise=False)
    assert_close(opened.train.batch(torch.arange(50))["x"], torch.from_numpy(VALUES).float())
    assert opened.spec.columns == ("height", "weight", "age")
    assert opened.spec.label_names == ("Bern", "Oslo", "Rome")
    assert [opened.spec.label_names[label] for label in opened.train.labels] == CITY.tolist()
    assert (opened.spec.domain, opened.spec.shape) == ("real", (3,))


@pytest.mark.parametrize("way", ["as_csv", "as_frame"])
def test_training_columns_are_standardised_and_restored(tmp_path, way):
    opened = data.open(WAYS[way](tmp_path), labels="city", valid=10, test=10)
    plain = data.open(WAYS[way](tmp_path), labels="city", valid=10, test=10, standardise=False)
    witness = StandardScaler().fit(plain.train.x.double().numpy())
    for role, split in opened.splits().items():
        raw = getattr(plain, role).x
        x = split.all()["x"]
        assert_close(x, torch.from_numpy(witness.transform(raw.double().numpy())).float(), rtol=1e-4, atol=1e-5)
        assert_close(opened.spec.restore(x), raw.float())
    draws = opened.spec.restore(torch.zeros(4, 2, 3, dtype=torch.float64))
    assert_close(draws[1, 1], torch.from_numpy(witness.mean_), rtol=1e-6, atol=1e-6)
    assert_close(torch.tensor(opened.spec.scaling.scales), torch.from_numpy(witness.scale_).float(), rtol=1e-5, atol=0)


def test_large_numbers_are_standardised_without_losing_digits():
    seconds = 1.7e9 + np.arange(40.0)
    opened = data.open(pa.table({"t": seconds, "u": -seconds}), valid=0)
    x = opened.train.all()["x"][:, 0].double()
    assert_close(x, torch.from_numpy((seconds - seconds.mean()) / seconds.std()), atol=1e-5, rtol=1e-5)


def test_a_constant_column_is_only_centred_and_named():
    opened = data.open(pa.table({"a": np.arange(9.0) + 0.5, "same": np.full(9, 0.1)}), valid=0)
    assert opened.spec.scaling.scales[1] == 1
    assert "constant columns are only centred: same" in opened.spec.notes
    assert opened.train.all()["x"][:, 1].abs().max() < 1e-12


def test_scaling_and_columns_survive_json():
    opened = data.open(PEOPLE, labels="city")
    assert data.DataSpec.from_dict(json.loads(json.dumps(opened.spec.to_dict()))) == opened.spec


def test_a_table_opens_again_from_its_record(tmp_path):
    first = data.open(as_csv(tmp_path), labels="city", columns=["weight", "age"], valid=0.2, seed=3)
    again = data.Data.reopen(json.loads(json.dumps(first.source)))
    assert (again.spec, again.source) == (first.spec, first.source)
    assert torch.equal(again.valid.x, first.valid.x)
    assert first.decisions()["columns"] == "2: weight, age"


def test_columns_are_taken_in_the_order_they_are_asked_for(tmp_path):
    opened = data.open(as_csv(tmp_path), columns=["age", "height"], valid=0, standardise=False)
    assert_close(opened.train.all()["x"], torch.from_numpy(VALUES[:, [2, 0]]).float())


def test_a_first_row_of_numbers_is_data(tmp_path):
    (tmp_path / "x.csv").write_text("1,2.5\n-3,4e1\n5,6\n")
    opened = data.open(tmp_path / "x.csv", valid=0, standardise=False)
    assert opened.spec.columns == ("c1", "c2")
    assert opened.train.x.tolist() == [[1, 2.5], [-3, 40], [5, 6]]


def test_counts_stay_real_unless_the_domain_says_otherwise(tmp_path):
    table = pa.table({"a": rng.integers(0, 50, 30), "b": rng.integers(0, 50, 30)})
    assert data.open(table).spec.domain == "real"
    counts = data.open(table, domain="counts")
    assert (counts.spec.domain, counts.spec.scaling, counts.train.x.dtype) == ("counts", None, torch.uint8)


def test_labels_may_be_numbers_and_truth_values(tmp_path):
    table = pa.table({"a": rng.normal(size=4), "n": [2, 0, 1, 2], "b": [True, False, True, True]})
    assert data.open(table, columns=["a"], labels="n", valid=0).train.labels.tolist() == [2, 0, 1, 2]
    assert data.open(table, columns=["a"], labels="b", valid=0).train.labels.tolist() == [1, 0, 1, 1]


def with_gap():
    return pa.table({"a": [1.0, None, 3.0, None], "b": [1, 2, 3, 4]})


REFUSED = {
    "words": (PEOPLE, {}, r"columns must be numbers, got 'city' \(such as '\w+'\): pick others with columns= or name"),
    "a gap": (with_gap(), {}, r"column 'a' must have a value in every row, it lacks one in row 2 and in 1 more rows"),
    "nan": (pa.table({"a": [1.0, np.nan]}), {}, "it lacks one in row 2$"),
    "infinity": (pa.table({"a": [1.0, np.inf]}), {}, "must be finite in float32, got inf in example 1"),
    "no label at all": (pa.table({"a": [1, 2], "y": [None, None]}), {"labels": "y"}, "they are missing for every row"),
    "unknown label": (PEOPLE, {"labels": "cty"}, "labels must name columns of table, got 'cty': there are city"),
    "unknown column": (
        PEOPLE,
        {"columns": ["hight"]},
        "columns must name columns .* 'hight': there are height, weight",
    ),
    "columns twice": (PEOPLE, {"columns": ["age", "age"]}, "columns must be a list of column names, each once"),
    "one word for columns": (PEOPLE, {"columns": "age"}, "columns must be a list of column names"),
    "labels alone": (pa.table({"y": [1, 2]}), {"labels": "y"}, "must hold a column of numbers beside its labels"),
    "no rows": (pa.table({"a": pa.array([], pa.float64())}), {}, "must hold rows and columns, got 0 rows"),
    "constant": (pa.table({"a": [2.5] * 4}), {}, "every one of its 4 examples is the same"),
    "one row": (pa.table({"a": [2.5]}), {}, "must hold at least 2 examples, got 1"),
    "size": (PEOPLE, {"size": 9}, "size belongs to pictures"),
    "standardised counts": (
        PEOPLE.select(["age"]),
        {"domain": "counts", "standardise": True},
        "standardise needs vectors of the domain real, got events of 1 axes, counts",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_mistake_with_a_table_is_one_sentence(case):
    table, options, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        data.open(table, **options)


BROKEN = {
    "ragged.csv": b"a,b\n1,2\n3\n",
    "empty.csv": b"",
    "binary.csv": b"\xff\xfe\x00\x01\n\xff",
    "twice.csv": b"a,a\n1,2\n3,4\n",
    "cut.csv.gz": gzip.compress(b"a,b\n" + b"1,2\n" * 999)[:-30],
    "text.parquet": b"no parquet",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_table_is_named(tmp_path, name):
    (tmp_path / name).write_bytes(BROKEN[name])
    with pytest.raises(ValueError, match=name) as raised:
        data.open(tmp_path / name)
    assert "\n" not in str(raised.value)


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"a file that is there, got .*none\.csv"):
        data.open(tmp_path / "none.csv")
