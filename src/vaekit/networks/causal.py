"""A causal transformer over strings of symbols: all next symbols at once, or one after the other from a cache."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from vaekit.networks.attention import feed_forward
from vaekit.networks.initialisation import initialise
from vaekit.networks.shapes import as_probability, as_shape

__all__ = ["CausalTransformer"]

Cache = dict[str, Tensor]


class CausalTransformer(nn.Module):
    """Logits of each symbol of a string given those before it (Vaswani et al. 2017, the decoder; norms stand first).

    Strings are (N, length) whole numbers. `sizes` are how many symbols there are at places 0, 1, ..., and again from the
    first after the last: those of the digits of a code. Logits are (..., max(sizes)), -inf for symbols that a place has
    none of. `context` is how many features a context (N, context) has, which every place sees.

    `forward` reads whole strings; `step` takes the symbols one by one and keeps keys and values of those before it.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        length: int,
        *,
        width: int = 128,
        blocks: int = 4,
        heads: int = 4,
        dropout: float = 0.0,
        context: int = 0,
    ) -> None:
        super().__init__()
        self.sizes, (self.length,) = as_shape(sizes, "sizes"), as_shape(length, "length", "places")
        self.blocks = nn.ModuleList(CausalBlock(width, heads, dropout) for _ in range(blocks))
        self.symbols = nn.Embedding(sum(self.sizes), width)
        self.place = nn.Parameter(0.02 * torch.randn(self.length, width))
        self.first = nn.Parameter(0.02 * torch.randn(width))
        self.given = initialise(nn.Linear(context, width)) if context else None
        self.norm, self.last = nn.LayerNorm(width), nn.Linear(width, max(self.sizes))
        nn.init.normal_(self.symbols.weight, std=0.02)
        nn.init.normal_(self.last.weight, std=0.02)
        kinds = torch.tensor(self.sizes)
        self.register_buffer("offsets", kinds.cumsum(0) - kinds, persistent=False)
        there = torch.arange(max(self.sizes)) < kinds[:, None]
        self.register_buffer("missing", torch.where(there, 0.0, -torch.inf), persistent=False)
        self.offsets: Tensor
        self.missing: Tensor

    def forward(self, strings: Int[Tensor, "N T"], context: Float[Tensor, "N C"] | None = None) -> Tensor:
        """(N, length) to the logits of every symbol given those before it, (N, length, max(sizes))."""
        return self.whole(strings, self.start(len(strings), context))

    def whole(self, strings: Int[Tensor, "N T"], state: Cache) -> Tensor:
        """As `forward`, from the state before the first symbol."""
        if strings.shape[1] != self.length:
            raise ValueError(f"strings must have {self.length} symbols, got {strings.shape[1]}")
        places = torch.arange(self.length, device=strings.device)
        before = self.symbols(strings[:, :-1] + self.offsets[places[:-1] % len(self.sizes)])
        h = torch.cat([self.first.expand(len(strings), 1, -1), before], dim=1) + self.place + state["given"]
        for block in self.blocks:
            h, _ = block(h, None)
        return self.last(self.norm(h)) + self.missing[places % len(self.sizes)]

    def start(self, n: int, context: Float[Tensor, "N C"] | None = None) -> Cache:
        """The state before the first symbol of `n` strings; all of its tensors are (n, ...)."""
        width = self.place.shape[1]
        return {"cache": self.place.new_zeros(n, len(self.blocks), 2, 0, width), "given": self._given(n, context)}

    def step(self, previous: Int[Tensor, " N"], state: Cache) -> tuple[Tensor, Cache]:
        """Logits (N, max(sizes)) of the symbol after `previous` (N,), of which the first is not looked at."""
        cache, t = state["cache"], state["cache"].shape[3]
        if t >= self.length:
            raise ValueError(f"strings have {self.length} symbols, there is none after the last")
        if t == 0:
            h = self.first.expand(len(previous), 1, -1)
        else:
            h = self.symbols(previous + self.offsets[(t - 1) % len(self.sizes)])[:, None]
        h = h + self.place[t] + state["given"]
        kept = []
        for i, block in enumerate(self.blocks):
            h, seen = block(h, cache[:, i])
            kept.append(seen)
        logits = self.last(self.norm(h[:, 0])) + self.missing[t % len(self.sizes)]
        return logits, {"cache": torch.stack(kept, 1), "given": state["given"]}

    def _given(self, n: int, context: Tensor | None) -> Tensor:
        """What the context says at every place, (n, 1, width)."""
        if (self.given is None) != (context is None):
            raise ValueError(f"this network takes {'no' if self.given is None else 'a'} context")
        if self.given is None or context is None:
            return self.place.new_zeros(n, 1, self.place.shape[1])
        return self.given(context)[:, None]


class CausalBlock(nn.Module):
    """x + attention(norm x) to what stands at x's places and before, then x + feed-forward(norm x)."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width must be a multiple of {heads} heads, got {width}")
        self.heads = heads
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.ask, self.mix = initialise(nn.Linear(width, 3 * width)), initialise(nn.Linear(width, width))
        self.forwards = feed_forward(width)
        self.dropout = nn.Dropout(as_probability(dropout, "dropout", below_one=True))

    def forward(self, x: Float[Tensor, "N T F"], cache: Tensor | None) -> tuple[Tensor, Tensor]:
        """x after it has looked, and keys and values (N, 2, t, F) so far; with a cache of those before, T is 1."""
        q, k, v = self.ask(self.before(x)).chunk(3, dim=-1)
        seen = torch.stack([k, v], 1) if cache is None else torch.cat([cache, torch.stack([k, v], 1)], dim=2)
        q, k, v = (t.unflatten(-1, (self.heads, -1)).transpose(1, 2) for t in (q, seen[:, 0], seen[:, 1]))
        found = F.scaled_dot_product_attention(q, k, v, is_causal=cache is None)
        x = x + self.dropout(self.mix(found.transpose(1, 2).flatten(-2)))
        return x + self.dropout(self.forwards(self.between(x))), seen
