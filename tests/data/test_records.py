"""Records from anywhere: a spec or a source that was tampered with is a ValueError and nothing else."""

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaekit import data
from vaekit.data import DataSpec

TABLE = pa.table({"a": np.arange(9.0), "b": np.arange(9.0) ** 2, "y": ["u", "v", "w"] * 3})
WHOLE = data.open(TABLE, labels="y").spec.to_dict()
OLD = {
    "name": "mnist",
    "shape": [1, 28, 28],
    "domain": "binary",
    "levels": None,
    "classes": 10,
    "context": None,
    "binarise": "visit",
    "dequantise": False,
    "notes": [],
}
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def only_value_errors(act):
    try:
        return act()
    except ValueError:
        return None


@given(st.dictionaries(st.sampled_from(sorted(WHOLE)), anything))
@settings(max_examples=300, deadline=None)
def test_a_spec_with_other_values_is_a_spec_or_a_value_error(changes):
    spec = only_value_errors(lambda: DataSpec.from_dict({**WHOLE, **changes}))
    if spec is not None:
        assert DataSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec
        assert isinstance(spec.describe(), str)


@given(anything)
@settings(deadline=None)
def test_any_json_in_place_of_a_spec_is_a_value_error(record):
    with pytest.raises(ValueError, match="DataSpec"):
        DataSpec.from_dict(record)


SOURCE = data.open("digits", limit=40).source


@given(st.dictionaries(st.sampled_from(sorted(set(SOURCE) - {"source", "folder"})), anything, min_size=1, max_size=2))
@settings(max_examples=150, deadline=None)
def test_a_source_with_other_values_opens_or_is_a_value_error(changes):
    only_value_errors(lambda: data.Data.reopen({**SOURCE, **changes}))


@pytest.mark.parametrize(
    "record", [None, [], 3, {}, {"source": "digits", "colour": 1}, {"source": "digits", "memory": {}}]
)
def test_what_is_no_record_is_refused(record):
    with pytest.raises(ValueError, match=r"data are recorded as|memory must be a number"):
        data.Data.reopen(record)


def test_old_records_still_open():
    spec = DataSpec.from_dict(OLD)
    assert (spec.label_names, spec.columns, spec.scaling, spec.fit, spec.grey) == ((), (), None, None, None)
    new = {"standardise", "size", "fit", "channels", "unreadable", "columns", "memory"}
    assert data.Data.reopen({name: value for name, value in SOURCE.items() if name not in new}).source == SOURCE


CONTRADICTIONS = {
    "names": ({"label_names": ["u"]}, "label_names must be one for each of 3 classes, got 1"),
    "columns": ({"columns": ["a"]}, "columns must be one for each of 2 elements, got 1"),
    "scales": ({"scaling": {"means": [0, 0], "scales": [1, 0]}}, "scaling must hold a positive scale"),
    "nan": ({"scaling": {"means": [0, float("nan")], "scales": [1, 1]}}, "means of scaling must be a finite number"),
    "words for levels": ({"levels": "many"}, "levels must be a whole number of at least 2, got 'many'"),
    "levels": ({"domain": "levels"}, "levels must be given for the domain levels"),
    "shape": ({"shape": [2, -1]}, "shape must be a whole number of at least 1, got -1"),
    "a large shape": ({"shape": [1 << 40, 1 << 40]}, "shape must be of at most"),
}


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_fields_that_contradict_each_other_are_refused(case):
    changes, message = CONTRADICTIONS[case]
    with pytest.raises(ValueError, match=message):
        DataSpec.from_dict({**WHOLE, **changes})
