"""Drawing from a distribution, also for a part of the rows of a batch that several processes share."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import Distribution

from vaekit.distributions.parameters import mapped

__all__ = ["Rows", "draw"]


@dataclass(frozen=True)
class Rows:
    """The rows `first`, `first + 1`, ... of a global batch of `total` rows: those that this process holds."""

    first: int
    total: int


def draw(d: Distribution, shape: tuple[int, ...], rows: Rows | None = None) -> tuple[Tensor, Tensor | None]:
    """A draw (*shape, *batch, *event), pathwise where `d` can, and its log-density where that comes with it.

    With `rows`, noise is drawn for the global batch and cut: row i gets what it would get in one process holding all
    rows. (Exact where the noise does not depend on the parameters; rejection samplers, such as Gamma's, do.) The batch
    is the last axis of the batch shape, or of `shape` where d has none. A family whose inverse is dear offers
    `rsample_and_log_prob`; its log-density is then returned, otherwise None.
    """
    if rows is None:
        return _draw(d, shape)
    own = d.batch_shape[-1] if d.batch_shape else shape[-1]
    if d.batch_shape:
        axis = len(d.batch_shape) - 1
        whole = mapped(d, lambda p: _pad(p, axis, rows))
        value, log_q = _draw(whole, shape)
    else:
        value, log_q = _draw(d, (*shape[:-1], rows.total))
    axis = len(shape) + len(d.batch_shape) - 1
    return value.narrow(axis, rows.first, own), None if log_q is None else log_q.narrow(axis, rows.first, own)


def _draw(d: Distribution, shape: tuple[int, ...]) -> tuple[Tensor, Tensor | None]:
    joint = getattr(d, "rsample_and_log_prob", None)
    if joint is not None:
        return joint(shape)
    return (d.rsample(shape) if d.has_rsample else d.sample(shape)), None


def _pad(parameter: Tensor, axis: int, rows: Rows) -> Tensor:
    """Repeat the first row in front and behind until the axis has the global batch's length."""
    filler = parameter.narrow(axis, 0, 1).detach()
    before, after = rows.first, rows.total - rows.first - parameter.shape[axis]
    sizes = list(parameter.shape)
    sizes[axis] = before
    front = filler.expand(sizes)
    sizes[axis] = after
    return torch.cat([front, parameter, filler.expand(sizes)], dim=axis)
