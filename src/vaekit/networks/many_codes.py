"""Several quantisers as one: each on a share of the numbers, or each on what those before it left."""

from collections.abc import Sequence
from typing import cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from vaekit.networks.quantiser import Quantisation, Quantiser, straight_through
from vaekit.networks.shapes import as_probability

__all__ = ["GroupedQuantiser", "ResidualQuantiser"]


class GroupedQuantiser(Quantiser):
    """The numbers of a vector side by side in groups, each with a quantiser of its own (Yang et al. 2023)."""

    def __init__(self, parts: Sequence[Quantiser]) -> None:
        super().__init__()
        self.parts: Sequence[Quantiser] = cast("Sequence[Quantiser]", nn.ModuleList(some(parts)))
        self.dim, self.sizes = sum(part.dim for part in parts), tuple(k for part in parts for k in part.sizes)

    def forward(self, x: Float[Tensor, "B P D"]) -> Quantisation:
        """The parts' embeddings and codes side by side, and the sum of their penalties."""
        shares = x.split([part.dim for part in self.parts], dim=-1)
        found = [part(share) for part, share in zip(self.parts, shares, strict=True)]
        value, code = (torch.cat([f[i] for f in found], dim=-1) for i in (0, 1))
        return Quantisation(value, code, sum_of([f.penalty for f in found]))

    def embed(self, code: Int[Tensor, "*front Q"]) -> Float[Tensor, "*front D"]:
        """(..., Q) to (..., D)."""
        digits = code.split([len(part.sizes) for part in self.parts], dim=-1)
        return torch.cat([part.embed(digit) for part, digit in zip(self.parts, digits, strict=True)], dim=-1)


class ResidualQuantiser(Quantiser):
    """The sum of embeddings, each level's of what the levels before it left (Zeghidour et al. 2021, RVQ).

    `dropout`: in training, the share of examples of which only the first n levels are used, n drawn evenly from 1 to
    all, so that one model serves every number of levels. `levels` of `embed` and of a code are all of them otherwise.
    """

    def __init__(self, parts: Sequence[Quantiser], *, dropout: float = 0.0) -> None:
        super().__init__()
        self.parts: Sequence[Quantiser] = cast("Sequence[Quantiser]", nn.ModuleList(some(parts)))
        dims = {part.dim for part in parts}
        if len(dims) > 1:
            raise ValueError(f"parts must quantise vectors of one size, got sizes {sorted(dims)}")
        self.dropout = as_probability(dropout, "dropout")
        self.dim, self.sizes = parts[0].dim, tuple(k for part in parts for k in part.sizes)

    def forward(self, x: Float[Tensor, "B P D"]) -> Quantisation:
        """The sum of the levels' embeddings, their codes, and the penalties of the levels that are used."""
        levels, rest, total = self._levels(x), x, torch.zeros_like(x)
        codes, penalties = [], []
        for i, part in enumerate(self.parts):
            found, used = part(rest), (i < levels).to(x)
            total = total + found.value.detach() * used[:, None, None]
            rest = rest - found.value.detach()
            codes.append(found.code)
            penalties.append(found.penalty * used)
        return Quantisation(straight_through(x, total), torch.cat(codes, dim=-1), sum_of(penalties))

    def embed(self, code: Int[Tensor, "*front Q"]) -> Float[Tensor, "*front D"]:
        """(..., Q) to (..., D), of fewer levels where the code has fewer digits."""
        digits = code.split([len(part.sizes) for part in self.parts][: code.shape[-1]], dim=-1)
        return sum_of([part.embed(digit) for part, digit in zip(self.parts, digits, strict=False)])

    def _levels(self, x: Tensor) -> Tensor:
        """How many levels each example uses, (B,)."""
        many, every = x.shape[0], len(self.parts)
        full = torch.full((many,), every, device=x.device)
        if not (self.training and self.dropout):
            return full
        fewer = torch.randint(1, every + 1, (many,), device=x.device)
        return torch.where(torch.rand(many, device=x.device) < self.dropout, fewer, full)


def some(parts: Sequence[Quantiser]) -> Sequence[Quantiser]:
    """The parts, of which there must be one."""
    if not parts:
        raise ValueError("parts must hold at least one quantiser, got none")
    return parts


def sum_of(tensors: Sequence[Tensor]) -> Tensor:
    """The sum of tensors of one shape."""
    return torch.stack(list(tensors)).sum(0)
