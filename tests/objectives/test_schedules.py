import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaekit.objectives import Constant, Cosine, Cyclical, Linear

numbers = st.floats(-1e3, 1e3)
lengths = st.integers(1, 10_000)
steps = st.integers(0, 20_000)


def close(value):
    return pytest.approx(value, rel=1e-9, abs=1e-9)


@given(numbers, steps)
def test_a_constant_never_changes(value, step):
    assert Constant(value)(step) == value


@pytest.mark.parametrize(("step", "value"), [(0, 2.0), (25, 3.5), (50, 5.0), (100, 8.0), (101, 8.0), (10**9, 8.0)])
def test_a_line_is_straight_and_then_constant(step, value):
    assert Linear(2.0, 8.0, 100)(step) == close(value)


def test_the_capacity_of_burgess_rises_to_25_nats_in_100_000_steps():
    capacity = Linear(0.0, 25.0, 100_000)
    assert [capacity(step) for step in (0, 4_000, 50_000, 100_000, 200_000)] == [0.0, 1.0, 12.5, 25.0, 25.0]


@pytest.mark.parametrize(
    ("step", "value"),
    [(0, 1.0), (25, 0.5 + math.sqrt(0.125)), (50, 0.5), (75, 0.5 - math.sqrt(0.125)), (100, 0.0), (300, 0.0)],
)
def test_a_cosine_is_half_a_wave(step, value):
    assert Cosine(1.0, 0.0, 100)(step) == close(value)


@pytest.mark.parametrize(
    ("step", "value"),
    [
        (0, 0.0),
        (5, 0.5),
        (10, 1.0),
        (19, 1.0),
        (20, 0.0),
        (30, 1.0),
        (39, 1.0),
        (60, 0.0),
        (79, 1.0),
        (80, 1.0),
        (81, 1.0),
    ],
)
def test_a_cycle_rises_for_half_of_it_and_begins_anew(step, value):
    assert Cyclical(0.0, 1.0, 80)(step) == close(value)


def test_a_cycle_that_rises_all_the_time_is_a_saw():
    saw = Cyclical(0.0, 1.0, 30, cycles=3, ramp=1.0)
    assert [saw(step) for step in range(30)] == close([(step % 10) / 10 for step in range(30)])
    assert [saw(30), saw(31)] == [1.0, 1.0]


def test_one_full_cycle_is_a_line():
    cycle, line = Cyclical(2.0, 5.0, 17, cycles=1, ramp=1.0), Linear(2.0, 5.0, 17)
    assert [cycle(step) for step in range(40)] == close([line(step) for step in range(40)])


@pytest.mark.parametrize("kind", [Linear, Cosine, Cyclical])
@given(numbers, numbers, lengths, steps)
def test_a_schedule_stays_between_its_ends_and_arrives(kind, start, end, length, step):
    schedule = kind(start, end, length)
    slack = 1e-9 * (1 + abs(start) + abs(end))
    assert min(start, end) - slack <= schedule(step) <= max(start, end) + slack
    assert schedule(0) == close(start)
    assert schedule(length) == schedule(length + step) == close(end)


@pytest.mark.parametrize("kind", [Linear, Cosine])
@given(numbers, st.floats(0, 1e3), lengths, steps)
def test_a_schedule_that_rises_never_falls(kind, start, rise, length, step):
    schedule = kind(start, start + rise, length)
    assert schedule(step + 1) >= schedule(step) - 1e-9 * (1 + abs(start) + rise)


@given(numbers, numbers, lengths, steps)
def test_line_and_cosine_are_symmetric_and_meet_in_the_middle(start, end, length, step):
    for kind in (Linear, Cosine):
        there, back = kind(start, end, 2 * length), kind(end, start, 2 * length)
        assert there(step) + back(step) == close(start + end)
        assert there(length) == close((start + end) / 2)
