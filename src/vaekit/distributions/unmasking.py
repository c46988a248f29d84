"""Strings that are uncovered in a few rounds, many symbols at once (Chang et al. 2022, MaskGIT)."""

import math
from collections.abc import Callable, Mapping

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.distributions import Distribution, constraints

from vaekit.distributions.autoregressive import State, in_rows, repeated
from vaekit.distributions.of_symbols import Change, OfSymbols

__all__ = ["Unmasking", "rounds_of"]

Predict = Callable[[Tensor, Tensor, State], Distribution]


class Unmasking(OfSymbols):
    """p(x) over strings (length,) that are all hidden at first, and of which each of `rounds` uncovers some.

    It is *given* `predict`, which maps strings (N, length), a mask (N, length) of the symbols that are shown, and a state
    of tensors (N, ...) to the distributions of all symbols, batch shape (N, length). `start` is that state, (*batch, ...).

    `log_prob` is an unbiased estimate of a lower bound, E log p(x | order), of what is drawn where each round uncovers
    symbols at random: sum over rounds of log p of those that it uncovers given those shown before it (Uria et al. 2014,
    eq. 11, in groups). `every_round` sums all of them under one random order; else it takes one round for each row, at
    random, times their number, which is cheaper and noisier: for training.

    `sample` uncovers those first that it is most certain of: log p + `noise` times a Gumbel draw, which falls to zero
    over the rounds (Chang et al. 2022, sec. 3.2). An infinite `noise` uncovers at random, as the bound has it.
    """

    has_rsample = False
    exact = False
    arg_constraints: Mapping[str, constraints.Constraint] = {}  # type: ignore[assignment]

    def __init__(
        self,
        predict: Predict,
        start: State,
        batch_shape: torch.Size | tuple[int, ...],
        length: int,
        *,
        rounds: int = 12,
        noise: float = 4.5,
        every_round: bool = True,
    ) -> None:
        self.predict, self.length, self.noise, self.every_round = predict, length, noise, every_round
        self.hidden = rounds_of(length, rounds)
        shape = torch.Size(batch_shape)
        self.start = in_rows(start, shape)
        super().__init__(shape, torch.Size((length,)), validate_args=False)

    @property
    def support(self) -> constraints.Constraint:
        """Strings of whole numbers."""
        return constraints.independent(constraints.nonnegative_integer, 1)

    def log_prob(self, value: Int[Tensor, "*batch T"]) -> Float[Tensor, "*batch"]:
        """An estimate of a lower bound of log p(x), nats."""
        front = value.shape[: max(0, value.ndim - 1 - len(self.batch_shape))]
        shape = (*front, *self.batch_shape)
        strings = value.expand(*shape, self.length).reshape(-1, self.length)
        state, n = repeated(self.start, front.numel()), len(strings)
        ranks = random_ranks(n, self.length, strings.device)
        if self.every_round:
            rounds = range(len(self.hidden) - 1)
            parts = [self._round(strings, ranks, torch.full((n,), r, device=strings.device), state) for r in rounds]
            return torch.stack(parts).sum(0).reshape(shape)
        spread = (torch.arange(n, device=strings.device) / n + torch.rand((), device=strings.device)) % 1
        one = (spread * (len(self.hidden) - 1)).long()[torch.randperm(n, device=strings.device)]
        return (self._round(strings, ranks, one, state) * (len(self.hidden) - 1)).reshape(shape)

    @torch.no_grad()
    def sample(self, sample_shape: torch.Size | list[int] | tuple[int, ...] = ()) -> Int[Tensor, "*shape T"]:
        """Strings, some symbols in each round."""
        state = repeated(self.start, torch.Size(sample_shape).numel())
        like = next(iter(state.values()))
        n, device = len(like), like.device
        strings = torch.zeros(n, self.length, dtype=torch.long, device=device)
        shown = torch.zeros(n, self.length, dtype=torch.bool, device=device)
        for r, (before, after) in enumerate(zip(self.hidden, self.hidden[1:], strict=False)):
            p = self.predict(strings, shown, state)
            drawn = p.sample()
            chosen = self._surest(p.log_prob(drawn), r).masked_fill(shown, -torch.inf).topk(before - after, dim=1)
            now = torch.zeros_like(shown).scatter(1, chosen.indices, True)
            strings, shown = torch.where(now, drawn, strings), shown | now
        return strings.reshape(*sample_shape, *self.batch_shape, self.length)

    def each(self, change: Change) -> "Unmasking":
        """The same, with `change` applied to the distribution of every symbol."""
        predict = self.predict
        made = Unmasking(
            lambda strings, shown, state: change(predict(strings, shown, state)),
            {},
            self.batch_shape,
            self.length,
            noise=self.noise,
            every_round=self.every_round,
        )
        made.start, made.hidden = self.start, self.hidden
        return made

    def _round(self, strings: Tensor, ranks: Tensor, r: Int[Tensor, " N"], state: State) -> Float[Tensor, " N"]:
        """The share of a round in the bound: what it uncovers, as an average over all that are hidden before it."""
        hidden = torch.tensor(self.hidden, device=strings.device)
        before, after = hidden[r], hidden[r + 1]
        covered = ranks < before[:, None]
        log_p = self.predict(strings.masked_fill(covered, 0), ~covered, state).log_prob(strings)
        return torch.where(covered, log_p, 0.0).sum(1) * (before - after) / before

    def _surest(self, log_p: Tensor, r: int) -> Tensor:
        """What decides which symbols are uncovered in a round, the higher first."""
        gumbel = -torch.empty_like(log_p).exponential_().log()
        left = 1 - (r + 1) / (len(self.hidden) - 1)
        return gumbel if math.isinf(self.noise) else log_p + self.noise * left * gumbel


def rounds_of(length: int, rounds: int) -> list[int]:
    """How many symbols are hidden before each round and after the last: length cos(pi/2 r / rounds), falling by >= 1."""
    if rounds < 1:
        raise ValueError(f"rounds must be at least 1, got {rounds}")
    rounds = min(rounds, length)
    hidden = [length]
    for r in range(1, rounds):
        cosine = math.floor(length * math.cos(math.pi / 2 * r / rounds))
        hidden.append(max(rounds - r, min(hidden[-1] - 1, cosine)))
    return [*hidden, 0]


def random_ranks(n: int, length: int, device: torch.device) -> Int[Tensor, "N T"]:
    """For each row a random order of its symbols: their ranks."""
    return torch.rand(n, length, device=device).argsort(1).argsort(1)
