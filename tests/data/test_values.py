"""What the values are: recognised, kept in the smallest type, read as models take them."""

import json

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from vaekit import data
from vaekit.data import Domain

rng = np.random.default_rng(1)
GREY = rng.integers(0, 256, (30, 6, 7)).astype(np.uint8)
BITS = GREY > 127
FLAT = rng.normal(size=(30, 5))
TABLE = rng.integers(-9, 300, (30, 5))

# given, domain, levels, kept as, event
GUESSED = {
    "8-bit pictures": (GREY, Domain.LEVELS, 256, torch.uint8, (1, 6, 7)),
    "pictures in int64": (GREY[:, None].astype(int), Domain.LEVELS, 256, torch.uint8, (1, 6, 7)),
    "booleans": (BITS, Domain.BINARY, None, torch.uint8, (1, 6, 7)),
    "0 and 1 in int64": (BITS.astype(int), Domain.BINARY, None, torch.uint8, (1, 6, 7)),
    "0 and 1 in floats": (BITS.astype(float), Domain.BINARY, None, torch.uint8, (1, 6, 7)),
    "floats in [0, 1]": (GREY / 255, Domain.UNIT, None, torch.float32, (1, 6, 7)),
    "floats": (FLAT, Domain.REAL, None, torch.float32, (5,)),
    "half precision": (FLAT.astype(np.float16), Domain.REAL, None, torch.float16, (5,)),
    "bfloat16": (torch.from_numpy(FLAT).bfloat16(), Domain.REAL, None, torch.float32, (5,)),
    "a table of integers": (TABLE, Domain.REAL, None, torch.int16, (5,)),
    "8-bit table": (GREY[:, 0], Domain.REAL, None, torch.uint8, (7,)),
    "a series of floats": (FLAT.reshape(30, 5, 1), Domain.REAL, None, torch.float32, (5, 1)),
    "colours last": (np.stack([GREY] * 3, -1), Domain.LEVELS, 256, torch.uint8, (3, 6, 7)),
    "grey channel last": (GREY[..., None], Domain.LEVELS, 256, torch.uint8, (1, 6, 7)),
    "colours first": (np.stack([GREY] * 3, 1), Domain.LEVELS, 256, torch.uint8, (3, 6, 7)),
}


@pytest.mark.parametrize("case", GUESSED)
def test_values_are_recognised_and_kept_small(case):
    given, domain, levels, kept, event = GUESSED[case]
    opened = data.open(given, valid=0)
    assert (opened.spec.domain, opened.spec.levels, opened.spec.shape) == (domain, levels, event)
    assert opened.train.x.dtype == kept
    assert opened.train.batch(torch.arange(3))["x"].dtype == torch.float32


def test_channels_are_moved_and_not_reinterpreted():
    colours = rng.integers(0, 256, (4, 6, 7, 3)).astype(np.uint8)
    opened = data.open(colours, valid=0)
    assert_close(opened.train.x, torch.from_numpy(colours).permute(0, 3, 1, 2))
    assert opened.spec.describe().endswith("channels moved first")


def test_grey_levels_are_read_exactly_as_level_over_top():
    x = data.open(GREY, valid=0).train.batch(torch.arange(30))["x"]
    assert torch.equal(x, torch.from_numpy(GREY[:, None]).float() / 255)
    sixteen = data.open(GREY // 16, levels=16, valid=0).train.batch(torch.arange(30))["x"]
    assert torch.equal(sixteen, torch.from_numpy(GREY[:, None] // 16).float() / 15)


@pytest.mark.parametrize("domain", ["counts", "categories", "real", "levels"])
def test_the_users_word_on_the_domain_is_taken(domain):
    opened = data.open(GREY[:, 0], domain=domain, valid=0)
    assert opened.spec.domain == domain
    assert opened.spec.levels == {"categories": int(GREY[:, 0].max()) + 1, "levels": 256}.get(domain)
    x = opened.train.batch(torch.arange(30))["x"]
    assert x.dtype == (torch.int64 if domain == "categories" else torch.float32)
    assert_close(x * (255 if domain == "levels" else 1), torch.from_numpy(GREY[:, 0]).to(x.dtype))


def test_flat_pictures_become_pictures_by_their_shape():
    flat = data.open(GREY.reshape(30, 42), shape=(1, 6, 7), valid=0)
    assert flat.spec == data.open(GREY, valid=0).spec
    assert_close(flat.train.x, torch.from_numpy(GREY[:, None]))


def test_labels_and_contexts_are_kept_small_and_read_wide():
    opened = data.open(GREY, labels=np.arange(30.0) * 10, context=FLAT, valid=0)
    assert (opened.spec.classes, opened.spec.context) == (291, (5,))
    assert (opened.train.labels.dtype, opened.train.context.dtype) == (torch.int16, torch.float32)
    batch = opened.train.batch(torch.tensor([3, 1]))
    assert_close(batch["labels"], torch.tensor([30, 10]))
    assert_close(batch["context"], torch.from_numpy(FLAT[[3, 1]]).float())
    assert (
        data.open(GREY, context=np.abs(TABLE), valid=0).train.batch(torch.tensor([0]))["context"].dtype == torch.int64
    )


def test_labels_may_become_the_context():
    opened = data.open("digits").conditioned_on_labels()
    assert opened.spec.context == ()
    batch = opened.test.batch(torch.arange(9))
    assert_close(batch["context"], batch["labels"])
    with pytest.raises(ValueError, match="needs data with labels, got array: 1x6x7"):
        data.open(GREY).conditioned_on_labels()
    with pytest.raises(ValueError, match="needs data without a context"):
        opened.conditioned_on_labels()


def test_a_spec_survives_json():
    for opened in (data.open("digits", binarise="visit").conditioned_on_labels(), data.open(GREY, dequantise=True)):
        assert data.DataSpec.from_dict(json.loads(json.dumps(opened.spec.to_dict()))) == opened.spec
    with pytest.raises(ValueError, match=r"look at \['colour'\]"):
        data.DataSpec.from_dict({**opened.spec.to_dict(), "colour": 1})
    with pytest.raises(ValueError, match="domain must be one of"):
        data.DataSpec.from_dict({**opened.spec.to_dict(), "domain": "grey"})


def test_data_say_what_they_are_in_one_line():
    expected = "Data(digits: 1x8x8 levels (17 values), 10 classes; train 1,258, valid 180, test 359)"
    assert repr(data.open("digits")) == expected
    assert "drawn from grey levels at every visit" in data.open("digits", binarise="visit").spec.describe()


def test_splits_share_no_example_and_follow_the_seed():
    rows = np.arange(50.0)[:, None] + 7
    opened = [data.open(rows, valid=10, test=0.3, seed=seed) for seed in (0, 0, 1)]
    for one in opened:
        parts = [part.x.flatten() for part in (one.train, one.valid, one.test)]
        assert list(map(len, parts)) == [25, 10, 15]
        assert torch.cat(parts).sort().values.tolist() == rows[:, 0].tolist()
    assert_close(opened[0].valid.x, opened[1].valid.x)
    assert not torch.equal(opened[0].valid.x, opened[2].valid.x)


def test_a_held_out_part_has_every_label_in_proportion():
    labels = rng.choice(5, size=997, p=[0.5, 0.3, 0.15, 0.04, 0.01])
    valid = data.open(labels[:, None] + 7.5, labels=labels, valid=100).valid
    expected = np.bincount(labels) * 100 / 997
    assert np.abs(np.bincount(valid.labels.numpy(), minlength=5) - expected).max() < 1


def test_an_epochs_order_depends_on_seed_stream_and_epoch_alone():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    order = data.epoch_order(20, epoch=2, seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    assert order.sort().values.tolist() == list(range(20))
    torch.rand(5)
    assert torch.equal(order, data.epoch_order(20, epoch=2, seed=1))
    others = [data.epoch_order(20, 1, 2), data.epoch_order(20, 3, 1), data.epoch_order(20, 2, 1, stream=1)]
    assert not any(torch.equal(order, other) for other in others)


def test_batches_hold_every_row_once_and_may_drop_the_rest():
    order = data.epoch_order(10, 0, 0)
    assert_close(torch.cat(data.batches(order, 4)), order)
    assert [len(rows) for rows in data.batches(order, 4, drop_last=True)] == [4, 4]
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        data.batches(order, 0)
    with pytest.raises(ValueError, match="at most the 10 examples with drop_last, got 11"):
        data.batches(order, 11, drop_last=True)
    with pytest.raises(ValueError, match="n must be at least 1"):
        data.epoch_order(0, 0, 0)
