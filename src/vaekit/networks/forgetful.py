"""Strings of which some symbols are left out while a network that reads them is trained."""

import torch
from jaxtyping import Int
from torch import Tensor, nn

from vaekit.networks.shapes import as_probability

__all__ = ["Forgetful"]

State = dict[str, Tensor]


class Forgetful(nn.Module):
    """`reader`, which in training sees `symbol` in the place of a `share` of those before; Bowman et al. 2016, sec. 3.1.

    What is to be told of every symbol stays the same: it is what is known of it that is less. 1 leaves none.
    """

    def __init__(self, reader: nn.Module, share: float, symbol: int) -> None:
        super().__init__()
        self.reader, self.share, self.symbol = reader, as_probability(share, "share"), symbol
        self.given = reader.given

    def start(self, n: int, context: Tensor | None = None) -> State:
        """The reader's."""
        return self.reader.start(n, context)  # type: ignore[operator]

    def step(self, previous: Int[Tensor, " N"], state: State) -> tuple[Tensor, State]:
        """The reader's."""
        return self.reader.step(self._seen(previous), state)  # type: ignore[operator]

    def whole(self, strings: Int[Tensor, "N T"], state: State) -> Tensor:
        """The reader's, of strings with less in them."""
        return self.reader.whole(self._seen(strings), state)  # type: ignore[operator]

    def _seen(self, strings: Tensor) -> Tensor:
        if not self.training or self.share == 0:
            return strings
        return torch.where(torch.rand(strings.shape, device=strings.device) < self.share, self.symbol, strings)
