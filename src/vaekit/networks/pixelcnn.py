"""The gated PixelCNN: masked convolutions over a grid of symbols, read row by row (van den Oord et al. 2016b)."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from vaekit.networks.at_places import AtPlaces
from vaekit.networks.initialisation import initialise
from vaekit.networks.shapes import as_shape
from vaekit.networks.symbols import Symbols, missing

__all__ = ["PixelCNN"]

State = dict[str, Tensor]


class PixelCNN(nn.Module):
    """Logits of every symbol of a grid given those before it: rows first, at each position its digits in order.

    Strings are (N, T) whole numbers: at each of the `positions` (H, W), row by row, a digit of each of `sizes` kinds (the
    digits of a code, the channels of a picture). Logits are (..., max(sizes)), -inf for symbols that a digit has none of.

    `layers` gated layers of `width` features with a vertical stack of k x k convolutions and a horizontal one of 1 x k,
    `kernel` k, so that there is no blind spot (sec. 2.2 and 2.3); each also sees the context. Digits at one position are
    told apart by a small network of what the stacks say and the digits before. `layers` and `kernel` limit how far back a
    symbol sees: `reach` rows and columns. `ordinal`: symbols are numbers on a scale. `context`: its shape, a vector's
    (C,) or a map's (C, h, w), see `AtPlaces`.

    `forward` reads whole strings; `step` takes the symbols one by one, and looks at no more rows than it needs.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        positions: Sequence[int],
        *,
        width: int = 64,
        layers: int = 6,
        kernel: int = 3,
        ordinal: bool = False,
        context: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.sizes, self.positions = as_shape(sizes, "sizes"), as_shape(positions, "positions", "height width")
        if kernel < 3 or kernel % 2 == 0:
            raise ValueError(f"kernel must be odd and at least 3, got {kernel}")
        if layers < 1:
            raise ValueError(f"layers must be at least 1, got {layers}")
        self.length = len(self.sizes) * math.prod(self.positions)
        self.reach = 1 + layers * (kernel // 2)
        self.symbols = Symbols(self.sizes, width, ordinal=ordinal)
        self.given = AtPlaces(context, self.positions, width)
        self.layers = nn.ModuleList(GatedLayer(width, kernel) for _ in range(layers))
        self.within = Symbols(self.sizes, width, ordinal=ordinal) if len(self.sizes) > 1 else None
        self.between = nn.Sequential(nn.SiLU(), initialise(nn.Linear(width, width)), nn.SiLU())
        self.last = nn.ModuleList(small(nn.Linear(width, max(self.sizes))) for _ in self.sizes)
        self.register_buffer("missing", missing(self.sizes), persistent=False)
        self.missing: Tensor

    def forward(self, strings: Int[Tensor, "N T"], context: Float[Tensor, "N *C"] | None = None) -> Tensor:
        """(N, T) to the logits of every symbol given those before it, (N, T, max(sizes))."""
        return self.whole(strings, self.start(strings.shape[0], context))

    def whole(self, strings: Int[Tensor, "N T"], state: State) -> Tensor:
        """As `forward`, from the state before the first symbol."""
        if strings.shape[1] != self.length:
            raise ValueError(f"strings must have {self.length} symbols, got {strings.shape[1]}")
        digits = strings.unflatten(1, (*self.positions, len(self.sizes)))  # (N, H, W, Q)
        seen = self._seen(digits, state["given"]).movedim(1, -1)[..., None, :]  # (N, H, W, 1, width)
        if self.within is not None:
            before = self.within(digits).cumsum(-2)
            seen = seen + F.pad(before[..., :-1, :], (0, 0, 1, 0))  # (N, H, W, Q, width)
        return self._logits(seen, range(len(self.sizes))).flatten(1, 3)

    def start(self, n: int, context: Float[Tensor, "N *C"] | None = None) -> State:
        """The state before the first symbol of `n` strings; all of its tensors are (n, ...)."""
        given = self.given(n, context, self.symbols.vectors)
        return {
            "given": given,
            "read": torch.zeros(n, 0, dtype=torch.long, device=given.device),
            "seen": given.new_zeros(n, given.shape[1]),
        }

    def step(self, previous: Int[Tensor, " N"], state: State) -> tuple[Tensor, State]:
        """Logits (N, max(sizes)) of the symbol after `previous` (N,), of which the first is not looked at."""
        read = torch.cat([state["read"], previous[:, None]], dim=1)
        known, t, q = read[:, 1:], read.shape[1] - 1, len(self.sizes)
        if t >= self.length:
            raise ValueError(f"strings have {self.length} symbols, there is none after the last")
        place, digit = divmod(t, q)
        if digit == 0:
            seen = self._seen_at(known, place, state["given"])
        else:
            assert self.within is not None
            own = F.pad(known[:, place * q :], (0, q - digit))
            seen = state["seen"] + self.within(own)[:, digit - 1]
        logits = self._logits(seen[:, None], (digit,))[:, 0]
        return logits, {"given": state["given"], "read": read, "seen": seen}

    def _seen_at(self, known: Tensor, place: int, given: Tensor) -> Float[Tensor, "N width"]:
        """What the stacks say at one position, from the rows that it can see."""
        row, column = divmod(place, self.positions[1])
        first, wide = max(0, row - self.reach), self.positions[1] * len(self.sizes)
        shown = F.pad(known[:, first * wide :], (0, (row + 1) * wide - known.shape[1]))
        digits = shown.unflatten(1, (-1, self.positions[1], len(self.sizes)))
        around = given if given.shape[2] == 1 and self.positions[0] > 1 else given[:, :, first : row + 1]
        return self._seen(digits, around)[:, :, row - first, column]

    def _seen(self, digits: Int[Tensor, "N H W Q"], given: Tensor) -> Float[Tensor, "N width H W"]:
        """At each position, what the stacks make of those before it and of the context."""
        v = self.symbols(digits).sum(-2).movedim(-1, 1)
        h = F.pad(v, (1, 0))[..., :-1]
        for layer in self.layers:
            v, h = layer(v, h, given)
        return h

    def _logits(self, seen: Tensor, digits: Sequence[int]) -> Tensor:
        """(..., digits, width) to logits (..., digits, max(sizes)) of these digits."""
        h = self.between(seen)
        return torch.stack([self.last[d](h[..., i, :]) + self.missing[d] for i, d in enumerate(digits)], dim=-2)


class GatedLayer(nn.Module):
    """tanh(a) sigmoid(b) over what stands above (the vertical stack) and to the left (the horizontal one); fig. 2.

    v at a position sees its own row and those above; h what is left of it, and, through v moved down by one row, what is
    above. h has a residual connection.
    """

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__()
        self.back = kernel // 2
        self.vertical = initialise(nn.Conv2d(width, 2 * width, (self.back + 1, kernel)))
        self.horizontal = initialise(nn.Conv2d(width, 2 * width, (1, self.back + 1)))
        self.down = initialise(nn.Conv2d(2 * width, 2 * width, 1))
        self.given = initialise(nn.Conv2d(width, 4 * width, 1, bias=False))
        self.mix = initialise(nn.Conv2d(width, width, 1))

    def forward(
        self, v: Float[Tensor, "N C H W"], h: Float[Tensor, "N C H W"], given: Tensor
    ) -> tuple[Float[Tensor, "N C H W"], Float[Tensor, "N C H W"]]:
        """Both stacks one layer on; `given` is (N, C, H, W), or (N, C, 1, 1)."""
        for_v, for_h = self.given(given).chunk(2, dim=1)
        above = self.vertical(F.pad(v, (self.back, self.back, self.back, 0)))
        over = self.down(F.pad(above, (0, 0, 1, 0))[:, :, :-1])
        left = self.horizontal(F.pad(h, (self.back, 0)))
        return gated(above + for_v), h + self.mix(gated(left + over + for_h))


def small(layer: nn.Linear) -> nn.Linear:
    """With weights near zero, so that all symbols are about equally likely at first."""
    nn.init.normal_(layer.weight, std=0.02)
    nn.init.zeros_(layer.bias)
    return layer


def gated(t: Tensor) -> Tensor:
    """tanh of one half of the channels times the sigmoid of the other."""
    a, b = t.chunk(2, dim=1)
    return a.tanh() * b.sigmoid()
