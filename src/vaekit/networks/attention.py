"""Attention (Vaswani et al. 2017): sequences that look at themselves, and networks that look things up in a sequence.

A sequence is (B, T, features), and a row that is all NaN is padding: nothing stands there, and nothing attends to it.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from vaekit.networks.initialisation import gain_of, initialise
from vaekit.networks.shapes import as_shape

__all__ = ["Attending", "Attention", "AttentionBlock", "SequenceEncoder", "Tokens", "positions", "unpadded"]


def unpadded(x: Float[Tensor, "B T F"]) -> tuple[Float[Tensor, "B T F"], Bool[Tensor, "B T"]]:
    """The sequence with zeros for its padding, and where it has rows."""
    exists = ~x.isnan().all(-1)
    return torch.where(exists[..., None], x, 0.0), exists


def positions(length: int, width: int, like: Tensor) -> Float[Tensor, "T F"]:
    """sin(t / 10000^(2i / width)) in the first half and cos in the second, in the type and place of `like`.

    Vaswani et al. 2017, sec. 3.5, who interleave the two.
    """
    frequencies = 10_000.0 ** -(torch.arange(0, width, 2, device=like.device, dtype=like.dtype) / width)
    angles = torch.arange(length, device=like.device, dtype=like.dtype)[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


class Attention(nn.Module):
    """softmax(q k' / sqrt(d)) v in `heads` parts of `width`, of queries x over a memory; sec. 3.2."""

    def __init__(self, width: int, heads: int = 4) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width must be a multiple of {heads} heads, got {width}")
        self.heads = heads
        self.query, self.value, self.mix = (initialise(nn.Linear(width, width)) for _ in range(3))
        self.key = initialise(
            nn.Linear(width, width, bias=False)
        )  # one would move every score alike, which softmax undoes

    def forward(
        self, x: Float[Tensor, "B Q F"], memory: Float[Tensor, "B T F"], exists: Bool[Tensor, "B T"]
    ) -> Float[Tensor, "B Q F"]:
        """What each row of x finds among the rows of the memory that exist; every example needs one."""
        q, k, v = (self._split(t) for t in (self.query(x), self.key(memory), self.value(memory)))
        found = F.scaled_dot_product_attention(q, k, v, attn_mask=exists[:, None, None, :])
        return self.mix(found.transpose(1, 2).flatten(-2))

    def _split(self, t: Tensor) -> Tensor:
        return t.unflatten(-1, (self.heads, -1)).transpose(1, 2)


def feed_forward(width: int) -> nn.Sequential:
    """Two layers at every place by itself, the one between them four times as wide."""
    wide, back = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
    return nn.Sequential(initialise(wide), nn.GELU(), initialise(back, gain_of(nn.GELU)))


class AttentionBlock(nn.Module):
    """x + attention(norm x), then x + feed-forward(norm x): the norms stand first (Xiong et al. 2020)."""

    def __init__(self, width: int, heads: int = 4) -> None:
        super().__init__()
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.forwards = feed_forward(width)

    def forward(
        self,
        x: Float[Tensor, "B Q F"],
        exists: Bool[Tensor, "B T"],
        memory: Float[Tensor, "B T F"] | None = None,
    ) -> Float[Tensor, "B Q F"]:
        """x after it has looked at the memory, or, without one, at itself; `exists` is of what is looked at."""
        asked = self.before(x)
        x = x + self.attention(asked, asked if memory is None else memory, exists)
        return x + self.forwards(self.between(x))


class Tokens(nn.Module):
    """Whole numbers from 0 below `vocabulary`, (B, T), to learned vectors (B, T, features); a negative one is padding.

    A token outside the vocabulary is refused on the CPU; on other devices and in compiled or exported code, where
    looking at values would halt the device or break the graph, it is taken for the last one.
    """

    def __init__(self, vocabulary: int, features: int) -> None:
        super().__init__()
        (self.vocabulary,), (width,) = as_shape(vocabulary, "vocabulary"), as_shape(features, "features")
        self.vectors = nn.Embedding(self.vocabulary, width)

    def forward(self, tokens: Int[Tensor, "B T"]) -> Float[Tensor, "B T F"]:
        """(B, T) -> (B, T, features), NaN where there is no token."""
        if tokens.ndim != 2 or tokens.is_floating_point():
            raise ValueError(f"tokens must be integers of shape (B, T), got {tokens.dtype} of {tuple(tokens.shape)}")
        if tokens.is_cpu and not torch.compiler.is_compiling() and bool((tokens >= self.vocabulary).any()):
            raise ValueError(f"tokens must be below {self.vocabulary}, or negative for none, got {tokens.max().item()}")
        vectors = self.vectors(tokens.clamp(0, self.vocabulary - 1))
        return torch.where(tokens[..., None] < 0, math.nan, vectors)


class SequenceEncoder(nn.Module):
    """A sequence (B, T, features) to another (B, 1 + T, width) whose rows have looked at each other in `blocks` rounds.

    The row in front is learned, so that there is one where all of a sequence is padding. Rows know their position.
    """

    def __init__(self, features: int, width: int, blocks: int = 2, heads: int = 4) -> None:
        super().__init__()
        if width % 2:
            raise ValueError(f"width must be even, got {width}")
        self.features, self.width = features, width
        self.project = initialise(nn.Linear(features, width))
        self.front = nn.Parameter(torch.randn(width) / math.sqrt(width))
        self.blocks = nn.ModuleList(AttentionBlock(width, heads) for _ in range(blocks))
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Float[Tensor, "B T F"]) -> Float[Tensor, "B S W"]:
        """(B, T, features) -> (B, 1 + T, width); padding stays padding."""
        if x.ndim != 3 or x.shape[-1] != self.features or not x.shape[1]:
            raise ValueError(f"x must be (B, T of at least 1, {self.features}), got {tuple(x.shape)}")
        x, exists = unpadded(x)
        rows = self.project(x) + positions(x.shape[1], self.width, x)
        h = torch.cat([self.front.expand(x.shape[0], 1, -1), rows], dim=1)
        exists = F.pad(exists, (1, 0), value=True)
        for block in self.blocks:
            h = block(h, exists)
        return torch.where(exists[..., None], self.norm(h), math.nan)


class Attending(nn.Module):
    """`network` that besides its inputs gets what it looks up in a sequence, the last input (B, S, width).

    `queries` rows look things up in `blocks` rounds; they are learned, and moved by the features that `asking` makes of
    the inputs, so that what is looked up may depend on x. `network` is called with the inputs and all that was found,
    (B, queries * width), as one more. Every example needs a row that is no padding.
    """

    def __init__(
        self,
        network: nn.Module,
        width: int,
        *,
        asking: nn.Module | None = None,
        queries: int = 4,
        blocks: int = 1,
        heads: int = 4,
    ) -> None:
        super().__init__()
        self.network, self.asking = network, asking
        self.out_shape = network.out_shape
        self.queries = nn.Parameter(torch.randn(queries, width) / math.sqrt(width))
        asked = 0 if asking is None else math.prod(asking.out_shape)  # type: ignore[arg-type]
        self.move = None if asking is None else initialise(nn.Linear(asked, queries * width))
        self.blocks = nn.ModuleList(AttentionBlock(width, heads) for _ in range(blocks))
        self.norm = nn.LayerNorm(width)

    def forward(self, *inputs: Tensor) -> Float[Tensor, "B *features"]:
        """Inputs (B, ...) and a sequence (B, S, width) to the network's features (B, *out_shape)."""
        *first, memory = inputs
        width = self.queries.shape[-1]
        if memory.ndim != 3 or memory.shape[-1] != width:
            raise ValueError(f"the sequence must be (B, S, {width}), got {tuple(memory.shape)}")
        memory, exists = unpadded(memory)
        h = self.queries.expand(memory.shape[0], -1, -1)
        if self.asking is not None and self.move is not None:
            h = h + self.move(self.asking(*first).flatten(1)).view(h.shape)
        for block in self.blocks:
            h = block(h, exists, memory)
        return self.network(*first, self.norm(h).flatten(1))
