"""Priors that read codes one after the other."""

import math
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor, nn
from torch import distributions as td
from torch.distributions import Distribution

from vaekit.distributions import Autoregressive, InOrder, State
from vaekit.priors.over_codes import PriorOverCodes

__all__ = ["AutoregressiveCodes", "ReadsStrings"]


class Starts(Protocol):
    """A network that says what a context means to n strings: a state of tensors (n, ...)."""

    def start(self, n: int, context: Tensor | None = None) -> State:
        """The state before the first symbol of n strings."""


class ReadsStrings(Starts, Protocol):
    """A network of strings (N, T) of symbols: the state before the first, and logits of the next, or of all at once."""

    def step(self, previous: Tensor, state: State) -> tuple[Tensor, State]:
        """Logits (N, K) of the symbol after `previous` (N,), and the next state."""

    def whole(self, strings: Tensor, state: State) -> Tensor:
        """Logits (N, T, K) of all symbols, each given those before it."""


class AutoregressiveCodes(PriorOverCodes):
    """p(codes) = prod_t p(c_t | c_<t) by a network that reads them in order (van den Oord et al. 2017, sec. 3.3).

    `event_shape`, `sizes` and `context` as for every prior over codes. `network` reads strings of all digits of all
    positions, and the context. The rate is the codes' exact length, -log p(codes).
    """

    def __init__(
        self,
        event_shape: int | Sequence[int],
        sizes: Sequence[int],
        network: nn.Module,
        context: Sequence[int] | None = None,
    ) -> None:
        super().__init__(event_shape, sizes, context)
        self.network = network

    def codes(self, context: Tensor | None = None) -> InOrder:
        """Batch shape (), or that of the context."""
        network: ReadsStrings = self.network  # type: ignore[assignment]
        batch = self.batch_of(context)
        strings = Autoregressive(
            lambda previous, state: as_distribution(network.step(previous, state)),
            start_of(network, batch, context),
            batch,
            math.prod(self.code_shape),
            whole=lambda given, state: td.Categorical(logits=network.whole(given, state), validate_args=False),
        )
        return InOrder(strings, self.code_shape)


def start_of(network: Starts, batch: torch.Size, context: Tensor | None) -> State:
    """The state before the first symbol, (*batch, ...)."""
    flat = None if context is None else context.reshape(batch.numel(), *context.shape[len(batch) :])
    return {name: t.reshape(*batch, *t.shape[1:]) for name, t in network.start(batch.numel(), flat).items()}


def as_distribution(found: tuple[Tensor, State]) -> tuple[Distribution, State]:
    """Logits as a distribution, beside the state."""
    logits, state = found
    return td.Categorical(logits=logits, validate_args=False), state
