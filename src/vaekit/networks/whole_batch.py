"""Figures of the whole batch, which is every process's."""

import torch
from torch import Tensor

__all__ = ["batch_mean", "whole_batch"]


def batch_mean(t: Tensor) -> Tensor:
    """The mean over the global batch, (B, ...) -> (...): over all processes where there are several, with gradients."""
    if not shared_out():
        return t.mean(0)
    from torch.distributed.nn.functional import all_reduce

    counted = torch.cat([t.sum(0).flatten(), t.new_tensor([float(t.shape[0])])])
    total = all_reduce(counted)
    return (total[:-1] / total[-1].detach()).reshape(t.shape[1:])


def whole_batch(t: Tensor) -> Tensor:
    """The rows of every process in their order, (B, ...) -> (global B, ...), with gradients to each process's own."""
    if not shared_out():
        return t
    from torch.distributed.nn.functional import all_gather

    sizes = [torch.zeros(1, dtype=torch.long, device=t.device) for _ in range(torch.distributed.get_world_size())]
    torch.distributed.all_gather(sizes, torch.tensor([t.shape[0]], device=t.device))
    counts = [int(size) for size in sizes]
    padded = torch.cat([t, t.new_zeros(max(counts) - t.shape[0], *t.shape[1:])])
    return torch.cat([part[:count] for part, count in zip(all_gather(padded), counts, strict=True)])


def shared_out() -> bool:
    """Whether several processes hold the batch together."""
    return torch.distributed.is_available() and torch.distributed.is_initialized()
