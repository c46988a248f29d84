"""Examples in memory, and the batch that is made of them."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Int
from torch import Tensor

from vaekit.data.noise import Reading, Visit, as_floats, uniform

__all__ = ["Split"]

ROWS_AT_ONCE = 4096


@dataclass(frozen=True, eq=False, repr=False)
class Split:
    """Examples x (N, *event) in their smallest type, with labels (N,) and context (N, ...) where there are some.

    `read` turns stored values into what a model sees; `visit`, where there is one, then adds noise anew each time.
    """

    x: Tensor
    labels: Tensor | None = None
    context: Tensor | None = None
    read: Reading = as_floats
    visit: Visit | None = None

    def __len__(self) -> int:
        return self.x.shape[0]

    def __repr__(self) -> str:
        return f"Split({len(self):,} x {tuple(self.x.shape[1:])}, {self.x.dtype}, {self.x.device})"

    def first(self, n: int) -> "Split":
        """The first `n` examples."""
        if n < 1:
            raise ValueError(f"a split is cut to at least 1 example, got {n}")
        labels = None if self.labels is None else self.labels[:n]
        context = None if self.context is None else self.context[:n]
        return replace(self, x=self.x[:n], labels=labels, context=context)

    def all(self, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """Every example, as one batch in order."""
        return self.batch(torch.arange(len(self)), generator)

    def mean(self, most: int = 10_000) -> Tensor:
        """The mean of x as it is read, before a visit's noise, over up to `most` examples: (*event)."""
        return self.read(self.x[:most]).float().mean(0)

    def to(self, device: torch.device | str) -> "Split":
        """The same split on `device`."""
        labels = None if self.labels is None else self.labels.to(device)
        context = None if self.context is None else self.context.to(device)
        return replace(self, x=self.x.to(device), labels=labels, context=context)

    def batch(
        self,
        indices: Int[Tensor, " B"],
        generator: torch.Generator | None = None,
        shard: slice | None = None,
    ) -> dict[str, Tensor]:
        """`x`, and `labels` and `context` where present, of the examples at `indices`, made on the split's device.

        x is float32 (int64 for categories), labels are int64, context is float32 or int64. `indices` are those of the
        whole batch and `shard` the rows of it wanted here: noise is drawn for the whole batch and cut, so processes
        that share a batch and a generator's state see what one process would see. `generator` None is the global one.
        """
        rows = (indices if shard is None else indices[shard]).to(self.x.device)
        x = self.read(self.x.index_select(0, rows))
        if self.visit is not None:
            u = uniform((len(indices), *x.shape[1:]), x.device, generator)
            x = self.visit(x, u if shard is None else u[shard])
        batch = {"x": x}
        if self.labels is not None:
            batch["labels"] = self.labels.index_select(0, rows).long()
        if self.context is not None:
            context = self.context.index_select(0, rows)
            batch["context"] = context.float() if context.is_floating_point() else context.long()
        return batch

    def drawn(self, generator: torch.Generator, dtype: torch.dtype) -> "Split":
        """The split with one visit's noise drawn for good and kept as `dtype`; itself where it takes no noise."""
        if self.visit is None:
            return self
        every_row = torch.arange(len(self)).split(ROWS_AT_ONCE)
        x = torch.cat([self.batch(rows, generator)["x"].to(dtype) for rows in every_row])
        return replace(self, x=x, read=as_floats, visit=None)
