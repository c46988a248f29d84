"""Sequences drawn symbol by symbol."""

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor
from torch.distributions import Categorical, Distribution, constraints

from vaekit.distributions.of_symbols import Change, OfSymbols

__all__ = ["AllSymbols", "Autoregressive", "NextSymbol", "State"]

State = dict[str, Tensor]
AllSymbols = Callable[[Tensor, State], Distribution]
NextSymbol = Callable[[Tensor, State], tuple[Distribution, State]]


class Autoregressive(OfSymbols):
    """p(x) = prod_t p(x_t | x_<t) over strings (length,) of whole numbers.

    It is *given* `step`, which maps previous symbols (N,) and a state of tensors (N, ...) to the distribution of the
    next symbol, batch shape (N,), and the next state. `start` is the state before the first symbol, (*batch, ...), and
    `first` the symbol that stands before it. After `stop`, if there is one, only `stop` follows, with probability one.

    `whole`, where it is given, maps strings (N, length) and the start (N, ...) to the distributions of all their symbols,
    each given those before it, batch shape (N, length): strings are then priced at once instead of step by step.
    """

    has_rsample = False
    arg_constraints: Mapping[str, constraints.Constraint] = {}  # type: ignore[assignment]

    def __init__(
        self,
        step: NextSymbol,
        start: State,
        batch_shape: torch.Size | tuple[int, ...],
        length: int,
        *,
        first: int = 0,
        stop: int | None = None,
        whole: AllSymbols | None = None,
        validate_args: bool | None = False,
    ) -> None:
        self.step, self.length, self.first, self.stop, self.whole = step, length, first, stop, whole
        shape = torch.Size(batch_shape)
        self.start = in_rows(start, shape)
        super().__init__(shape, torch.Size((length,)), validate_args=False)

    @property
    def support(self) -> constraints.Constraint:
        """Strings of whole numbers."""
        return constraints.independent(constraints.nonnegative_integer, 1)

    def log_prob_of_steps(self, value: Int[Tensor, "*batch T"]) -> Float[Tensor, "*batch T"]:
        """log p(x_t | x_<t) of every symbol of given strings (teacher forcing), nats."""
        front = value.shape[: max(0, value.ndim - 1 - len(self.batch_shape))]
        shape = (*front, *self.batch_shape, self.length)
        strings = value.expand(shape).reshape(-1, self.length)
        if self.whole is not None:
            return self._at_once(strings, self._states(front.numel())).reshape(shape)
        state, previous, parts = self._states(front.numel()), strings.new_full((len(strings),), self.first), []
        ended = torch.zeros_like(previous, dtype=torch.bool)
        for t in range(self.length):
            symbol = strings[:, t]
            p_next, state = self.step(previous, state)
            parts.append(self._priced(p_next.log_prob(symbol), symbol, ended))
            previous, ended = symbol, self._ended(symbol, ended)
        return torch.stack(parts, dim=-1).reshape(shape)

    def log_prob(self, value: Int[Tensor, "*batch T"]) -> Float[Tensor, "*batch"]:
        """log p(x), nats."""
        return self.log_prob_of_steps(value).sum(-1)

    @torch.no_grad()
    def sample(self, sample_shape: torch.Size | list[int] | tuple[int, ...] = ()) -> Int[Tensor, "*shape T"]:
        """Strings, symbol by symbol."""
        state = self._states(torch.Size(sample_shape).numel())
        rows = len(next(iter(state.values())))
        previous = torch.full((rows,), self.first, device=next(iter(state.values())).device)
        ended, symbols = torch.zeros_like(previous, dtype=torch.bool), []
        for _ in range(self.length):
            p_next, state = self.step(previous, state)
            drawn = p_next.sample()
            previous = drawn if self.stop is None else torch.where(ended, self.stop, drawn)
            ended = self._ended(previous, ended)
            symbols.append(previous)
            if self.stop is not None and bool(ended.all()):
                symbols += [previous] * (self.length - len(symbols))
                break
        return torch.stack(symbols, dim=-1).reshape(*sample_shape, *self.batch_shape, self.length)

    @property
    def mode(self) -> Tensor:
        """The likeliest symbol at each step, given those before it: near the likeliest string, and quickly found."""
        return self.each(likeliest).sample()

    def each(self, change: Change) -> "Autoregressive":
        """The same, with `change` applied to the distribution of every next symbol."""
        step, whole = self.step, self.whole

        def changed_step(previous: Tensor, state: State) -> tuple[Distribution, State]:
            p_next, state = step(previous, state)
            return change(p_next), state

        made = Autoregressive(
            changed_step,
            {},
            self.batch_shape,
            self.length,
            first=self.first,
            stop=self.stop,
            whole=None if whole is None else lambda strings, state: change(whole(strings, state)),
        )
        made.start = self.start
        return made

    def _at_once(self, strings: Tensor, start: State) -> Tensor:
        assert self.whole is not None
        if self.stop is None:
            return self.whole(strings, start).log_prob(strings)
        ended = F.pad((strings == self.stop).cummax(1).values[:, :-1], (1, 0), value=False)
        used = self.length
        if not torch.compiler.is_compiling():  # nothing is told by what stands behind the longest
            used = self.length - int(ended.all(0).sum())
        log_p = self.whole(strings[:, :used], start).log_prob(strings[:, :used])
        return self._priced(F.pad(log_p, (0, self.length - used)), strings, ended)

    def _states(self, repeats: int) -> State:
        """The start, repeated in front of the batch."""
        return repeated(self.start, repeats)

    def _priced(self, log_p: Tensor, symbol: Tensor, ended: Tensor) -> Tensor:
        if self.stop is None:
            return log_p
        padding = torch.where(symbol == self.stop, 0.0, -torch.inf).to(log_p)
        return torch.where(ended, padding, log_p)

    def _ended(self, symbol: Tensor, ended: Tensor) -> Tensor:
        return ended if self.stop is None else ended | (symbol == self.stop)


def in_rows(start: State, shape: torch.Size) -> State:
    """A state (*shape, ...) with all of its batch in one axis."""
    return {name: t.reshape(shape.numel(), *t.shape[len(shape) :]) for name, t in start.items()}


def repeated(start: State, repeats: int) -> State:
    """A state (N, ...) so many times behind itself, (repeats N, ...)."""
    return {name: t.repeat(repeats, *(1,) * (t.ndim - 1)) for name, t in start.items()}


def likeliest(d: Distribution) -> Distribution:
    """All probability on the likeliest symbol."""
    logits = torch.full_like(d.logits, -torch.inf)  # type: ignore[attr-defined]
    return Categorical(logits=logits.scatter(-1, d.logits.argmax(-1, keepdim=True), 0.0), validate_args=False)  # type: ignore[attr-defined]
