"""Quantisers without a codebook: every number of a vector is rounded by itself."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from vaekit.networks.quantiser import Quantisation, Quantiser, straight_through
from vaekit.networks.shapes import as_shape
from vaekit.networks.whole_batch import batch_mean

__all__ = ["Bits", "FiniteScalar"]

ROOM = 1e-3  # how much wider than its levels the bounded number ranges, so that the outer ones are reached
LEAST = 1e-6  # share of a batch that has a bit, in the bit's entropy
MOST_BITS = 62  # of one code that is a whole number of 64 bits


class FiniteScalar(Quantiser):
    """Each of len(levels) numbers is bounded and rounded to one of so many levels; nothing is learned or charged.

    Mentzer et al. 2024 (FSQ), sec. 3.1. A code is the number whose digits, the first the lowest, are those levels: one
    of prod(levels). Embeddings have levels from -1 to 1, -1 and 1 - 2/L for an even number L of them.
    """

    fixed = True
    reach: Tensor
    offset: Tensor
    middle: Tensor
    weight: Tensor
    levels: Tensor

    def __init__(self, levels: Sequence[int]) -> None:
        super().__init__()
        kinds = as_shape(levels, "levels")
        if min(kinds) < 2 or math.prod(kinds) >= 1 << MOST_BITS:
            raise ValueError(f"levels must be at least 2 each and give fewer than 2^{MOST_BITS} codes, got {levels}")
        self.dim, self.sizes = len(kinds), (math.prod(kinds),)
        count = torch.tensor(kinds)
        self.register_buffer("levels", count, persistent=False)
        self.register_buffer("reach", (count - 1) * (1 + ROOM) / 2, persistent=False)
        self.register_buffer("offset", torch.where(count % 2 == 0, 0.5, 0.0), persistent=False)
        self.register_buffer("middle", count // 2, persistent=False)
        self.register_buffer("weight", torch.tensor([1, *kinds[:-1]]).cumprod(0), persistent=False)

    def forward(self, x: Float[Tensor, "B P D"]) -> Quantisation:
        """The nearest levels of h tanh(x + s) - o, which is 0 at 0."""
        shift = torch.atanh(self.offset / self.reach)
        bounded = self.reach * torch.tanh(x + shift) - self.offset
        rounded = bounded.round()
        code = ((rounded.long() + self.middle) * self.weight).sum(-1, keepdim=True)
        return Quantisation(straight_through(bounded, rounded) / self.middle, code, x.new_zeros(x.shape[0]))

    def embed(self, code: Int[Tensor, "*front 1"]) -> Float[Tensor, "*front D"]:
        """(..., 1) to (..., D)."""
        digits = code // self.weight % self.levels
        return (digits - self.middle) / self.middle

    def extra_repr(self) -> str:
        """The levels."""
        return str(self.levels.tolist())


class Bits(Quantiser):
    """Each of `dim` numbers becomes its sign: a code is one of 2^dim (Yu et al. 2024, LFQ).

    Charges `commitment` |x - sg(e)|^2, and `entropy` times H(bits | x), so that x chooses, less `diversity` times the
    entropy of the bits over the batch, so that all are used. Bit i is soft for this: P(1) = sigmoid(4 x_i / temperature),
    as exp(-|x - e|^2 / temperature) gives it. The entropy over the batch is that of every bit by itself, summed, which
    is at least that of the code.

    `spherical`: x has length 1 and e has numbers of +-1/sqrt(dim), length 1 too (Zhao et al. 2024, BSQ).
    """

    fixed = True
    weight: Tensor

    def __init__(
        self,
        dim: int,
        *,
        commitment: float = 0.25,
        entropy: float = 0.1,
        diversity: float = 1.0,
        temperature: float = 1.0,
        spherical: bool = False,
    ) -> None:
        super().__init__()
        (self.dim,) = as_shape(dim, "dim", "bits")
        if self.dim > MOST_BITS:
            raise ValueError(f"dim must be at most {MOST_BITS} bits, got {dim}")
        if temperature <= 0:
            raise ValueError(f"temperature must be positive, got {temperature}")
        self.sizes = (1 << self.dim,)
        self.commitment, self.entropy, self.diversity = commitment, entropy, diversity
        self.temperature, self.spherical = temperature, spherical
        self.scale = self.dim**-0.5 if spherical else 1.0
        self.register_buffer("weight", 1 << torch.arange(self.dim), persistent=False)

    def forward(self, x: Float[Tensor, "B P D"]) -> Quantisation:
        """The signs; zero counts as positive."""
        x = F.normalize(x, dim=-1) if self.spherical else x
        on = x >= 0
        e = torch.where(on, self.scale, -self.scale).to(x)
        code = (on * self.weight).sum(-1, keepdim=True)
        charged = self.commitment * (x - e).square().sum((1, 2))
        if self.training and (self.entropy or self.diversity):
            charged = charged + self._entropies(4 * self.scale * x / self.temperature)
        return Quantisation(straight_through(x, e), code, charged)

    def embed(self, code: Int[Tensor, "*front 1"]) -> Float[Tensor, "*front D"]:
        """(..., 1) to (..., D)."""
        on = code // self.weight % 2 == 1
        return torch.where(on, self.scale, -self.scale)

    def _entropies(self, logits: Tensor) -> Tensor:
        """(B,) nats per example: what each vector leaves open, less what all of them together do."""
        own = entropy_of_bits(logits).sum((1, 2))
        share = batch_mean(torch.sigmoid(logits).mean(1)).clamp(LEAST, 1 - LEAST)
        together = entropy_of_bits(torch.logit(share)).sum()
        return self.entropy * own - self.diversity * logits.shape[1] * together

    def extra_repr(self) -> str:
        """How many bits."""
        return str(self.dim)


def entropy_of_bits(logits: Tensor) -> Tensor:
    """H of a coin, nats, from log p/(1 - p), for sure ones too: log(1 + e^l) - l p, whose slope is -l p (1 - p)."""
    return F.softplus(logits) - logits * torch.sigmoid(logits)
