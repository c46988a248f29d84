"""The examples of a split: in memory on a device, or streamed from files."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from vaekit.data.ahead import Ahead
from vaekit.data.values import torch_type

__all__: list[str] = []


class Stored(ABC):
    """N examples in the smallest type of their values, read by row."""

    device: torch.device

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """(N, *event)."""

    @property
    @abstractmethod
    def dtype(self) -> torch.dtype:
        """The type of the stored values."""

    @property
    @abstractmethod
    def kept(self) -> str:
        """Where the examples are, in words."""

    @abstractmethod
    def take(self, rows: Tensor) -> Tensor:
        """The examples at `rows` (B,), on the device: (B, *event)."""

    @abstractmethod
    def select(self, rows: Tensor) -> "Stored":
        """These examples alone; a stream is not read for it."""

    @abstractmethod
    def to(self, device: torch.device | str) -> "Stored":
        """The same examples, handed out on `device`."""

    @abstractmethod
    def origin(self, rows: Tensor) -> Tensor:
        """The numbers that examples at `rows` have whatever was selected: (B,)."""

    @abstractmethod
    def expect(self, rows: Tensor) -> None:
        """A hint that `take(rows)` comes soon."""

    def __len__(self) -> int:
        return self.shape[0]


class Held(Stored):
    """Examples in memory."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor, self.device = tensor, tensor.device

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, *event)."""
        return tuple(self.tensor.shape)

    @property
    def dtype(self) -> torch.dtype:
        """The type of the stored values."""
        return self.tensor.dtype

    @property
    def kept(self) -> str:
        """In memory."""
        return "in memory"

    def take(self, rows: Tensor) -> Tensor:
        """The examples at `rows`, a copy."""
        return self.tensor.index_select(0, rows.to(self.device))

    def select(self, rows: Tensor) -> "Held":
        """A copy of these examples."""
        return Held(self.take(rows))

    def to(self, device: torch.device | str) -> "Held":
        """The same examples in the memory of `device`."""
        return Held(self.tensor.to(device))

    def origin(self, rows: Tensor) -> Tensor:
        """The rows themselves: a selection is a set of its own."""
        return rows

    def expect(self, rows: Tensor) -> None:
        """Nothing needs to be done."""


@dataclass(frozen=True, eq=False)
class Streamed(Stored):
    """Examples that are read when they are asked for, or a little before: `chosen` (N,) of the rows of a source."""

    ahead: Ahead
    chosen: Tensor
    device: torch.device

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, *event)."""
        return (len(self.chosen), *self.ahead.rows.shape[1:])

    @property
    def dtype(self) -> torch.dtype:
        """The type of the stored values."""
        return torch_type(self.ahead.rows.dtype)

    @property
    def kept(self) -> str:
        """As the source says."""
        return self.ahead.rows.kept

    def take(self, rows: Tensor) -> Tensor:
        """The examples at `rows`, fetched now unless they were expected."""
        return torch.from_numpy(self.ahead.take(self._in_source(rows).numpy())).to(self.device)

    def select(self, rows: Tensor) -> "Streamed":
        """The same stream, of these examples."""
        return Streamed(self.ahead, self._in_source(rows), self.device)

    def to(self, device: torch.device | str) -> "Streamed":
        """The same stream, handed out on `device`."""
        return Streamed(self.ahead, self.chosen, torch.device(device))

    def origin(self, rows: Tensor) -> Tensor:
        """Rows of the source."""
        return self._in_source(rows)

    def expect(self, rows: Tensor) -> None:
        """Begin to fetch these examples on other threads."""
        self.ahead.expect(self._in_source(rows).numpy())

    def _in_source(self, rows: Tensor) -> Tensor:
        """Rows of this split as rows of the source."""
        return self.chosen.index_select(0, rows.cpu())
