"""The aggregate posterior q(z) = (1/N) sum_n q(z|x_n): its log-density from all N posteriors, or from a minibatch."""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Distribution
from torch.utils.checkpoint import checkpoint

from vaekit.distributions.elements import log_prob_per_element, without_independence

__all__ = ["log_aggregate", "log_aggregate_and_marginals", "log_stratified_weights", "log_minibatch_weights"]

AT_ONCE = {"cpu": 1 << 18}  # log q(z_d|x_n) of pairs at a time: 1 MiB in float32, which stays in the cache
AT_ONCE_ELSEWHERE = 1 << 22

Mixing = Callable[[Distribution, Tensor, Tensor], tuple[Tensor, ...]]


def log_aggregate(
    q: Distribution, z: Float[Tensor, "M *event"], log_weights: Tensor | None = None
) -> Float[Tensor, " M"]:
    """log sum_n w_n q(z|x_n) at values z, (M,) nats; q has batch shape (N,).

    `log_weights` is log w, (M, N) or what broadcasts to it; without it w = 1/N, so that this is log q(z) itself.
    Differentiable; in blocks of rows that are computed again in the backward pass, so that memory is bounded.
    """
    return in_blocks(mixed, q, z, log_weights)[0]


def log_aggregate_and_marginals(
    q: Distribution, z: Float[Tensor, "M *event"], log_weights: Tensor | None = None
) -> tuple[Float[Tensor, " M"], Float[Tensor, "M *event"]]:
    """`log_aggregate`, and log sum_n w_n q(z_d|x_n) of every element d of z, with the same weights: nats.

    For posteriors that factorise, else ValueError. Of a minibatch of B drawn from N, with `log_minibatch_weights` or
    `log_stratified_weights`, both are the estimates of Chen et al. 2018; logarithms of what is unbiased (stratified)
    are below the truth on average.
    """
    if without_independence(q).event_shape:
        raise ValueError(f"q must factorise over the elements of z, {type(without_independence(q)).__name__} does not")
    joint, each = in_blocks(mixed_by_element, q, z, log_weights)
    return joint, each


def log_minibatch_weights(batch: int, total: int) -> Float[Tensor, ""]:
    """log 1/(N B) for a minibatch of B of N: minibatch-weighted sampling; Chen et al. 2018, app. C.1.

    As a value it is far too low, by log B where a draw's own posterior is the only one that matters and by log N where
    all overlap, and so is every marginal. As that hardly varies, its gradient is of use; docs/benchmarks.md
    has both estimators beside closed forms.
    """
    check_minibatch(batch, total)
    return torch.tensor(-math.log(total) - math.log(batch), dtype=torch.float64)


def log_stratified_weights(batch: int, total: int) -> Float[Tensor, "B B"]:
    """log w of row i (a draw of posterior i) for posterior j: minibatch-stratified sampling; Chen et al. 2018, app. C.2.

    Of a minibatch of B of N without replacement, w is 1/N for its own posterior, (N-B+1) / (N (B-1)) for one other (the
    next), 1/(B-1) for the rest. So sum_j w_ij q(z_i|x_j) is unbiased for q(z_i), given z_i.
    """
    check_minibatch(batch, total)
    weights = torch.full((batch, batch), 1 / (batch - 1), dtype=torch.float64)
    rows = torch.arange(batch)
    weights[rows, (rows + 1) % batch] = (total - batch + 1) / (total * (batch - 1))
    weights[rows, rows] = 1 / total
    return weights.log()


def mixed(q: Distribution, z: Tensor, log_w: Tensor) -> tuple[Tensor, ...]:
    """log sum_n w_n q(z|x_n), (R,), of rows z (R, *event) under log w (R, N)."""
    return ((log_w + q.log_prob(z.unsqueeze(1))).logsumexp(1),)


def mixed_by_element(q: Distribution, z: Tensor, log_w: Tensor) -> tuple[Tensor, ...]:
    """The same, and of every element alone (R, *event)."""
    pairs = log_prob_per_element(q, z.unsqueeze(1))  # (R, N, *event)
    each = (log_w.reshape(*log_w.shape, *(1,) * (z.ndim - 1)) + pairs).logsumexp(1)
    return (log_w + pairs.flatten(2).sum(2)).logsumexp(1), each


def in_blocks(mixing: Mixing, q: Distribution, z: Tensor, log_weights: Tensor | None) -> tuple[Tensor, ...]:
    """`mixing` of as many rows of z at a time as bound the memory."""
    check_values(q, z)
    n, dtype = q.batch_shape[0], z.dtype if z.is_floating_point() else torch.get_default_dtype()
    given = (torch.tensor(-math.log(n), dtype=torch.float64) if log_weights is None else log_weights).to(
        z.device, dtype
    )
    size = max(1, AT_ONCE.get(z.device.type, AT_ONCE_ELSEWHERE) // max(1, n * math.prod(q.event_shape)))

    def block(rows: Tensor, log_w: Tensor) -> tuple[Tensor, ...]:
        return mixing(q, rows, log_w)

    parts = [
        checkpoint(block, rows, log_w, use_reentrant=False, preserve_rng_state=False)
        for rows, log_w in zip(z.split(size), given.expand(len(z), n).split(size), strict=True)
    ]
    return tuple(torch.cat(columns) for columns in zip(*parts, strict=True))


def check_values(q: Distribution, z: Tensor) -> None:
    """ValueError unless q is a row of posteriors and z values of their kind."""
    if len(q.batch_shape) != 1:
        raise ValueError(f"q must have a batch shape (N,), one posterior for each example, got {tuple(q.batch_shape)}")
    if z.ndim < 1 or z.shape[1:] != q.event_shape:
        raise ValueError(f"z must have the shape (M, {', '.join(map(str, q.event_shape))}), got {tuple(z.shape)}")


def check_minibatch(batch: int, total: int) -> None:
    """ValueError unless a minibatch of at least two is one of the total."""
    if not 2 <= batch <= total:
        raise ValueError(f"batch must lie between 2 and the {total} examples in all, got {batch}")
