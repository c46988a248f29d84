"""A rate held to a number of nats by a multiplier that is found while training."""

import math

import torch
from torch import Tensor

from vaekit.models.inference import Inference
from vaekit.networks import AfterStep
from vaekit.networks.whole_batch import batch_mean
from vaekit.objectives.objective import Coefficients, Term

__all__ = ["HeldRate"]

MOST = math.log(1e6)  # of the multiplier's logarithm, either way


class HeldRate(Term, AfterStep):
    """(m - 1) (rate - target) with a multiplier m that makes the batch's rate the `target`, in nats: (B,).

    To be added to a distortion and a rate of weight 1: the gradient is then that of distortion + m rate, the Lagrangian of
    the least distortion at that rate (Rezende & Viola 2018 constrain the distortion in its place). After every step log m
    moves by `speed` (rate - target) / target: up while the rate is too high. It steers, and does not judge.
    """

    judges = False

    def __init__(self, target: float, speed: float = 0.01) -> None:
        super().__init__("held-rate")
        for name, value in (("target", target), ("speed", speed)):
            if not 0 < value < math.inf:
                raise ValueError(f"{name} must be a number above 0, got {value}")
        self.target, self.speed = target, speed
        self.register_buffer("log_multiplier", torch.zeros(()))
        self.register_buffer("rate", torch.full((), float("nan")))
        self.log_multiplier: Tensor
        self.rate: Tensor

    def forward(self, inference: Inference, coefficients: Coefficients) -> Tensor:
        """(B,)."""
        rate = inference.expect(inference.rate)
        if self.training:
            self.rate.copy_(batch_mean(rate.detach()))
        return (self.log_multiplier.exp() - 1) * (rate - self.target)

    def after_step(self) -> None:
        """The multiplier, by the rate that the step was taken at."""
        moved = self.log_multiplier + self.speed * (self.rate / self.target - 1).clamp(-10, 10)
        self.log_multiplier.copy_(torch.where(self.rate.isfinite(), moved, self.log_multiplier).clamp(-MOST, MOST))

    def forget(self) -> None:
        """The rate of a step that was not taken moves nothing."""

    def extra_repr(self) -> str:
        """The target, and another speed."""
        return f"{self.target:g}" + ("" if self.speed == 0.01 else f", speed={self.speed:g}")
