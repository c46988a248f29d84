"""The order of visits: a function of seed, stream and epoch, and nothing else."""

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

__all__ = ["batches", "epoch_order"]


def epoch_order(n: int, epoch: int, seed: int, stream: int = 0) -> Int[Tensor, " n"]:
    """A permutation of 0..n-1 determined by (seed, stream, epoch) alone; the global generator is not touched."""
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}")
    return torch.randperm(n, generator=seeded(seed, stream, epoch))


def batches(order: Int[Tensor, " n"], batch_size: int, drop_last: bool = False) -> tuple[Int[Tensor, " B"], ...]:
    """`order` cut into batches; the last one may be short, and is left out with `drop_last`."""
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
    if drop_last and batch_size > len(order):
        raise ValueError(f"batch_size must be at most the {len(order)} examples with drop_last, got {batch_size}")
    whole = len(order) - len(order) % batch_size if drop_last else len(order)
    return order[:whole].split(batch_size)


def seeded(seed: int, *stream: int) -> torch.Generator:
    """A CPU generator of its own for every (seed, *stream)."""
    if min(seed, *stream) < 0:
        raise ValueError(f"seed, stream and epoch must be at least 0, got {(seed, *stream)}")
    state = np.random.SeedSequence(seed, spawn_key=stream).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state[0]))
