"""(f) An objective with two critics in phases; density ratios between known Gaussians, so quadratic."""

import math

import torch
from torch import Tensor, nn
from torch.distributions import Independent, Normal

from contracts.case import Case
from vaekit.models import Model, Walk
from vaekit.objectives import DensityRatio, Distortion, Objective, posterior_draws, prior_draws
from vaekit.priors import StandardNormal

POSTERIORS = {"z": (0.5, 0.7), "u": (-0.8, 1.3)}  # mean and standard deviation; the priors are N(0, 1)


class TwoLatents(Model):
    """z and u with known posteriors that ignore x, and x ~ N(w (z + u), 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.prior, self.w = StandardNormal(1), nn.Parameter(torch.tensor(0.6))

    def walk(self, walk: Walk) -> None:
        rows = self.w.new_ones(walk.axes.shape[-1], 1)
        z, u = (walk.latent(name, self.prior(), lambda n=name: gaussian(n, rows)) for name in POSTERIORS)
        walk.likelihood("x", Independent(Normal(self.w * (z + u), 1.0, validate_args=False), 1))


class Quadratic(nn.Module):
    """The log ratio of two Gaussians is one of these: a + b z + c z^2, (N, 1) to (N,)."""

    def __init__(self, coefficients: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> None:
        super().__init__()
        self.coefficients = nn.Parameter(torch.tensor(coefficients))

    def forward(self, z: Tensor) -> Tensor:
        return torch.cat([torch.ones_like(z), z, z**2], dim=1) @ self.coefficients.to(z)


def gaussian(name: str, rows: Tensor) -> Independent:
    mean, deviation = POSTERIORS[name]
    return Independent(Normal(mean * rows, deviation * rows, validate_args=False), 1, validate_args=False)


def truth(name: str) -> tuple[float, float, float]:
    """log N(z; m, s) - log N(z; 0, 1) as coefficients of 1, z, z^2."""
    mean, s = POSTERIORS[name]
    return (-math.log(s) - mean**2 / (2 * s**2), mean / s**2, 0.5 - 1 / (2 * s**2))


def ratio(name: str, critic: nn.Module) -> DensityRatio:
    return DensityRatio(f"ratio:{name}", critic, posterior_draws(name), prior_draws(name))


def objective(critics: dict[str, nn.Module]) -> Objective:
    return Distortion() + ratio("z", critics["z"]) + ratio("u", critics["u"])


def cases() -> list[Case]:
    x = torch.linspace(-2, 2, 5, dtype=torch.float64)[:, None]
    model, critics = TwoLatents().double(), {name: Quadratic(truth(name)) for name in POSTERIORS}
    torch.manual_seed(7)
    draws = {name: mean + s * torch.randn(5, 1, dtype=torch.float64) for name, (mean, s) in POSTERIORS.items()}
    kl = sum(
        (a + b * draws[name] + c * draws[name] ** 2).squeeze(1) for name, (a, b, c) in ((n, truth(n)) for n in draws)
    )
    error = x - model.w.item() * (draws["z"] + draws["u"])
    distortion = (0.5 * error**2 + 0.5 * math.log(2 * math.pi)).squeeze(1)
    return [Case("critics: exact ratios", model, objective(critics), {"x": x}, distortion + kl)]
