"""A transformer that guesses all hidden symbols of a string from those that are shown."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from vaekit.networks.at_places import AtPlaces
from vaekit.networks.attention import AttentionBlock
from vaekit.networks.shapes import as_shape
from vaekit.networks.symbols import missing

__all__ = ["MaskedTransformer"]


class MaskedTransformer(nn.Module):
    """Logits of every symbol of a string given those that are shown (Chang et al. 2022; Devlin et al. 2019).

    Strings are (N, T) whole numbers: at each of `positions`, in order, a digit of each of `sizes` kinds. What stands at
    hidden places is no matter. Logits are (N, T, max(sizes)), -inf for symbols that a digit has none of. `context`: the
    shape of a context, a vector's (C,) or that of a map over the positions (C, *sizes), see `AtPlaces`.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        positions: int | Sequence[int],
        *,
        width: int = 128,
        blocks: int = 4,
        heads: int = 4,
        context: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.sizes, self.positions = as_shape(sizes, "sizes"), as_shape(positions, "positions")
        self.length = len(self.sizes) * math.prod(self.positions)
        self.symbols = nn.Embedding(sum(self.sizes), width)
        nn.init.normal_(self.symbols.weight, std=0.02)
        self.covered = nn.Parameter(0.02 * torch.randn(width))
        self.place = nn.Parameter(0.02 * torch.randn(self.length, width))
        self.given = AtPlaces(context, self.positions, width)
        self.blocks = nn.ModuleList(AttentionBlock(width, heads) for _ in range(blocks))
        self.norm, self.last = nn.LayerNorm(width), nn.Linear(width, max(self.sizes))
        nn.init.normal_(self.last.weight, std=0.02)
        kinds, times = torch.tensor(self.sizes), math.prod(self.positions)
        self.register_buffer("offsets", (kinds.cumsum(0) - kinds).repeat(times), persistent=False)
        self.register_buffer("missing", missing(self.sizes).repeat(times, 1), persistent=False)
        self.offsets: Tensor
        self.missing: Tensor

    def start(self, n: int, context: Float[Tensor, "N *C"] | None = None) -> dict[str, Tensor]:
        """What a context says at every place; its tensor is (n, ...)."""
        return {"given": self.given.strings(n, context, self.place, len(self.sizes))}

    def forward(self, strings: Int[Tensor, "N T"], shown: Bool[Tensor, "N T"], state: dict[str, Tensor]) -> Tensor:
        """(N, T), of which some are shown, to the logits of all, (N, T, max(sizes))."""
        if strings.shape[1] != self.length:
            raise ValueError(f"strings must have {self.length} symbols, got {strings.shape[1]}")
        known = self.symbols(strings.masked_fill(~shown, 0) + self.offsets)
        h = torch.where(shown[..., None], known, self.covered) + self.place + state["given"]
        everywhere = torch.ones_like(shown)
        for block in self.blocks:
            h = block(h, everywhere)
        return self.last(self.norm(h)) + self.missing
