"""(g) A latent of the whole sequence above a state space: x_t = f + C z_t + noise, so the density of a joint normal."""

import torch
from torch import Tensor, nn
from torch.distributions import Independent, MultivariateNormal, Normal

from contracts.case import Case
from vaekit.models import Carry, Cell, Model, Walk, over_time
from vaekit.objectives import ImportanceWeighted

A, Q, C, R, START, STEPS = 0.8, 0.4, 1.3, 0.6, 1.5, 5


def normal(loc: Tensor, variance: Tensor) -> Independent:
    return Independent(Normal(loc, variance.sqrt(), validate_args=False), 1, validate_args=False)


class Walker(Cell):
    """z_1 ~ N(0, START), z_t ~ N(A z_(t-1), Q); q(z_t | z_(t-1), f, x_t, ..., x_T) is exact."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.tensor(A))

    def initial(self, batch: int) -> Carry:
        return {"loc": self.a.new_zeros(batch, 1), "variance": self.a.new_full((batch, 1), START)}

    def step(self, walk: Walk, carry: Carry) -> Carry:
        z = walk.latent("z", normal(carry["loc"], carry["variance"]), lambda: self.posterior(walk.evidence, carry))
        return {"loc": self.a * z, "variance": torch.full_like(z, Q)}

    def posterior(self, message: dict[str, Tensor], carry: Carry) -> Independent:
        precision = 1 / carry["variance"] + message["precision"]
        return normal((carry["loc"] / carry["variance"] + message["shift"]) / precision, 1 / precision)


class Whole(Model):
    """f ~ N(0, 1) with its exact posterior, then the walker, then x at all steps at once."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = Walker()

    def walk(self, walk: Walk) -> None:
        walk.latent("f", normal(torch.zeros(1).to(self.cell.a), torch.ones(1)), lambda: normal(*walk.evidence["f"]))
        walk.axes.open_draws()
        f, leading = walk.value("f"), walk.leading
        messages = None if walk.evidence is None else self.messages(walk, f)
        over_time(walk, self.cell, STEPS, messages, leading=leading)
        loc = f.unsqueeze(-2) + C * walk.value("z")
        walk.likelihood("x", normal(loc, torch.full_like(loc, R)), timed=True)

    def evidence(self, data, context):
        return {"f": posterior_of_f(data["x"], data["mask"]), "x": data["x"]}

    def messages(self, walk: Walk, f: Tensor) -> dict[str, Tensor]:
        """What x_t, ..., x_T say of z_t given f, (*leading, T, 1) each, by recursion from the end."""
        x, mask = walk.spread(walk.evidence["x"]) - f.unsqueeze(-2), walk.data["mask"].unsqueeze(-1)
        precision = shift = torch.zeros_like(x[..., 0, :])
        found = []
        for t in reversed(range(x.shape[-2])):
            here = torch.where(mask[:, t], precision + C**2 / R, precision)
            there = torch.where(mask[:, t], shift + C * x[..., t, :] / R, shift)
            found.append((here, there))
            precision, shift = A**2 * here / (1 + Q * here), A * there / (1 + Q * here)
        precisions, shifts = zip(*reversed(found), strict=True)
        return {"precision": torch.stack(precisions, -2), "shift": torch.stack(shifts, -2)}


def covariance(steps: int) -> Tensor:
    """Of x_1, ..., x_T: 1 for f, that of C z, and the noise."""
    z = torch.zeros(steps, steps, dtype=torch.float64)
    for t in range(steps):
        z[t, t] = START if t == 0 else A**2 * z[t - 1, t - 1] + Q
        for later in range(t + 1, steps):
            z[t, later] = z[later, t] = A ** (later - t) * z[t, t]
    return 1 + C**2 * z + R * torch.eye(steps, dtype=torch.float64)


def posterior_of_f(x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of f, (B, 1) each, given the steps that exist: conditioning a joint normal."""
    there = mask.to(x)  # a step that does not exist is made independent of all others
    joint = covariance(STEPS) * there.unsqueeze(-1) * there.unsqueeze(-2) + torch.diag_embed(1 - there)
    weights = torch.linalg.solve(joint, there)
    return (weights * x.squeeze(-1)).sum(-1, keepdim=True), 1 - (weights * there).sum(-1, keepdim=True)


def cases() -> list[Case]:
    x = torch.linspace(-2.0, 2.5, 4 * STEPS, dtype=torch.float64).cos().reshape(4, STEPS, 1) * 3
    mask = torch.arange(STEPS) < torch.tensor([[STEPS], [3], [1], [4]])
    lengths = mask.sum(1).tolist()
    log_p = [
        MultivariateNormal(torch.zeros(n, dtype=torch.float64), covariance(n)).log_prob(row[:n, 0])
        for row, n in zip(x, lengths, strict=True)
    ]
    batch = {"x": x, "mask": mask}
    return [Case("whole: a joint normal", Whole(), ImportanceWeighted(3), batch, -torch.stack(log_p))]
