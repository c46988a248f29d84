"""Memory between steps."""

import torch

__all__ = ["keep_freed_memory"]

LARGEST_FREED = 31 << 20


def keep_freed_memory() -> None:
    """Let the C library keep freed blocks for the next step instead of handing their pages back.

    glibc holds on to free memory up to twice the largest block that it was ever given back, at most 32 MiB. This block
    is never touched and costs nothing; without it up to a quarter of the time on a CPU goes into page faults.
    """
    torch.empty(LARGEST_FREED, dtype=torch.uint8)
