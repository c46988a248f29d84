import numpy as np
import pytest
import torch
from models.graphs import Graph, normal
from torch.testing import assert_close

from vaekit.objectives import Distortion, Linear, Objective, Rate, RateBalance, balanced

B, K = 6, 3
SHAPES = {"z1": (2, 1, 1), "z2": (2, 2, 2), "z3": (2, 2, 2), "z4": (2, 4, 4)}  # one group, then two, then one
COSTS = np.array([1 / 1, 4 / 2, 4 / 2, 16 / 1])  # 4^scale over groups in that scale


def maps(shifts):
    """Latents N(shift, 1) under N(0, 1): each costs half the sum of the squared shifts."""

    def graph(walk):
        for name, shift in shifts.items():
            z = walk.latent(name, wide(torch.zeros(shift.shape[1:])), lambda shift=shift: wide(shift))
        walk.likelihood("x", wide(z))

    return Graph(graph)


def wide(loc):
    return torch.distributions.Independent(torch.distributions.Normal(loc, torch.ones_like(loc)), 3)


@pytest.fixture
def shifts():
    return {name: torch.randn(B, *shape).requires_grad_() for name, shape in SHAPES.items()}


def objective() -> Objective:
    warmup = Linear(0.0, 1.0, 10)
    return Distortion() + warmup * (Rate() + RateBalance(warmup))


def rates(shifts):
    return np.stack([(s.detach().numpy() ** 2 / 2).reshape(B, -1).sum(1) for s in shifts.values()], 1)


def weights(shifts):
    raw = (np.abs(rates(shifts)).mean(0) + 0.01) / COSTS
    return raw / raw.mean()


@pytest.mark.parametrize("samples", [None, K])
def test_rate_and_balance_are_the_weighted_rates(shifts, samples):
    inference = maps(shifts).infer(torch.zeros(B, *SHAPES["z4"]), samples=samples)
    terms = objective().evaluate(inference, objective().coefficients(5))
    assert_close(terms["rate"], torch.tensor(rates(shifts).sum(1)))
    assert_close(terms["rate"] + terms["balance"], torch.tensor(rates(shifts) @ weights(shifts)))
    assert_close(terms["loss"], terms["distortion"] + 0.5 * torch.tensor(rates(shifts) @ weights(shifts)))


def test_weights_have_mean_one_and_get_no_gradient(shifts):
    inference = maps(shifts).infer(torch.zeros(B, *SHAPES["z4"]))
    terms = objective().evaluate(inference, objective().coefficients(5))
    (terms["rate"] + terms["balance"]).sum().backward()
    for shift, weight in zip(shifts.values(), weights(shifts), strict=True):
        assert_close(shift.grad, weight * shift.detach())
    assert weights(shifts).mean() == pytest.approx(1.0)


@pytest.mark.parametrize("step", [10, 11, 1 << 62])
def test_nothing_is_added_once_the_warm_up_is_over(shifts, step):
    inference = maps(shifts).infer(torch.zeros(B, *SHAPES["z4"]))
    terms = objective().evaluate(inference, objective().coefficients(step))
    assert terms["balance"].abs().max() == 0
    assert_close(terms["loss"], terms["distortion"] + terms["rate"])


def test_latents_that_carry_alike_at_one_cost_weigh_alike():
    assert_close(balanced(torch.full((3,), 2.0), torch.full((3,), 7.0)), torch.ones(3))


def test_a_latent_that_carries_nothing_still_weighs_something():
    found = balanced(torch.tensor([0.0, 1.0]), torch.ones(2))
    assert_close(found, torch.tensor([0.01, 1.01]) / 0.51)


def test_a_single_latent_is_weighed_as_ever():
    x = torch.randn(B, 3)
    inference = Graph(
        lambda walk: walk.likelihood("x", normal(walk.latent("z", normal(torch.zeros(3)), lambda: normal(x))))
    ).infer(x)
    assert RateBalance(Linear(0.0, 1.0, 10))(inference, {"balance.warmup": 0.5}).abs().max() < 1e-12


def test_a_number_is_no_warm_up():
    with pytest.raises(ValueError, match=r"warmup must be a schedule, .* got 0.5"):
        RateBalance(0.5)
