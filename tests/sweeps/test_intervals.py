"""Intervals over seeds, against scipy's closed forms."""

import math
import random

import pytest
from scipy import stats

from vaekit.sweeps.intervals import difference, mean_over, t_quantile

SEEDED = random.Random(0)


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 5, 9, 10, 31, 100, 999])
@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.999])
def test_quantiles_are_those_of_students_distribution(level, freedom):
    assert t_quantile(level, freedom) == pytest.approx(stats.t.ppf((1 + level) / 2, freedom), rel=1e-9)


@pytest.mark.parametrize("count", [2, 3, 5, 12])
def test_a_mean_has_students_interval(count):
    values = [SEEDED.gauss(-90, 2) for _ in range(count)]
    found = mean_over(values)
    low, high = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    assert (found.mean - found.half, found.mean + found.half) == pytest.approx((low, high), rel=1e-9)
    assert found.count == count


def test_the_interval_covers_the_true_mean_as_often_as_it_says():
    dice = random.Random(1)
    found = [mean_over([dice.gauss(3.0, 1.0) for _ in range(3)]) for _ in range(4000)]
    covered = sum(abs(one.mean - 3.0) <= one.half for one in found) / len(found)
    assert covered == pytest.approx(0.95, abs=3 * math.sqrt(0.95 * 0.05 / 4000))


def test_a_difference_is_paired_over_the_seeds_that_both_have():
    ours = {seed: SEEDED.gauss(0, 10) for seed in range(6)}
    theirs = {seed: ours[seed] - 1 + SEEDED.gauss(0, 0.1) for seed in (1, 2, 3, 5)} | {9: 7.0}
    found = difference(ours, theirs)
    common = [1, 2, 3, 5]
    low, high = stats.ttest_rel([ours[s] for s in common], [theirs[s] for s in common]).confidence_interval(0.95)
    assert (found.mean - found.half, found.mean + found.half) == pytest.approx((low, high), rel=1e-9)
    assert not found.covers_zero


def test_without_common_seeds_a_difference_is_welchs_with_fewer_degrees_of_freedom():
    ours, theirs = {0: 1.0, 1: 1.4, 2: 0.7, 3: 1.1}, {5: 0.2, 6: -0.9, 7: 0.4}
    found = difference(ours, theirs)
    witness = stats.ttest_ind(list(ours.values()), list(theirs.values()), equal_var=False)
    low, high = witness.confidence_interval(0.95)
    wider = stats.t.ppf(0.975, math.floor(witness.df)) / stats.t.ppf(0.975, witness.df)
    assert found.mean == pytest.approx((low + high) / 2)
    assert found.half == pytest.approx((high - low) / 2 * wider, rel=1e-9)


def test_one_seed_has_no_interval_and_tells_nothing_apart():
    assert mean_over([3.0]).half is None
    assert difference({0: 1.0}, {0: 99.0}).covers_zero


def test_runs_that_are_the_same_are_not_told_apart():
    assert difference({0: 1.0, 1: 2.0}, {0: 1.0, 1: 2.0}).covers_zero
