"""Noise at a visit: its law, and what it depends on."""

import pickle

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from vaekit import data

GREY = np.tile(np.arange(256, dtype=np.uint8).reshape(1, 16, 16), (41, 1, 1))
GREY[40] = 7  # data that are the same everywhere are refused; `limit` leaves this one out
NOISES = {"binarise": {"binarise": "visit"}, "dequantise": {"dequantise": True}}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def visits(split, n, generator):
    rows = torch.arange(len(split))
    return torch.cat([split.batch(rows, generator)["x"] for _ in range(n)])


def test_binarised_pixels_are_on_as_often_as_they_are_bright():
    x = visits(data.open(GREY, limit=40, binarise="visit", valid=0).train, 100, seeded())
    assert set(x.unique().tolist()) == {0.0, 1.0}
    grey = torch.arange(256).reshape(1, 16, 16) / 255
    errors = (x.mean(0) - grey).abs() / (grey * (1 - grey) / len(x)).sqrt().clamp(min=1e-12)
    assert errors[0, 0, 0] == errors[0, -1, -1] == 0  # black stays black, white white
    assert errors.max() < 4.5
    assert errors.square().mean() == pytest.approx(1, abs=0.3)


def test_floats_in_the_unit_interval_are_grey_levels_too():
    x = visits(data.open(GREY / 255, limit=40, binarise="visit", valid=0).train, 100, seeded())
    assert_close(x.mean((0, 1)), torch.arange(256).reshape(16, 16) / 255, atol=0.04, rtol=0)


@pytest.mark.parametrize("levels", [256, 17, 2, 60_000])
def test_dequantised_values_fill_their_level_and_never_leave_it(levels):
    grid = np.random.default_rng(0).integers(0, levels, (200, 1, 16, 16))
    grid[:, 0, 0, :2] = 0, levels - 1
    opened = data.open(grid, domain="levels", levels=levels, dequantise=True, valid=0)
    x = visits(opened.train, 5, seeded()).double()
    assert (opened.spec.domain, opened.spec.levels) == ("unit", levels)
    assert x.min() > 0
    assert x.max() < 1
    within = x * levels - torch.from_numpy(grid).repeat(5, 1, 1, 1)
    assert -1e-2 < within.min() < 0.02
    assert 0.98 < within.max() < 1 + 1e-2
    assert within.mean().item() == pytest.approx(0.5, abs=4 * (1 / 12 / within.numel()) ** 0.5)
    assert within.var().item() == pytest.approx(1 / 12, rel=0.02)


def test_every_dequantised_value_of_eight_bits_gives_its_level_back():
    x = visits(data.open(GREY, limit=40, dequantise=True, valid=0).train, 500, seeded())  # 5 million elements
    assert torch.equal((x * 256).floor(), torch.arange(256.0).reshape(1, 1, 16, 16).expand_as(x))


@pytest.mark.parametrize("noise", NOISES)
def test_processes_that_share_a_batch_see_what_one_would(noise):
    train = data.open(GREY, limit=40, labels=np.arange(41), valid=0, **NOISES[noise]).train
    rows = data.epoch_order(40, 0, 0)[:30]
    whole = train.batch(rows, seeded())
    shards = [train.batch(rows, seeded(), shard=part) for part in (slice(0, 11), slice(11, None))]
    for key, value in whole.items():
        assert_close(torch.cat([shard[key] for shard in shards]), value, rtol=0, atol=0)
    strided = train.batch(rows, seeded(), shard=slice(1, None, 2))
    assert_close(strided["x"], whole["x"][1::2], rtol=0, atol=0)


@pytest.mark.parametrize("noise", NOISES)
def test_training_noise_is_new_at_each_visit_and_the_rest_is_fixed(noise):
    opened = data.open(GREY, limit=40, valid=10, test=10, **NOISES[noise])
    rows = torch.arange(5)
    assert not torch.equal(opened.train.batch(rows)["x"], opened.train.batch(rows)["x"])
    assert opened.train.x.dtype == torch.uint8
    again = data.open(GREY, limit=40, valid=10, test=10, **NOISES[noise])
    other = data.open(GREY, limit=40, valid=10, test=10, seed=1, **NOISES[noise])
    for role in ("valid", "test"):
        drawn = getattr(opened, role).batch(rows)["x"]
        assert_close(getattr(opened, role).batch(rows, seeded(9))["x"], drawn, rtol=0, atol=0)
        assert_close(getattr(again, role).batch(rows)["x"], drawn, rtol=0, atol=0)
        assert not torch.equal(getattr(other, role).batch(rows)["x"], drawn)
    assert not torch.equal(opened.valid.batch(rows)["x"], opened.test.batch(rows)["x"])


def test_fixed_binarisation_stays_fixed_and_small():
    opened = data.open(GREY, limit=40, binarise="fixed", valid=10)
    assert (opened.spec.domain, opened.spec.levels) == ("binary", None)
    assert opened.train.x.dtype == opened.valid.x.dtype == torch.uint8
    rows = torch.arange(30)
    assert_close(opened.train.batch(rows)["x"], opened.train.batch(rows)["x"], rtol=0, atol=0)
    assert opened.train.x.float().mean().item() == pytest.approx(0.5, abs=0.02)


def test_binary_data_are_left_as_they_are():
    bits = GREY > 99
    opened = data.open(bits, limit=40, binarise="visit", valid=0)
    assert opened.spec == data.open(bits, limit=40, valid=0).spec
    assert opened.train.visit is None


def test_opening_and_reading_leave_the_global_generator_alone():
    before = torch.get_rng_state()
    data.open(GREY, limit=40, binarise="visit", valid=0.1).train.batch(torch.arange(3), seeded())
    assert torch.equal(torch.get_rng_state(), before)


def test_without_a_generator_the_global_one_is_followed():
    train = data.open(GREY, limit=40, binarise="visit", valid=0).train
    torch.manual_seed(4)
    first = train.batch(torch.arange(4))["x"]
    assert_close(train.batch(torch.arange(4), seeded(4))["x"], first, rtol=0, atol=0)


def test_a_batch_cannot_change_the_data():
    for given in (GREY, GREY / 255):
        train = data.open(given, limit=40, valid=0).train
        kept = train.x.clone()
        train.batch(torch.arange(5))["x"].zero_()
        assert_close(train.x, kept)


def test_a_split_travels_to_another_process():
    train = data.open(GREY, limit=40, dequantise=True, valid=0).train
    copy = pickle.loads(pickle.dumps(train))
    assert_close(copy.batch(torch.arange(4), seeded())["x"], train.batch(torch.arange(4), seeded())["x"])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("noise", NOISES)
def test_a_batch_is_made_where_the_data_live(noise):
    opened = data.open(GREY, limit=40, labels=np.arange(41), valid=10, **NOISES[noise])
    there = opened.to("cuda")
    rows = torch.arange(7)
    assert_close(there.train.batch(rows, seeded())["x"].cpu(), opened.train.batch(rows, seeded())["x"])
    assert_close(there.valid.batch(rows)["x"].cpu(), opened.valid.batch(rows)["x"])
    batch = there.train.batch(rows.cuda(), torch.Generator("cuda").manual_seed(0))
    assert {value.device.type for value in batch.values()} == {"cuda"}
