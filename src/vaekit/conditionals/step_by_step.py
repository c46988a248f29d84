"""The head that draws its event symbol by symbol."""

import math
from collections.abc import Sequence
from typing import ClassVar, Protocol

import torch
from torch import Tensor, nn
from torch import distributions as td
from torch.distributions import Distribution

from vaekit.conditionals.conditional import Conditional, Parameters
from vaekit.distributions import Autoregressive, InOrder, State

__all__ = ["ReadsStrings", "StepByStep", "Starts", "start_of", "strings_of"]


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


class StepByStep(Conditional):
    """p(x|z) = prod_t p(x_t | x_<t, z): what `network` makes of z is seen at every step of `reader`, which reads x.

    The event is a string (T,) of whole numbers, or with `levels` a picture (C, H, W) of as many values in [0, 1], read row
    by row, at each pixel channel by channel. `reader` reads strings of as many symbols, and takes the network's features
    as its context. `stop`: after this symbol only itself follows.

    Such a decoder can model x without z, and then does (Bowman et al. 2016; Chen et al. 2017): what weakens it is a
    short reach of the reader, or inputs that are left out in training (`Forgetful`).
    """

    domains: ClassVar[tuple[str, ...]] = ()
    separable: ClassVar[bool] = False

    def __init__(
        self,
        network: nn.Module,
        event_shape: int | Sequence[int],
        reader: nn.Module,
        *,
        levels: int | None = None,
        stop: int | None = None,
        features: int | Sequence[int] | None = None,
    ) -> None:
        super().__init__(network, event_shape, per_element=1, features=features)
        if (levels is None) != (len(self.event_shape) == 1):
            raise ValueError(f"levels are those of a picture (C, H, W), got {levels} for events {self.event_shape}")
        if levels is not None and levels < 2:
            raise ValueError(f"levels must be at least 2, got {levels}")
        self.last = nn.Identity()  # type: ignore[assignment]
        self.reader, self.levels, self.stop = reader, levels, stop

    def parametrise(self, h: Tensor) -> Parameters:
        """`given` (B, *features), what the reader sees at every step."""
        return {"given": h}

    def distribution(self, **parameters: Tensor) -> Distribution:
        """Autoregressive over a string, or InOrder over a picture."""
        given = parameters["given"]
        batch = given.shape[: given.ndim - self.rank]
        strings = strings_of(self.reader, batch, given, math.prod(self.event_shape), self.stop)  # type: ignore[arg-type]
        return strings if self.levels is None else InOrder(strings, self.event_shape, self.levels)

    @property
    def rank(self) -> int:
        """How many axes the network's features have."""
        shape = self.reader.given.shape
        return len(shape)  # type: ignore[arg-type]


def strings_of(
    network: ReadsStrings, batch: torch.Size, context: Tensor | None, length: int, stop: int | None = None
) -> Autoregressive:
    """Strings that a network reads, in a context (*batch, ...)."""
    return Autoregressive(
        lambda previous, state: as_distribution(network.step(previous, state)),
        start_of(network, batch, context),
        batch,
        length,
        stop=stop,
        whole=lambda given, state: td.Categorical(logits=network.whole(given, state), validate_args=False),
    )


def start_of(network: Starts, batch: torch.Size, context: Tensor | None) -> State:
    """The state before the first symbol, (*batch, ...)."""
    flat = None if context is None else context.reshape(batch.numel(), *context.shape[len(batch) :])
    return {name: t.reshape(*batch, *t.shape[1:]) for name, t in network.start(batch.numel(), flat).items()}


def as_distribution(found: tuple[Tensor, State]) -> tuple[Distribution, State]:
    """Logits as a distribution, beside the state."""
    logits, state = found
    return td.Categorical(logits=logits, validate_args=False), state
