"""The logistic schedule of Bowman et al. 2016 against its closed form."""

import math

import pytest

import vaekit as vk

RISE = vk.Logistic(0.0, 1.0, middle=2500, slope=0.0025)


@pytest.mark.parametrize("step", [0, 1, 1250, 2500, 5000, 40_000])
def test_it_is_the_logistic_function_of_the_step(step):
    assert RISE(step) == pytest.approx(1 / (1 + math.exp(-0.0025 * (step - 2500))), abs=1e-15)


def test_it_is_half_way_at_its_middle():
    assert vk.Logistic(2.0, 6.0, middle=10, slope=0.3)(10) == 4.0


def test_it_is_symmetric_about_its_middle():
    assert RISE(2500 - 700) + RISE(2500 + 700) == pytest.approx(1.0)


def test_its_slope_at_the_middle_is_a_quarter_of_k():
    rise = RISE(2501) - RISE(2499)
    assert rise / 2 == pytest.approx(0.0025 / 4, rel=1e-5)


def test_exchanged_ends_give_the_fall_that_mirrors_the_rise():
    fall = vk.Logistic(1.0, 0.0, middle=2500, slope=0.0025)
    assert all(fall(step) == pytest.approx(1 - RISE(step)) for step in range(0, 5001, 500))


def test_any_step_is_far_from_overflow():
    steep = vk.Logistic(0.0, 1.0, middle=1e6, slope=10.0)
    assert (steep(0), steep(1 << 62)) == (0.0, 1.0)


def test_as_a_weight_it_scales_the_term_and_is_written_as_it_was():
    objective = vk.Distortion() + RISE * vk.Rate()
    assert objective.coefficients(2500) == {"distortion": 1.0, "rate": 0.5}
    assert "Logistic(start=0.0, end=1.0, middle=2500, slope=0.0025) * Rate()" in repr(objective)


@pytest.mark.parametrize("name", ["middle", "slope"])
@pytest.mark.parametrize("value", [0.0, -1.0, math.inf, math.nan])
def test_nonsense_is_refused_in_one_sentence(name, value):
    with pytest.raises(ValueError, match=f"{name} must be a finite number above 0, got {value}"):
        vk.Logistic(0.0, 1.0, **{"middle": 10, "slope": 1.0, name: value})
