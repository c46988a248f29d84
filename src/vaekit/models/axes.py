"""The leading axes of a walk: samples and enumerated values in front of the batch."""

import math

import torch
from torch import Tensor
from torch.distributions import Distribution

from vaekit.distributions.draws import Rows, draw

__all__ = ["Axes"]


class Axes:
    """What stands in front of the event: `shape` is (..., B); every new axis goes in front of the others.

    `log_measure` weighs the rows along the new axes (-log K for K draws, log q(y) for enumerated y) and broadcasts to
    `shape`; it is None while the batch stands alone. `draws` is K, the axis that the first draw of the walk opens.
    """

    def __init__(self, batch: int, draws: int | None = None, rows: Rows | None = None) -> None:
        self.shape: tuple[int, ...] = (batch,)
        self.log_measure: Tensor | None = None
        self.draws, self.rows = draws, rows

    def open(self, size: int, log_measure: Tensor) -> None:
        """Add an axis in front, with the measure of its rows, broadcastable to the new shape."""
        self.shape = (size, *self.shape)
        self.log_measure = log_measure if self.log_measure is None else self.log_measure + log_measure

    def draw(self, d: Distribution) -> tuple[Tensor, Tensor | None]:
        """A value for every row, (*shape, *event), and its log-density where the family gives it along."""
        self.open_draws()
        missing = self.shape[: len(self.shape) - len(d.batch_shape)]
        return draw(d, missing, self.rows)

    def open_draws(self) -> None:
        """Open the axis of the K draws that were asked for, if it is not open yet."""
        if self.draws is not None:
            self.open(self.draws, torch.tensor(-math.log(self.draws), dtype=torch.float64))
            self.draws = None

    def spread(self, t: Tensor, leading: int = 1) -> Tensor:
        """A tensor with the last `leading` of these axes, expanded to all of them: (B, ...) -> (*shape, ...)."""
        return t if leading == len(self.shape) else t.expand(*self.shape, *t.shape[leading:])

    def expect(self, t: Tensor, inner: int = 0) -> Tensor:
        """The average over all axes but the batch under the measure: (..., B) -> (B,).

        With `inner` axes behind the batch they are kept: (..., B, *inner) -> (B, *inner).
        """
        if t.ndim == 1 + inner or self.log_measure is None:
            return t
        weighted = self.log_measure.to(t).exp()[(..., *(None,) * inner)] * t
        return weighted.expand(*self.shape, *t.shape[t.ndim - inner :]).flatten(0, len(self.shape) - 2).sum(0)

    def log_mean_exp(self, log_w: Tensor) -> Tensor:
        """log of the average of exp(log_w) under the measure: (..., B) -> (B,)."""
        if self.log_measure is None:
            return log_w
        return (self.log_measure.to(log_w) + log_w).expand(self.shape).flatten(0, -2).logsumexp(0)
