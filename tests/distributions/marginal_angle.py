"""The angle between a von Mises-Fisher variable and its mean direction, by quadrature: what draws and sums must give."""

import math

import torch


class Marginal:
    """The density of the angle, proportional to sin(a)^(m - 2) exp(k cos(a)), on a grid that holds all of its mass."""

    def __init__(self, m: int, k: float, points: int = 40_001) -> None:
        peak = math.acos(2 * k / (m - 2 + math.sqrt((m - 2) ** 2 + 4 * k * k))) if m > 2 and k > 0 else math.pi / 2
        width = 14 / math.sqrt(m - 2 + k + 1e-9)
        low, high = max(1e-9, peak - width), min(math.pi, peak + width) if m > 2 else math.pi
        low = 1e-9 if m == 2 else low
        self.angles = torch.linspace(low, high, points, dtype=torch.float64)
        log = (m - 2) * self.angles.sin().clamp(min=1e-300).log() + k * (self.angles.cos() - 1)
        weight = (log - log.max()).exp()
        self.density = weight / torch.trapezoid(weight, self.angles)

    def mean(self, values: torch.Tensor) -> torch.Tensor:
        """The average of what is given at every angle of the grid."""
        return torch.trapezoid(self.density * values, self.angles)

    def below(self, angle: torch.Tensor) -> torch.Tensor:
        """The probability of an angle that is less."""
        steps = (self.density[1:] + self.density[:-1]) / 2 * self.angles.diff()
        cdf = torch.cat([torch.zeros(1, dtype=torch.float64), steps.cumsum(0)])
        right = torch.searchsorted(self.angles, angle).clamp(1, len(self.angles) - 1)
        share = (angle - self.angles[right - 1]) / (self.angles[right] - self.angles[right - 1])
        return cdf[right - 1] + share.clamp(0, 1) * (cdf[right] - cdf[right - 1])
