"""(c) A `Scan` over time with mask and reset; a linear-Gaussian state space, so the Kalman filter's likelihood."""

import math

import torch
from torch import Tensor, nn
from torch.distributions import Independent, Normal

from contracts.case import Case
from vaekit.models import Carry, Cell, Scan, Walk
from vaekit.objectives import ImportanceWeighted

A, Q, C, R, START = 0.9, 0.3, 1.4, 0.5, 2.0


def normal(loc: Tensor, variance: Tensor) -> Independent:
    return Independent(Normal(loc, variance.sqrt(), validate_args=False), 1, validate_args=False)


class LinearGaussian(Cell):
    """z_1 ~ N(0, START), z_t ~ N(a z_{t-1}, Q), x_t ~ N(C z_t, R); q(z_t | z_{t-1}, x_{t..T}) is exact."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.tensor(A))

    def initial(self, batch: int) -> Carry:
        return {"loc": self.a.new_zeros(batch, 1), "variance": self.a.new_full((batch, 1), START)}

    def step(self, walk: Walk, carry: Carry) -> Carry:
        prior = normal(carry["loc"], carry["variance"])
        z = walk.latent("z", prior, lambda: self.posterior(walk.evidence, carry))
        walk.likelihood("x", normal(C * z, torch.full_like(z, R)))
        return {"loc": self.a * z, "variance": torch.full_like(z, Q)}

    def posterior(self, message: Carry, carry: Carry) -> Independent:
        precision = 1 / carry["variance"] + message["precision"]
        return normal((carry["loc"] / carry["variance"] + message["shift"]) / precision, 1 / precision)

    def evidence(self, data, context):
        """What x_t, ..., x_T say of z_t, as a Gaussian factor, by recursion from the end."""
        x, mask, reset = data["x"], data["mask"].unsqueeze(-1), data["reset"].unsqueeze(-1)
        precision = shift = torch.zeros_like(x[:, 0])
        found = []
        for t in reversed(range(x.shape[1])):
            here = torch.where(mask[:, t], precision + C**2 / R, precision)
            there = torch.where(mask[:, t], shift + C * x[:, t] / R, shift)
            found.append((here, there))
            damp = torch.where(mask[:, t], 1 + Q * here, 1.0)
            a = torch.where(mask[:, t], self.a, 1.0)
            open_ = (~reset[:, t]).to(x)
            precision, shift = open_ * a**2 * here / damp, open_ * a * there / damp
        precisions, shifts = zip(*reversed(found), strict=True)
        return {"precision": torch.stack(precisions, 1), "shift": torch.stack(shifts, 1)}


def kalman(x: list[float], mask: list[bool], reset: list[bool]) -> float:
    """log p(x) of one sequence by the filter's one-step predictions; masked steps do not exist, a reset starts anew."""
    mean, variance, total = 0.0, START, 0.0
    for value, exists, anew in zip(x, mask, reset, strict=True):
        if anew:
            mean, variance = 0.0, START
        if exists:
            spread = C**2 * variance + R
            total += -0.5 * ((value - C * mean) ** 2 / spread + math.log(2 * math.pi * spread))
            gain = variance * C / spread
            mean, variance = mean + gain * (value - C * mean), (1 - gain * C) * variance
            mean, variance = A * mean, A**2 * variance + Q
    return total


def cases() -> list[Case]:
    x = torch.linspace(-1.5, 2.0, 24, dtype=torch.float64).sin().reshape(4, 6) * 2
    mask = torch.tensor([[1] * 6, [1, 1, 1, 1, 0, 0], [1, 1, 0, 1, 1, 1], [1, 1, 1, 1, 1, 0]]).bool()
    reset = torch.tensor([[0] * 6, [0, 0, 1, 0, 0, 0], [0, 0, 0, 0, 1, 0], [0, 1, 0, 1, 0, 0]]).bool()
    rows = zip(x.tolist(), mask.tolist(), reset.tolist(), strict=True)
    evidence = torch.tensor([kalman(*row) for row in rows], dtype=torch.float64)
    batch = {"x": x.unsqueeze(-1), "mask": mask, "reset": reset}
    return [Case("sequence: the Kalman filter", Scan(LinearGaussian(), 6), ImportanceWeighted(2), batch, -evidence)]
