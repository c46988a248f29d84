"""The nearest of many vectors, in bounded memory."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

__all__ = ["nearest_code"]

AT_ONCE = {"cpu": 1 << 20}  # distances held at a time: 4 MiB, which caches hold, are faster than one matrix of all
AT_ONCE_ELSEWHERE = 1 << 27  # 512 MiB: fewer and larger products


def nearest_code(x: Float[Tensor, "N D"], codes: Float[Tensor, "K D"], at_once: int | None = None) -> Int[Tensor, " N"]:
    """argmin_k |x_n - e_k|^2 for every row: the first of those that are equally near. Nothing is differentiated.

    Of |x|^2 - 2 x e + |e|^2 the first part is left out, as it is the same for all k. Rows are taken in blocks, so that
    no more than `at_once` distances, or one row of them, exist at a time.
    """
    if torch.compiler.is_exporting():
        return torch.addmm(codes.square().sum(1), x, codes.T, alpha=-2).argmin(1)
    most = AT_ONCE.get(x.device.type, AT_ONCE_ELSEWHERE) if at_once is None else at_once
    return in_blocks(x.detach(), codes.detach(), max(1, most // len(codes)))


@torch.library.custom_op("vaekit::nearest_code", mutates_args=())
def in_blocks(x: Tensor, codes: Tensor, rows: int) -> Tensor:
    """The search, `rows` rows at a time: one node of a compiled graph, whose compiler would build the whole matrix."""
    squared, turned = codes.square().sum(1), -2 * codes.T
    found = torch.empty(len(x), dtype=torch.long, device=x.device)
    room = torch.empty(min(rows, len(x)), len(codes), dtype=x.dtype, device=x.device)
    for start in range(0, len(x), rows):
        block = x[start : start + rows]
        distances = torch.addmm(squared, block, turned, out=room[: len(block)])
        torch.argmin(distances, 1, out=found[start : start + len(block)])
    return found


@in_blocks.register_fake
def _(x: Tensor, codes: Tensor, rows: int) -> Tensor:
    return torch.empty(len(x), dtype=torch.long, device=x.device)
