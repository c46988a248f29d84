"""Recurrent networks that heed a mask: a step of an LSTM, and sequences read from both ends."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from vaekit.networks.shapes import as_shape

__all__ = ["LSTM", "BothWays", "EachStep", "OneStep", "Summary"]


class LSTM(nn.Module):
    """One step of a long short-term memory (Hochreiter & Schmidhuber 1997), its state in one tensor (B, 2 hidden).

    The first half of the state is what the cell says (h), the second what it remembers (c). The forget gate's bias
    starts at 1, so that memory lasts at first (Gers et al. 2000).
    """

    def __init__(self, in_features: int, hidden: int) -> None:
        super().__init__()
        self.in_features, self.hidden = (*as_shape(in_features, "in_features"), *as_shape(hidden, "hidden"))
        self.read, self.recur = nn.Linear(in_features, 4 * hidden), nn.Linear(hidden, 4 * hidden, bias=False)
        self.out_shape = (2 * self.hidden,)
        with torch.no_grad():
            self.read.bias[hidden : 2 * hidden] = 1.0

    def forward(self, x: Float[Tensor, "B D"], state: Float[Tensor, "B 2*hidden"]) -> Float[Tensor, "B 2*hidden"]:
        """The state after x."""
        return self.after(self.read(x), state)

    def after(self, read: Float[Tensor, "B 4*hidden"], state: Float[Tensor, "B 2*hidden"]) -> Tensor:
        """The state after an input that went through `read` already, with those of all steps at once, say."""
        h, c = state.chunk(2, dim=-1)
        enter, keep, new, say = (read + self.recur(h)).chunk(4, dim=-1)
        c = keep.sigmoid() * c + enter.sigmoid() * new.tanh()
        return torch.cat([say.sigmoid() * c.tanh(), c], dim=-1)


class BothWays(nn.Module):
    """Sequences (B, T, D) read forwards and backwards by two LSTMs: what both say at every step, (B, T, 2 hidden).

    At steps that the mask (B, T) leaves out both states pass by unchanged, so nothing of what stands there is read.
    Further inputs (B, ...) are of the whole sequence and are read at every step beside it.
    """

    def __init__(self, in_features: int, hidden: int) -> None:
        super().__init__()
        self.forwards, self.backwards = LSTM(in_features, hidden), LSTM(in_features, hidden)
        self.hidden = hidden

    def forward(
        self, x: Float[Tensor, "B T D"], *whole: Float[Tensor, "B _"], mask: Bool[Tensor, "B T"] | None = None
    ) -> Float[Tensor, "B T 2*hidden"]:
        """What the two say at each step."""
        inputs = torch.cat([x, *(t[:, None].expand(-1, x.shape[1], -1) for t in whole)], dim=-1)
        there = said(self.forwards, inputs, mask)
        back = said(self.backwards, inputs.flip(1), None if mask is None else mask.flip(1)).flip(1)
        return torch.cat([there, back], dim=-1)


class Summary(nn.Module):
    """A sequence (B, T, D) with its mask (B, T) as one vector: what two LSTMs say at its far ends, (B, 2 hidden)."""

    def __init__(self, in_features: int, hidden: int) -> None:
        super().__init__()
        self.both, self.hidden = BothWays(in_features, hidden), hidden
        self.out_shape = (2 * hidden,)

    def forward(self, x: Float[Tensor, "B T D"], *mask: Bool[Tensor, "B T"]) -> Float[Tensor, "B 2*hidden"]:
        """Forwards after the last step that exists, and backwards after the first."""
        found = self.both(x, mask=mask[0] if mask else None)
        return torch.cat([found[:, -1, : self.hidden], found[:, 0, self.hidden :]], dim=-1)


class OneStep(nn.Module):
    """One step of a sequence (B, T, D) with its mask (B, T), (B, D): any in training, otherwise the mean of those there are.

    What is inferred from it cannot hold what only the order of steps tells. Under a linear head the mean of the steps'
    features is that of what each of them says.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.out_shape = (features,)

    def forward(self, x: Float[Tensor, "B T D"], *mask: Bool[Tensor, "B T"]) -> Float[Tensor, "B D"]:
        """Every row's own step, or mean."""
        batch, steps = x.shape[:2]
        there = mask[0] if mask else torch.ones(batch, steps, dtype=torch.bool, device=x.device)
        length = there.sum(1)
        if not self.training:
            return torch.where(there[..., None], x, 0).sum(1) / length.clamp_min(1)[:, None]
        chosen = (torch.rand(batch, device=x.device) * length).long().clamp_max(steps - 1)
        return x.take_along_dim(chosen[:, None, None], 1).squeeze(1)


class EachStep(nn.Module):
    """A network of one batch axis at every step of sequences: (B, T, *frame) to (B, T, *out_shape), all steps at once."""

    def __init__(self, network: nn.Module, out_shape: Sequence[int]) -> None:
        super().__init__()
        self.network, self.out_shape = network, tuple(out_shape)

    def forward(self, x: Float[Tensor, "B T *frame"]) -> Float[Tensor, "B T *out"]:
        """Time is a part of the batch for as long as it takes."""
        return self.network(x.flatten(0, 1)).unflatten(0, x.shape[:2])


def said(cell: LSTM, x: Tensor, mask: Tensor | None) -> Tensor:
    """What the cell says after each step of x (B, T, D), from a state of zeros: (B, T, hidden)."""
    return said_of(cell, cell.read(x), x.new_zeros(x.shape[0], 2 * cell.hidden), mask)


def said_of(cell: LSTM, read: Tensor, state: Tensor, mask: Tensor | None = None) -> Tensor:
    """Likewise of inputs that went through the cell's `read` already (B, T, 4 hidden), from any state."""
    states = []
    for t in range(read.shape[1]):
        new = cell.after(read[:, t], state)
        state = new if mask is None else torch.where(mask[:, t, None], new, state)
        states.append(state[:, : cell.hidden])
    return torch.stack(states, dim=1)
