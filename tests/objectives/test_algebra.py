import math

import pytest
import torch
from torch.testing import assert_close

from vaekit.objectives import (
    Constant,
    Cosine,
    Cyclical,
    DensityRatio,
    Distortion,
    ImportanceWeighted,
    Linear,
    Objective,
    Penalty,
    Rate,
    Term,
    posterior_draws,
    prior_draws,
)

NAMES = {kind.__name__: kind for kind in (Constant, Cosine, Cyclical, Distortion, ImportanceWeighted, Linear, Rate)}
RISE = Linear(0.0, 1.0, 10)


class Known(Term):
    """A term whose figure is known beforehand."""

    def __init__(self, label: str, *figure: float) -> None:
        super().__init__(label)
        self.figure = torch.tensor(figure)

    def forward(self, inference, coefficients):
        return self.figure if len(self.figure) > 1 else self.figure.squeeze()


@pytest.fixture
def a():
    return Known("a", 1.0, 2.0, 3.0)


@pytest.fixture
def b():
    return Known("b", 0.5, -0.25, 8.0)


WRITTEN = {
    "Distortion()": lambda: 1.0 * Distortion(),
    "Distortion() + 4 * Rate()": lambda: Distortion() + 4 * Rate(),
    "Distortion() + Rate()": lambda: Rate.__add__(Distortion(), Rate()),
    "Distortion() - Rate()": lambda: Distortion() - Rate(),
    "-Distortion() - 0.5 * Rate()": lambda: -(Distortion() + 0.5 * Rate()),
    "2 * Distortion() + 6 * Rate()": lambda: 2 * (Distortion() + Rate() * 3),
    "0.123456789 * Distortion() + 1e-06 * Rate()": lambda: 0.123456789 * Distortion() + 1e-6 * Rate(),
    "Distortion('x') - Distortion('y') + Rate('z')": lambda: Distortion("x") - (Distortion("y") - Rate("z")),
    "Distortion() + Linear(start=0.0, end=1.0, steps=10) * Rate()": lambda: Distortion() + RISE * Rate(),
    "Distortion() - 1.0 * (Linear(start=0.0, end=1.0, steps=10) * Rate())": lambda: Distortion() - RISE * Rate(),
    "-2.0 * (Linear(start=0.0, end=1.0, steps=10) * Rate())": lambda: 1.0 * (-2 * (RISE * Rate())),
    "Rate(free_bits=0.25, groups=4)": lambda: 1.0 * Rate(free_bits=0.25, groups=4),
    "Rate('z', target=Linear(start=0.0, end=1.0, steps=10))": lambda: 1.0 * Rate("z", target=RISE),
    "ImportanceWeighted(samples=5)": lambda: 1.0 * ImportanceWeighted(5),
}


@pytest.mark.parametrize(("text", "build"), WRITTEN.items(), ids=list(WRITTEN))
def test_an_objective_reads_as_it_was_written_and_means_what_it_reads(text, build):
    objective = build()
    assert repr(objective) == text
    read = 1.0 * eval(text, NAMES)
    assert repr(read) == text
    assert [read.coefficients(step) for step in (0, 3, 99)] == [objective.coefficients(step) for step in (0, 3, 99)]


def test_the_loss_is_the_weighted_sum_and_terms_are_told_unweighted(a, b):
    objective = 3 * a - 0.5 * b
    found = objective.evaluate(None, objective.coefficients(0))
    assert_close(found["loss"], torch.tensor([2.75, 6.125, 5.0]))
    assert_close(found["a"], a.figure)
    assert_close(found["b"], b.figure)


def test_sums_distribute_and_signs_cancel(a, b):
    assert_close((2 * (a - b))(None), 2 * a.figure - 2 * b.figure)
    assert_close((-1 * -a)(None), a.figure)
    assert_close((a - (b - Known("c", 1.0, 1.0, 1.0)))(None), a.figure - b.figure + 1)
    assert_close(((a * 3) * 2)(None), 6 * a.figure)


def test_a_term_of_the_whole_batch_is_added_to_every_example(a):
    assert_close((a + 2 * Known("number", 10.0))(None), a.figure + 20)


def test_scheduled_weights_follow_the_step(a, b):
    objective = a + Linear(0.0, 1.0, 4) * b
    for step, weight in [(0, 0.0), (1, 0.25), (3, 0.75), (4, 1.0), (1000, 1.0)]:
        assert_close(objective(None, step), a.figure + weight * b.figure)


def test_schedules_multiply(a):
    objective = 2 * (Linear(0.0, 1.0, 4) * (Cosine(1.0, 0.0, 4) * a))
    for step in range(6):
        rise, fall = min(1, step / 4), (1 + math.cos(math.pi * min(1, step / 4))) / 2
        assert_close(objective(None, step), 2 * rise * fall * a.figure)


def test_any_callable_of_the_step_is_a_schedule(a):
    assert_close(((lambda step: step**2) * a)(None, 3), 9 * a.figure)
    assert_close((a * (lambda step: step**2))(None, 3), 9 * a.figure)


def test_what_changes_with_the_step_is_told_by_name():
    objective = RISE * Distortion() + 4.0 * Rate(target=Linear(0.0, 25.0, 10))
    assert objective.scheduled() == {"distortion", "rate.target"}
    assert objective.coefficients(5) == {"distortion": 0.5, "rate": 4.0, "rate.target": 12.5}
    assert (Distortion() + 4.0 * Rate(target=3.0)).scheduled() == set()


def test_an_objective_asks_for_the_draws_that_its_terms_need():
    assert (1.0 * ImportanceWeighted(7)).samples == 7
    assert (Distortion() + Rate()).samples is None


def test_parameters_of_a_term_are_found_through_the_objective():
    critic = torch.nn.Linear(2, 1)
    ratio = DensityRatio("ratio", critic, posterior_draws("z"), prior_draws("z"))
    assert set((Distortion() + 0.1 * ratio).parameters()) == set(critic.parameters())


NAN, ratio = (
    float("nan"),
    lambda label: DensityRatio(label, torch.nn.Linear(2, 1), posterior_draws("z"), prior_draws("z")),
)
NONSENSE = {
    "a product of terms": (lambda: Distortion() * Rate(), "terms are added, not multiplied: got .*Distortion.*Rate"),
    "a product of sums": (lambda: (Distortion() + Rate()) * Rate(), "terms are added, not multiplied"),
    "a number added": (lambda: Distortion() + 3, r"only terms can be added .* got 3: write a weight as 4.0 \* Rate"),
    "a number in front": (lambda: 3 + Distortion(), "only terms can be added to an objective, got 3"),
    "the sum of a list": (lambda: sum([Distortion(), Rate()]), "only terms can be added to an objective, got 0"),
    "a number subtracted": (lambda: Distortion() - 3, "only terms can be subtracted from an objective, got 3"),
    "a weight that is not a number": (
        lambda: NAN * Rate(),
        "a weight must be a finite number or a callable .* got nan",
    ),
    "an endless weight": (lambda: math.inf * Rate(), "a weight must be a finite number .* got inf"),
    "a weight in words": (lambda: "4" * Rate(), "a weight must be a finite number or a callable of the step, got '4'"),
    "a yes for a weight": (lambda: True * Rate(), "a weight must be a finite number .* got True"),
    "a term twice": (lambda: Rate() + Rate(), r"the term Rate\(\) stands twice: give it one weight, as in 2.0 \* Rate"),
    "a named term twice": (lambda: Rate("z") + 2 * Rate("z"), r"the term Rate\('z'\) stands twice"),
    "a bound and its rate": (
        lambda: ImportanceWeighted(5) + Rate(),
        r"Rate\(\) already holds the rate: it cannot be added to ImportanceWeighted\(samples=5\)",
    ),
    "a distortion and its bound": (
        lambda: Distortion() + ImportanceWeighted(5),
        r"ImportanceWeighted\(samples=5\) already holds the distortion: it cannot be added to Distortion\(\)",
    ),
    "no draws": (lambda: ImportanceWeighted(0), "samples must be a whole number of at least 1, got 0"),
    "half a draw": (lambda: ImportanceWeighted(2.5), "samples must be a whole number of at least 1, got 2.5"),
    "groups without an allowance": (
        lambda: Rate(groups=2),
        "groups must be a whole number of at least 1, with free_bits",
    ),
    "no groups": (lambda: Rate(free_bits=1.0, groups=0), "groups must be .* got 0, 1.0"),
    "half a group": (lambda: Rate(free_bits=1.0, groups=1.5), "groups must be a whole number of at least 1"),
    "a target and an allowance": (lambda: Rate(free_bits=1.0, target=2.0), "either free_bits or a target, not both"),
    "a negative allowance": (lambda: Rate(free_bits=-0.5), "free_bits must be 0 or more nats, got -0.5"),
    "an allowance that is not a number": (lambda: Rate(free_bits=NAN), "free_bits must be 0 or more nats, got nan"),
    "a negative target": (lambda: Rate(target=-1.0), "target must be 0 or more nats, or a schedule of them, got -1.0"),
    "a target that is not a number": (lambda: Rate(target=NAN), "target must be 0 or more nats"),
    "a term that calls itself the loss": (lambda: ratio("loss"), "a term's label must be other than 'loss'"),
    "a label with a full stop": (lambda: ratio("ratio.z"), "hold no full stop, got 'ratio.z'"),
    "a schedule of no steps": (lambda: Linear(0.0, 1.0, 0), "steps must be a whole number of at least 1, got 0"),
    "a schedule of half a step": (lambda: Cosine(0.0, 1.0, 0.5), "steps must be a whole number of at least 1, got 0.5"),
    "a schedule without an end": (lambda: Linear(0.0, math.inf, 5), "end must be a finite number, got inf"),
    "a schedule without a start": (lambda: Cyclical(NAN, 1.0, 5), "start must be a finite number, got nan"),
    "a constant that is not a number": (lambda: Constant(NAN), "value must be a finite number, got nan"),
    "no cycles": (lambda: Cyclical(0.0, 1.0, 5, cycles=0), "cycles must be a whole number of at least 1, got 0"),
    "a cycle that never rises": (lambda: Cyclical(0.0, 1.0, 5, ramp=0.0), r"ramp must lie in \(0, 1\], got 0.0"),
    "a cycle that rises too long": (lambda: Cyclical(0.0, 1.0, 5, ramp=1.5), r"ramp must lie in \(0, 1\], got 1.5"),
}


@pytest.mark.parametrize(("build", "sentence"), NONSENSE.values(), ids=list(NONSENSE))
def test_nonsense_is_refused_in_a_sentence(build, sentence):
    with pytest.raises(ValueError, match=sentence):
        build()


def test_two_numbers_of_draws_are_refused():
    class Bound(Known):
        samples = 3

    with pytest.raises(ValueError, match=r"terms ask for different numbers of draws, \[3, 5\]: use one"):
        Bound("other", 1.0, 2.0) + ImportanceWeighted(5)


def test_an_objective_can_be_built_from_its_summands(a, b):
    again = Objective((2 * a + b).weighted())
    assert_close(again(None), 2 * a.figure + b.figure)
    assert Penalty().label in (again + Penalty()).coefficients(0)
