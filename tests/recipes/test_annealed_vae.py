"""The weight of the rate in `annealed-vae`, by schedule, and what is left of it when it has risen."""

import math

import pytest
import torch
from torch.testing import assert_close

import vaekit as vk
from vaekit.data import DataSpec, Domain

SPEC = DataSpec("bits", (12,), Domain.BINARY)
STEPS, BETA = 1000, 2.0
CLOSED_FORMS = {
    "linear": lambda t: BETA * t,
    "cosine": lambda t: BETA * (1 - math.cos(math.pi * t)) / 2,
    "cyclical": lambda t: BETA * min(1.0, 2 * (4 * t % 1)) if t < 1 else BETA,
    "logistic": lambda t: BETA / (1 + math.exp(-10 * (t - 1 / 2))),
}


def system(**options):
    torch.manual_seed(0)
    return vk.recipe("annealed-vae")(SPEC, hidden=(8,), latent=3, annealing_steps=STEPS, **options)


def weight(schedule, step):
    return system(schedule=schedule, beta=BETA).objective.coefficients(step)["rate"]


@pytest.mark.parametrize("step", [0, 60, 125, 500, 630, 999, 1000])
@pytest.mark.parametrize("schedule", CLOSED_FORMS)
def test_the_weight_follows_its_schedule(schedule, step):
    assert weight(schedule, step) == pytest.approx(CLOSED_FORMS[schedule](step / STEPS), abs=1e-12)


@pytest.mark.parametrize("schedule", CLOSED_FORMS)
def test_the_risen_objective_is_that_of_a_beta_vae(schedule):
    annealed, x = system(schedule=schedule, beta=BETA), torch.bernoulli(torch.full((5, 12), 0.5))
    inference = annealed.model.infer(x)
    assert_close(annealed.objective(inference, 1 << 62), (vk.Distortion() + BETA * vk.Rate())(inference))


@pytest.mark.parametrize("schedule", ["linear", "cosine", "cyclical"])
def test_the_first_step_is_that_of_an_autoencoder(schedule):
    annealed, x = system(schedule=schedule), torch.bernoulli(torch.full((5, 12), 0.5))
    inference = annealed.model.infer(x)
    assert_close(annealed.objective(inference, 0), inference.distortion)


def test_every_cycle_starts_from_nought():
    objective = system(schedule="cyclical", cycles=5).objective
    assert [objective.coefficients(step)["rate"] for step in range(0, STEPS, STEPS // 5)] == [0.0] * 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"schedule": "square"}, "schedule must be one of linear, cosine, cyclical, logistic, got 'square'"),
        ({"cycles": 0}, "cycles must be at least 1, got 0"),
        ({"beta": 0.0}, "beta must be above 0, got 0.0"),
    ],
)
def test_nonsense_is_refused_in_one_sentence(options, message):
    with pytest.raises(ValueError, match=message):
        system(**options)
