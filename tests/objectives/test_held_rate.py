"""A rate that is held, on a problem whose best rate at every weight is known."""

import math

import pytest
import torch
from torch import nn
from torch.distributions import Independent, Normal
from torch.testing import assert_close

from vaekit.models import Model, Walk
from vaekit.objectives import Distortion, HeldRate, Rate


class Line(Model):
    """x ~ N(z, s^2) with z ~ N(0, 1), and q(z|x) = N(a x, b^2) with free a and b."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.log_b = nn.Parameter(torch.tensor(0.5)), nn.Parameter(torch.tensor(-0.5))

    def walk(self, walk: Walk) -> None:
        q = lambda: Independent(Normal(self.a * walk.data["x"], self.log_b.exp()), 1)  # noqa: E731
        z = walk.latent("z", Independent(Normal(torch.zeros(1), torch.ones(1)), 1), q)
        walk.likelihood("x", Independent(Normal(z, 0.1), 1))


@pytest.mark.parametrize("target", [0.5, 2.0])
def test_the_rate_comes_to_the_target_with_the_multiplier_that_belongs_to_it(target):
    """x ~ N(0, 1): with weight m on the rate the best b^2 is m s^2 / (1 + m s^2) and a = 1 / (1 + m s^2)."""
    torch.manual_seed(0)
    model, held = Line(), HeldRate(target)
    objective = Distortion() + Rate() + held
    optimiser = torch.optim.Adam(model.parameters(), 0.02)
    rates, multipliers = [], []
    for step in range(3000):
        loss = objective(model.infer({"x": torch.randn(200, 1)})).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        held.after_step()
        if step >= 2000:
            rates.append(float(held.rate))
            multipliers.append(float(held.log_multiplier.exp()))
    assert sum(rates) / len(rates) == pytest.approx(target, rel=0.05)
    m = sum(multipliers) / len(multipliers)
    v = m * 0.1**2
    b2, a = v / (1 + v), 1 / (1 + v)
    assert 0.5 * (b2 + a**2 - 1 - math.log(b2)) == pytest.approx(target, rel=0.1)


def test_its_gradient_is_that_of_the_weighted_rate():
    torch.manual_seed(0)
    model, held, x = Line(), HeldRate(1.0), torch.randn(7, 1)
    held.log_multiplier.fill_(math.log(3.0))
    gradients = []
    for objective in (Distortion() + Rate() + held, Distortion() + 3.0 * Rate()):
        torch.manual_seed(1)
        gradients.append(torch.autograd.grad(objective(model.infer({"x": x})).mean(), list(model.parameters())))
    assert_close(gradients[0], gradients[1])


def test_out_of_training_it_notes_nothing():
    held = HeldRate(1.0).eval()
    (1.0 * held)(Line().infer({"x": torch.randn(7, 1)}))
    assert held.rate.isnan()
    held.after_step()
    assert held.log_multiplier == 0


@pytest.mark.parametrize(
    ("options", "said"), [((0.0,), "target must be a number above 0"), ((1.0, -1.0), "speed must be")]
)
def test_says_what_it_needs(options, said):
    with pytest.raises(ValueError, match=said):
        HeldRate(*options)
