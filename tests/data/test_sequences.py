"""Sequences as data: where they end, and that nothing behind an end is looked at."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

import vaekit.data
from vaekit.data import DataSpec, Domain

N, T, D = 40, 6, 3
LENGTHS = np.arange(N) % T + 1
EXISTS = np.arange(T) < LENGTHS[:, None]


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(size=(N, T, D)).astype(np.float32)


def padded(x, value):
    return np.where(EXISTS[..., None], x, np.float32(value))


def opened(x, **options):
    return vaekit.data.open(x, lengths=LENGTHS, **options)


def everything(data):
    """All that models and people see of it."""
    batches = {role: split.batch(torch.arange(len(split))) for role, split in data.splits().items()}
    return batches, data.train.mean(), data.spec, data.decisions()


def test_a_batch_says_which_steps_exist(x):
    data = opened(x, valid=0)
    batch = data.train.batch(torch.arange(N))
    assert torch.equal(batch["mask"], torch.from_numpy(EXISTS))
    assert_close(batch["x"][batch["mask"]], torch.from_numpy(x[EXISTS]))
    assert (data.spec.shape, data.spec.frame, data.spec.timed, data.spec.ragged) == ((T, D), (D,), True, True)
    assert data.spec.describe() == "array: up to 6 steps of 3 real"


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30, -7.0])
def test_what_stands_behind_an_end_is_never_seen(x, value):
    seen, expected = everything(opened(padded(x, value))), everything(opened(x))
    assert_close(seen[0], expected[0], rtol=0, atol=0)
    assert_close(seen[1], expected[1], rtol=0, atol=0)
    assert seen[2:] == expected[2:]


def test_padding_does_not_change_what_the_values_are_taken_for():
    x = np.random.default_rng(0).integers(0, 2, (N, T, 4, 4))
    assert opened(np.where(EXISTS[..., None, None], x, 255)).spec.domain is Domain.BINARY


def test_the_mean_is_that_of_the_steps_that_exist(x):
    data = opened(x, valid=0)
    assert_close(data.train.mean(), torch.from_numpy(x[EXISTS].mean(0)).expand(T, D), rtol=1e-5, atol=1e-6)


def test_elements_are_those_that_exist(x):
    assert opened(x, valid=0).train.elements().tolist() == (LENGTHS * D).tolist()
    assert set(vaekit.data.open(x, timed=True).train.elements().tolist()) == {T * D}


def test_lengths_follow_their_examples_into_splits_and_selections(x):
    data = opened(x, valid=8, test=8, seed=3)
    for split in data.splits().values():
        for i in range(len(split)):
            one = split.select(torch.tensor([i])).batch(torch.tensor([0]))
            row = next(n for n in range(N) if np.array_equal(x[n, 0], one["x"][0, 0].numpy()))
            assert int(one["mask"].sum()) == LENGTHS[row]
    assert len(data.to("cpu").train.first(5).lengths) == 5


def test_files_hold_lengths_and_are_opened_again_as_they_were(x, tmp_path):
    np.savez(tmp_path / "clips.npz", x=padded(x, np.nan), lengths=LENGTHS)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "lengths.npy", LENGTHS)
    whole = vaekit.data.open(tmp_path / "clips.npz")
    beside = vaekit.data.open(tmp_path / "x.npy", lengths=tmp_path / "lengths.npy")
    again = vaekit.data.Data.reopen(beside.source)
    for other in (beside, again):
        assert_close(other.train.all(), whole.train.all(), rtol=0, atol=0)
    streamed = vaekit.data.open(tmp_path / "x.npy", lengths=tmp_path / "lengths.npy", memory=0.0)
    assert not streamed.train.in_memory
    assert_close(streamed.train.all(), whole.train.all(), rtol=0, atol=0)


def test_a_spec_of_sequences_is_written_and_read(x):
    spec = opened(x).spec
    assert DataSpec.from_dict(spec.to_dict()) == spec
    with pytest.raises(ValueError, match=r"timed and ragged belong to sequences \(steps, \*frame\), got the shape"):
        DataSpec.from_dict({**spec.to_dict(), "shape": [3]})
    assert_close(spec.restore(torch.zeros(2, 9, D)), torch.zeros(2, 9, D))
    with pytest.raises(ValueError, match="x must end in the event shape"):
        spec.restore(torch.zeros(2, T, D + 1))


def test_frames_are_pictures_as_pictures_are():
    x = np.random.default_rng(0).integers(0, 256, (N, T, 5, 4), dtype=np.uint8)
    assert vaekit.data.open(x, timed=True).spec.shape == (T, 1, 5, 4)
    colour = np.random.default_rng(0).integers(0, 256, (N, T, 5, 4, 3), dtype=np.uint8)
    data = vaekit.data.open(colour, timed=True, valid=0)
    assert (data.spec.shape, data.spec.levels) == ((T, 3, 5, 4), 256)
    assert np.array_equal(data.train.x.numpy(), np.moveaxis(colour, -1, 2))
    flat = vaekit.data.open(x.reshape(N, -1), timed=True, shape=(T, 1, 5, 4), valid=0)
    assert np.array_equal(flat.train.x.numpy(), x[:, :, None])


def test_integers_of_vectors_over_time_are_no_picture():
    assert vaekit.data.open(np.arange(N * T * D).reshape(N, T, D) % 7, timed=True).spec.domain is Domain.REAL


REFUSED = {
    "too few": ({"lengths": LENGTHS[:-1]}, r"lengths must be one for each of 40 sequences, got shape \(39,\)"),
    "too long": (
        {"lengths": LENGTHS + 1},
        "lengths must be at most the 6 steps of x, got 7 for example 5",
    ),
    "none left": ({"lengths": LENGTHS - 1}, "lengths must be at least 1, got 0 for example 0"),
    "halves": ({"lengths": LENGTHS + 0.5}, "lengths must be whole numbers of steps, got ndarray"),
    "not a time": ({"lengths": LENGTHS, "timed": False}, "timed must not be False for 'array'"),
    "not true": ({"timed": 1}, "timed must be True or False, got 1"),
}


@pytest.mark.parametrize(("options", "sentence"), REFUSED.values(), ids=list(REFUSED))
def test_lengths_that_disagree_with_the_data_are_refused_in_a_sentence(x, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        vaekit.data.open(x, **options)


def test_single_numbers_over_time_need_an_axis_of_their_own(x):
    with pytest.raises(ValueError, match=r"sequences must be \(N, T, \*frame\), got shape \(40, 6\).*x\[..., None\]"):
        vaekit.data.open(x[..., 0], timed=True)


def test_a_folder_of_pictures_is_no_sequence(tmp_path):
    from PIL import Image

    for i in range(3):
        Image.fromarray(np.full((4, 4, 3), 40 * i, np.uint8)).save(tmp_path / f"{i}.png")
    with pytest.raises(ValueError, match="timed belongs to arrays of sequences, got the pictures of"):
        vaekit.data.open(tmp_path, timed=True)


def test_new_sequences_may_be_longer_and_have_lengths(x):
    spec = opened(x).spec
    longer = np.concatenate([x, x], 1)
    split = vaekit.data.read(longer, spec, lengths=np.full(N, 9))
    assert (split.stored.shape, split.batch(torch.tensor([0]))["mask"].sum()) == ((N, 2 * T, D), 9)
    assert vaekit.data.read(x[0, :4], spec).stored.shape == (1, 4, D)
    with pytest.raises(ValueError, match=r"the new examples must be sequences \(N, T, 3\), got"):
        vaekit.data.read(np.zeros((2, 4, 5)), spec)
    with pytest.raises(ValueError, match="the new examples: lengths must be at most the 6 steps of x, got 7"):
        vaekit.data.read(x, spec, lengths=np.full(N, 7))
    with pytest.raises(ValueError, match="lengths belong to sequences, got them for array: 6x3 real"):
        vaekit.data.read(x, vaekit.data.open(x).spec, lengths=LENGTHS)
