"""A causal transformer over strings of symbols: all next symbols at once, or one after the other from a cache."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from vaekit.networks.at_places import AtPlaces
from vaekit.networks.attention import feed_forward
from vaekit.networks.initialisation import initialise
from vaekit.networks.shapes import as_probability, as_shape
from vaekit.networks.symbols import missing

__all__ = ["CausalTransformer"]

Cache = dict[str, Tensor]


class CausalTransformer(nn.Module):
    """Logits of each symbol of a string given those before it (Vaswani et al. 2017, the decoder; norms stand first).

    Strings are (N, T) whole numbers: at each of `positions`, in order, a digit of each of `sizes` kinds. Logits are
    (..., max(sizes)), -inf for symbols that a place has none of. `context`: the shape of a context, a vector's (C,) or that
    of a map over the positions (C, *sizes), see `AtPlaces`.

    `forward` reads whole strings; `step` takes the symbols one by one and keeps keys and values of those before it.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        positions: int | Sequence[int],
        *,
        width: int = 128,
        blocks: int = 4,
        heads: int = 4,
        dropout: float = 0.0,
        context: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.sizes, self.positions = as_shape(sizes, "sizes"), as_shape(positions, "positions")
        self.length = len(self.sizes) * math.prod(self.positions)
        self.blocks = nn.ModuleList(CausalBlock(width, heads, dropout) for _ in range(blocks))
        self.symbols = nn.Embedding(sum(self.sizes), width)
        self.place = nn.Parameter(0.02 * torch.randn(self.length, width))
        self.first = nn.Parameter(0.02 * torch.randn(width))
        self.given = AtPlaces(context, self.positions, width)
        self.norm, self.last = nn.LayerNorm(width), nn.Linear(width, max(self.sizes))
        nn.init.normal_(self.symbols.weight, std=0.02)
        nn.init.normal_(self.last.weight, std=0.02)
        kinds = torch.tensor(self.sizes)
        self.register_buffer("offsets", kinds.cumsum(0) - kinds, persistent=False)
        self.register_buffer("missing", missing(self.sizes), persistent=False)
        self.offsets: Tensor
        self.missing: Tensor

    def forward(self, strings: Int[Tensor, "N T"], context: Float[Tensor, "N *C"] | None = None) -> Tensor:
        """(N, length) to the logits of every symbol given those before it, (N, length, max(sizes))."""
        return self.whole(strings, self.start(len(strings), context))

    def whole(self, strings: Int[Tensor, "N T"], state: Cache) -> Tensor:
        """As `forward`, from the state before the first symbol."""
        if strings.shape[1] > self.length:
            raise ValueError(f"strings may have up to {self.length} symbols, got {strings.shape[1]}")
        places, given = torch.arange(strings.shape[1], device=strings.device), state["given"]
        given = given if given.shape[1] == 1 else given[:, : len(places)]
        before = self.symbols(strings[:, :-1] + self.offsets[places[:-1] % len(self.sizes)])
        h = torch.cat([self.first.expand(len(strings), 1, -1), before], dim=1) + self.place[: len(places)]
        for block in self.blocks:
            h, _ = block(h, None, given)
        return self.last(self.norm(h)) + self.missing[places % len(self.sizes)]

    def start(self, n: int, context: Float[Tensor, "N *C"] | None = None) -> Cache:
        """The state before the first symbol of `n` strings; all of its tensors are (n, ...)."""
        given = self.given.strings(n, context, self.place, len(self.sizes))
        return {"cache": given.new_zeros(n, len(self.blocks), 2, 0, self.place.shape[1]), "given": given}

    def step(self, previous: Int[Tensor, " N"], state: Cache) -> tuple[Tensor, Cache]:
        """Logits (N, max(sizes)) of the symbol after `previous` (N,), of which the first is not looked at."""
        cache, t = state["cache"], state["cache"].shape[3]
        if t >= self.length:
            raise ValueError(f"strings have {self.length} symbols, there is none after the last")
        if t == 0:
            h = self.first.expand(len(previous), 1, -1)
        else:
            h = self.symbols(previous + self.offsets[(t - 1) % len(self.sizes)])[:, None]
        given = state["given"]
        h, here = h + self.place[t], given if given.shape[1] == 1 else given[:, t : t + 1]
        kept = []
        for i, block in enumerate(self.blocks):
            h, seen = block(h, cache[:, i], here)
            kept.append(seen)
        logits = self.last(self.norm(h[:, 0])) + self.missing[t % len(self.sizes)]
        return logits, {"cache": torch.stack(kept, 1), "given": given}


class CausalBlock(nn.Module):
    """x and the context, + attention(norm x) to what stands at x's places and before, + feed-forward(norm x)."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width must be a multiple of {heads} heads, got {width}")
        self.heads = heads
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.ask, self.mix = initialise(nn.Linear(width, 3 * width)), initialise(nn.Linear(width, width))
        self.forwards, self.heed = feed_forward(width), initialise(nn.Linear(width, width, bias=False))
        self.dropout = nn.Dropout(as_probability(dropout, "dropout", below_one=True))

    def forward(self, x: Float[Tensor, "N T F"], cache: Tensor | None, given: Tensor) -> tuple[Tensor, Tensor]:
        """x after it has looked, and keys and values (N, 2, t, F) so far; with a cache of those before, T is 1."""
        x = x + self.heed(given)
        q, k, v = self.ask(self.before(x)).chunk(3, dim=-1)
        seen = torch.stack([k, v], 1) if cache is None else torch.cat([cache, torch.stack([k, v], 1)], dim=2)
        q, k, v = (t.unflatten(-1, (self.heads, -1)).transpose(1, 2) for t in (q, seen[:, 0], seen[:, 1]))
        found = F.scaled_dot_product_attention(q, k, v, is_causal=cache is None)
        x = x + self.dropout(self.mix(found.transpose(1, 2).flatten(-2)))
        return x + self.dropout(self.forwards(self.between(x))), seen
