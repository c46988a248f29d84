"""Priors that read codes one after the other."""

import math
from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn
from torch import distributions as td
from torch.distributions import Distribution, constraints

from vaekit.conditionals import Quantised
from vaekit.conditionals.conditional import as_shape
from vaekit.distributions import Autoregressive, Coded
from vaekit.distributions.autoregressive import State
from vaekit.priors.prior import Prior

__all__ = ["AutoregressiveCodes", "InOrder", "ReadsStrings"]


class ReadsStrings(Protocol):
    """A network of strings (N, T) of symbols: the state before the first, and logits of the next, or of all at once."""

    def start(self, n: int, context: Tensor | None = None) -> State:
        """The state before the first symbol of n strings."""

    def step(self, previous: Tensor, state: State) -> tuple[Tensor, State]:
        """Logits (N, K) of the symbol after `previous` (N,), and the next state."""

    def whole(self, strings: Tensor, state: State) -> Tensor:
        """Logits (N, T, K) of all symbols, each given those before it."""


class InOrder(Distribution):
    """A distribution over strings as one over codes (Q, *positions): row by row, at each position the Q digits."""

    has_rsample = False
    arg_constraints = {}  # noqa: RUF012  (as torch has it)

    def __init__(self, base_dist: Distribution, shape: tuple[int, ...]) -> None:
        self.base_dist = base_dist
        super().__init__(base_dist.batch_shape, torch.Size(shape), validate_args=False)

    @property
    def support(self) -> constraints.Constraint:
        """Whole numbers from 0."""
        return constraints.independent(constraints.nonnegative_integer, len(self.event_shape))

    @torch.no_grad()
    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Codes (*sample_shape, *batch, Q, *positions), symbol by symbol."""
        strings = self.base_dist.sample(torch.Size(sample_shape))
        digits, *positions = self.event_shape
        return strings.unflatten(-1, (*positions, digits)).movedim(-1, -len(self.event_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(code), nats."""
        return self.base_dist.log_prob(self.string(value))

    def string(self, code: Tensor) -> Tensor:
        """Codes (..., Q, *positions) as strings (..., length)."""
        rank = len(self.event_shape)
        return code.movedim(-rank, -1).flatten(-rank)


class AutoregressiveCodes(Prior):
    """p(codes) = prod_t p(c_t | c_<t) by a network that reads them in order (van den Oord et al. 2017, sec. 3.3).

    `event_shape` is the encoder's, (D, *positions), and `sizes` the quantiser's. `network` reads strings of all digits of
    all positions. The rate is the codes' exact length, -log p(codes).
    """

    def __init__(self, event_shape: int | Sequence[int], sizes: Sequence[int], network: nn.Module) -> None:
        super().__init__()
        self.event_shape, self.sizes = as_shape(event_shape, "event_shape"), as_shape(sizes, "sizes")
        self.code_shape = (len(self.sizes), *self.event_shape[1:])
        self.network = network

    def forward(
        self, context: Tensor | None = None, *, posterior: Callable[..., Distribution] | None = None
    ) -> Distribution:
        """Batch shape (), or (B,) with a context. Raises ValueError where the encoder does not quantise into these codes."""
        if not isinstance(posterior, Quantised) or posterior.quantiser.sizes != self.sizes:
            raise ValueError(f"this prior needs an encoder that quantises into codes of {self.sizes} kinds")
        return Coded(self.codes(context), posterior.embed, self.event_shape, self.sizes)

    def codes(self, context: Tensor | None = None) -> InOrder:
        """The distribution over codes themselves, (Q, *positions)."""
        network: ReadsStrings = self.network  # type: ignore[assignment]
        batch = torch.Size() if context is None else torch.Size((len(context),))
        strings = Autoregressive(
            lambda previous, state: as_distribution(network.step(previous, state)),
            {name: t.reshape(*batch, *t.shape[1:]) for name, t in network.start(batch.numel(), context).items()},
            batch,
            math.prod(self.code_shape),
            whole=lambda given, state: td.Categorical(logits=network.whole(given, state), validate_args=False),
        )
        return InOrder(strings, self.code_shape)


def as_distribution(found: tuple[Tensor, State]) -> tuple[Distribution, State]:
    """Logits as a distribution, beside the state."""
    logits, state = found
    return td.Categorical(logits=logits, validate_args=False), state
