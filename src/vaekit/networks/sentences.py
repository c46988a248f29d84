"""Networks of strings of words: one that reads a sentence whole, one that says the next word."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from vaekit.networks.at_places import AtPlaces
from vaekit.networks.initialisation import initialise
from vaekit.networks.recurrent import LSTM, Summary, said_of
from vaekit.networks.shapes import as_probability, as_shape

__all__ = ["NextWord", "Sentence", "up_to_end"]

State = dict[str, Tensor]


def up_to_end(strings: Int[Tensor, "B T"], stop: int) -> Bool[Tensor, "B T"]:
    """True at the symbols of strings up to the first `stop`, which is one of them."""
    ends = (strings == stop).int()
    return ends.cumsum(1) - ends == 0


class Sentence(nn.Module):
    """A string (B, T) of words as one vector: what two LSTMs say at its far ends, (B, 2 width); Bowman et al. 2016.

    Nothing behind the first `stop` is read.
    """

    def __init__(
        self, vocabulary: int, *, embedding: int = 64, width: int = 128, dropout: float = 0.0, stop: int = 0
    ) -> None:
        super().__init__()
        as_shape((vocabulary, embedding), "vocabulary and embedding")
        self.words, self.stop = nn.Embedding(vocabulary, embedding), stop
        nn.init.normal_(self.words.weight, std=0.1)
        self.dropout = nn.Dropout(as_probability(dropout, "dropout", below_one=True))
        self.summary = Summary(embedding, width)
        self.out_shape = self.summary.out_shape

    def forward(self, strings: Int[Tensor, "B T"]) -> Float[Tensor, "B 2*width"]:
        """(B, T) -> (B, 2 width)."""
        mask = up_to_end(strings, self.stop)
        if not torch.compiler.is_compiling() and not torch.compiler.is_exporting():
            longest = int(mask.sum(1).max())
            strings, mask = strings[:, :longest], mask[:, :longest]
        return self.summary(self.dropout(self.words(strings)), mask)


class NextWord(nn.Module):
    """Logits of each word of a string given those before it and a context, by an LSTM; Bowman et al. 2016, sec. 3.

    The context, a vector (C,), is the first state and a part of every input. Strings are (N, T), T up to `length`.
    """

    def __init__(
        self,
        vocabulary: int,
        length: int,
        *,
        embedding: int = 64,
        width: int = 128,
        dropout: float = 0.0,
        context: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.vocabulary, self.length = (*as_shape(vocabulary, "vocabulary"), *as_shape(length, "length"))
        self.words, self.first = nn.Embedding(vocabulary, embedding), nn.Parameter(0.1 * torch.randn(embedding))
        nn.init.normal_(self.words.weight, std=0.1)
        self.given = AtPlaces(context, (1,), 4 * width)
        self.begin = AtPlaces(context, (1,), 2 * width)
        self.cell, self.last = LSTM(embedding, width), initialise(nn.Linear(width, vocabulary), 0.1)
        self.dropout = nn.Dropout(as_probability(dropout, "dropout", below_one=True))

    def start(self, n: int, context: Float[Tensor, "N C"] | None = None) -> State:
        """The state before the first word of `n` strings; all of its tensors are (n, ...)."""
        given, begin = (part(n, context, self.first).squeeze(-1) for part in (self.given, self.begin))
        return {"given": given, "state": begin.tanh(), "begun": given.new_zeros(n, 1, dtype=torch.bool)}

    def step(self, previous: Int[Tensor, " N"], state: State) -> tuple[Tensor, State]:
        """Logits (N, vocabulary) of the word after `previous` (N,), of which the first is not looked at."""
        shown = torch.where(state["begun"], self.words(previous), self.first)
        after = self.cell.after(self.cell.read(self.dropout(shown)) + state["given"], state["state"])
        logits = self.last(self.dropout(after[:, : self.cell.hidden]))
        return logits, {"given": state["given"], "state": after, "begun": torch.ones_like(state["begun"])}

    def whole(self, strings: Int[Tensor, "N T"], state: State) -> Float[Tensor, "N T V"]:
        """Logits of every word, each given those before it."""
        if strings.shape[1] > self.length:
            raise ValueError(f"strings may have up to {self.length} words, got {strings.shape[1]}")
        before = torch.cat([self.first.expand(strings.shape[0], 1, -1), self.words(strings[:, :-1])], dim=1)
        read = self.cell.read(self.dropout(before)) + state["given"][:, None]
        return self.last(self.dropout(said_of(self.cell, read, state["state"])))
