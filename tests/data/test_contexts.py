import numpy as np
import pytest
import torch

import vaekit as vk
from vaekit.data import DataSpec, blank_context, context_for

N, T = 40, 4
X = np.random.default_rng(0).integers(0, 2, (N, 1, 6, 6)).astype(np.uint8)
TOKENS = np.random.default_rng(1).integers(-1, 7, (N, T))
FEATURES = np.random.default_rng(2).normal(size=(N, T, 3)).astype(np.float32)
FEATURES[::3, 2:] = np.nan


def opened(**given):
    return vk.data.open(X, **given)


def test_tokens_keep_their_padding_and_their_vocabulary_is_one_more_than_the_highest():
    data = opened(context=TOKENS)
    assert (data.spec.context, data.spec.vocabulary) == ((T,), 7)
    assert "context of up to 4 tokens of 7" in data.spec.describe()
    batch = data.train.batch(torch.arange(5))
    assert batch["context"].dtype is torch.int64
    assert batch["context"].min() == -1


def test_the_vocabulary_is_that_of_all_splits_and_is_recorded():
    rare = TOKENS.copy()
    rare[:, 0] = 3
    rare[-1, 0] = 11
    for seed in range(4):
        assert opened(context=rare, seed=seed).spec.vocabulary == 12
    spec = opened(context=rare).spec
    assert DataSpec.from_dict(spec.to_dict()) == spec


def test_rows_of_features_may_be_nan_whole():
    data = opened(context=FEATURES)
    assert (data.spec.context, data.spec.vocabulary) == ((T, 3), None)
    context = data.train.batch(torch.arange(len(data.train)))["context"]
    assert context.isnan().all(-1).any()
    assert torch.equal(context.isnan().all(-1), context.isnan().any(-1))


def test_an_archive_brings_its_context_and_new_examples_theirs(tmp_path):
    np.savez(tmp_path / "captioned.npz", x=X, context=TOKENS)
    data = vk.data.open(tmp_path / "captioned.npz")
    assert data.spec.vocabulary == 7
    np.savez(tmp_path / "new.npz", x=X[:3], context=TOKENS[:3, :2])
    new = vk.data.read(tmp_path / "new.npz", data.spec)
    assert new.context.tolist() == [[*row, -1, -1] for row in TOKENS[:3, :2].tolist()]


def test_new_sequences_may_be_shorter_or_longer_by_padding():
    spec = opened(context=TOKENS).spec
    assert context_for([[0, 1]], spec).tolist() == [[0, 1, -1, -1]]
    assert context_for([[0, 1, 2, 3, -1, -1]], spec).tolist() == [[0, 1, 2, 3]]
    assert context_for(np.zeros((1, 2), np.uint8), spec).tolist() == [[0, 0, -1, -1]]
    features = context_for(FEATURES[:2, :1], opened(context=FEATURES).spec)
    assert features.shape == (2, T, 3)
    assert features.isnan().all(-1).tolist() == [[False, True, True, True]] * 2


def test_one_number_for_each_example_is_a_vector_of_one():
    heights = np.random.default_rng(3).normal(size=N)
    spec = opened(context=heights).spec
    assert spec == opened(context=heights[:, None]).spec
    assert spec.context == (1,)
    assert context_for([0.5, 1.5], spec).tolist() == [[0.5], [1.5]]
    assert vk.data.read(X[:2], opened(context=np.arange(N)).spec).context is None


def test_a_blank_context_has_the_type_of_the_data():
    assert blank_context(opened(context=TOKENS).spec, 2).dtype is torch.int64
    assert blank_context(opened(context=FEATURES).spec, 2).shape == (2, T, 3)
    assert blank_context(opened(labels=np.arange(N) % 3, on_labels=True).spec, 2).tolist() == [0, 0]
    assert blank_context(opened().spec, 2) is None


HOLED = FEATURES.copy()
HOLED[0, 0, 1] = np.nan
REFUSED = {
    "padding alone": (np.full((N, T), -1), "context must hold at least one token, got padding alone in 40 rows"),
    "nothing but nan": (np.full((N, T, 3), np.nan), "context must hold at least one token, got padding alone"),
    "no tokens": (np.zeros((N, 0), int), r"context must not be empty, got shape \(40, 0\)"),
    "numbers that are no tokens": (
        np.full((N, 2), -2),
        "context must be tokens from 0, or -1 for none, or numbers as floats, got -2",
    ),
    "a row that is nan in part": (HOLED, "context must be finite in float32, got nan in example 0"),
    "nan without a sequence": (np.full((N, 3), np.nan), "context must be finite in float32, got nan"),
    "too few": (TOKENS[1:], r"context must be one for each of 40 examples, got \(39, 4\)"),
    "words": (np.array([["red"] * T] * N), "context must hold real numbers, got <U3"),
}


@pytest.mark.parametrize(("context", "sentence"), REFUSED.values(), ids=list(REFUSED))
def test_what_is_no_context_is_refused_on_opening(context, sentence):
    with pytest.raises(ValueError, match=sentence):
        opened(context=context)


NEW = {
    "an unknown token": ([[0, 7, 1, 1]], "context must be tokens that the data had, 0 to 6 .*, got 7"),
    "a longer sequence": ([[0, 1, 2, 3, 4]], "context must be sequences of at most 4, got some that are longer"),
    "a number that is no token": ([[0, -5, 1, 1]], "context must be tokens from 0, or -1 for none, .*, got -5"),
    "fractions": ([[0.5, 1, 2, 3]], "context must be whole numbers, tokens from 0 to 6, got float64"),
    "no batch": ([0, 1], r"context must be \(n, 4\), got \(2,\)"),
    "no tokens": (np.zeros((2, 0), int), r"context must be \(n, 4\), got \(2, 0\)"),
    "no rows": (np.zeros((0, 4), int), r"context must be \(n, 4\), got \(0, 4\)"),
}


@pytest.mark.parametrize(("context", "sentence"), NEW.values(), ids=list(NEW))
def test_a_new_context_that_does_not_fit_is_refused(context, sentence):
    with pytest.raises(ValueError, match=sentence):
        context_for(context, opened(context=TOKENS).spec)


def test_a_context_for_data_without_one_is_refused():
    with pytest.raises(ValueError, match="context must not be given to a model that takes none"):
        context_for([[1]], opened().spec)
