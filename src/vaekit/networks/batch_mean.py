"""Figures of the whole batch, which is every process's."""

import torch
from torch import Tensor

__all__ = ["batch_mean"]


def batch_mean(t: Tensor) -> Tensor:
    """The mean over the global batch, (B, ...) -> (...): over all processes where there are several, with gradients."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return t.mean(0)
    from torch.distributed.nn.functional import all_reduce

    counted = torch.cat([t.sum(0).flatten(), t.new_tensor([float(t.shape[0])])])
    total = all_reduce(counted)
    return (total[:-1] / total[-1].detach()).reshape(t.shape[1:])
