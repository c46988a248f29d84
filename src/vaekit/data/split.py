"""The examples of a split, and the batch that is made of them."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Int
from torch import Tensor

from vaekit.data.noise import Reading, Visit, as_floats, binarise, uniform
from vaekit.data.order import seeded
from vaekit.data.stored import Held, Stored

__all__ = ["Split"]

ROWS_AT_ONCE = 4096
AHEAD = 2  # batches that are fetched while one is used


@dataclass(frozen=True, eq=False, repr=False)
class Split:
    """Examples (N, *event) in their smallest type, with labels (N,) and context (N, ...) where there are some.

    `stored` is where the examples are; a tensor given in its place is held in memory. `read` turns stored values into
    what a model sees; `visit`, where there is one, then adds noise anew each time, or, where `noise` is a key of seeds,
    the same noise to the same example each time. A label of -1 is not known. `counts` (N,): how much each example
    counts, all alike if not said. `lengths` (N,) are those of sequences (N, T, *frame) that end before T.
    `factors` (N, F): values of known factors of variation, counted from 0; no batch has them.
    """

    stored: Stored
    labels: Tensor | None = None
    context: Tensor | None = None
    read: Reading = as_floats
    visit: Visit | None = None
    noise: tuple[int, ...] | None = None
    counts: Tensor | None = None
    lengths: Tensor | None = None
    factors: Tensor | None = None

    def __post_init__(self) -> None:
        if isinstance(self.stored, Tensor):
            object.__setattr__(self, "stored", Held(self.stored))

    def __len__(self) -> int:
        return len(self.stored)

    def __repr__(self) -> str:
        where = str(self.device) if self.in_memory else "streamed"
        return f"Split({len(self):,} x {self.stored.shape[1:]}, {self.stored.dtype}, {where})"

    @property
    def device(self) -> torch.device:
        """Where batches are made."""
        return self.stored.device

    @property
    def in_memory(self) -> bool:
        """Whether the examples are held in memory rather than streamed."""
        return isinstance(self.stored, Held)

    @property
    def x(self) -> Tensor:
        """Every example as stored, (N, *event); a stream is read whole for it."""
        return self.stored.tensor if isinstance(self.stored, Held) else self.stored.take(torch.arange(len(self)))

    def first(self, n: int) -> "Split":
        """The first `n` examples."""
        if n < 1:
            raise ValueError(f"a split is cut to at least 1 example, got {n}")
        return self.select(torch.arange(min(n, len(self))))

    def select(self, rows: Int[Tensor, " M"]) -> "Split":
        """The examples at `rows` alone; a stream is not read for it."""
        picked = {
            name: None if t is None else t.index_select(0, rows.to(t.device)) for name, t in self._beside().items()
        }
        return replace(self, stored=self.stored.select(rows), **picked)  # type: ignore[arg-type]

    def _beside(self) -> dict[str, Tensor | None]:
        """What stands beside the examples, a row for each."""
        names = ("labels", "context", "counts", "lengths", "factors")
        return {name: getattr(self, name) for name in names}

    def conditioned_on_labels(self) -> "Split":
        """The same examples with their labels as the context. Raises ValueError where any has none."""
        if self.labels is None:
            raise ValueError("conditioning on labels needs examples with labels, got none")
        unknown = int((self.labels < 0).sum())
        if unknown:
            raise ValueError(
                f"conditioning on labels needs the label of every example, {unknown:,} of {len(self):,} lack theirs"
            )
        return replace(self, context=self.labels)

    def with_labelled_share(self, share: float) -> "Split":
        """Labelled examples repeated until about `share` of all rows are theirs, each copy counting as much less.

        So averages over rows stay averages over the examples; itself where no repetition is needed.
        """
        if not 0 < share < 1:
            raise ValueError(f"share must lie between 0 and 1, got {share}")
        if self.labels is None:
            return self
        known = (self.labels >= 0).nonzero().flatten()
        others = len(self) - len(known)
        times = round(share * others / ((1 - share) * len(known))) if len(known) else 1
        if times <= 1:
            return self
        rows = torch.cat([torch.arange(len(self), device=known.device), known.repeat(times - 1)])
        own = torch.ones(len(self), device=known.device).index_fill_(0, known, 1 / times)
        return replace(self, counts=own * (len(rows) / len(self))).select(rows)

    def all(self, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """Every example, as one batch in order."""
        return self.batch(torch.arange(len(self)), generator)

    def mean(self, most: int = 10_000) -> Tensor:
        """The mean of x as a model sees it, under a visit's average noise, over up to `most` examples: (*event).

        They are spread evenly over the split. Where sequences have lengths, the mean of all steps that exist, at each.
        """
        n = min(most, len(self))
        batches = (torch.arange(n) * len(self) // n).split(ROWS_AT_ONCE if self.in_memory else 256)
        sums, count = list[Tensor](), 0
        for rows in self.ahead(batches):
            x = self._expected(self.read(self.stored.take(rows)).float())
            x = x if self.lengths is None else x[self._mask(rows)]
            sums, count = [*sums, x.sum(0)], count + len(x)
        return (torch.stack(sums).sum(0) / count).expand(self.stored.shape[1:])

    def elements(self) -> Int[Tensor, " N"]:
        """How many numbers each example holds, without what stands behind its end."""
        shape = self.stored.shape[1:]
        if self.lengths is None:
            return torch.full((len(self),), math.prod(shape))
        return self.lengths * math.prod(shape[1:])

    def _expected(self, x: Tensor) -> Tensor:
        """x under the visit's noise, averaged: that of grey levels that are binarised is the grey itself."""
        return x if self.visit is None or self.visit is binarise else self.visit(x, torch.full_like(x, 0.5))

    def to(self, device: torch.device | str) -> "Split":
        """The same split on `device`."""
        moved = {name: None if t is None else t.to(device) for name, t in self._beside().items()}
        return replace(self, stored=self.stored.to(device), **moved)  # type: ignore[arg-type]

    def expect(self, indices: Int[Tensor, " B"]) -> None:
        """A hint that `batch(indices)` comes soon: a stream begins to read. No result depends on it."""
        self.stored.expect(indices)

    def ahead(self, batches: Sequence[Int[Tensor, " B"]]) -> Iterator[Int[Tensor, " B"]]:
        """The same batches of indices in turn; while one is used, the next two are expected."""
        for i, rows in enumerate(batches):
            for coming in batches[i : i + 1 + AHEAD]:
                self.expect(coming)
            yield rows

    def batch(
        self,
        indices: Int[Tensor, " B"],
        generator: torch.Generator | None = None,
        shard: slice | None = None,
    ) -> dict[str, Tensor]:
        """`x`, and `labels`, `context` and `counts` where present, of the examples at `indices`, on the split's device.

        x is float32 (int64 for categories), labels are int64, context is float32 or int64. Of sequences with lengths
        there is a `mask` (B, T), True at the steps that exist. `indices` are those of the whole batch and `shard` the
        rows of it wanted here: noise is drawn for the whole batch and cut, so processes that share a batch and a
        generator's state see what one process would see. `generator` None is the global one.
        """
        rows = (indices if shard is None else indices[shard]).to(self.device)
        x = self.read(self.stored.take(rows))
        if self.visit is not None:
            x = self.visit(x, self._uniform(indices, rows, x, generator, shard))
        batch = {"x": x}
        if self.labels is not None:
            batch["labels"] = self.labels.index_select(0, rows).long()
        if self.context is not None:
            context = self.context.index_select(0, rows)
            batch["context"] = context.float() if context.is_floating_point() else context.long()
        if self.counts is not None:
            batch["counts"] = self.counts.index_select(0, rows)
        return batch if self.lengths is None else {**batch, "mask": self._mask(rows)}

    def _mask(self, rows: Tensor) -> Tensor:
        """Which steps of these examples exist: (B, T)."""
        assert self.lengths is not None
        lengths = self.lengths.index_select(0, rows.to(self.lengths.device))
        return torch.arange(self.stored.shape[1], device=lengths.device) < lengths[:, None]

    def _uniform(
        self, indices: Tensor, rows: Tensor, x: Tensor, generator: torch.Generator | None, shard: slice | None
    ) -> Tensor:
        """Noise for x: of the whole batch and cut, or each example's own."""
        if self.noise is not None:
            own = (
                torch.rand(x.shape[1:], generator=seeded(*self.noise, row)) for row in self.stored.origin(rows).tolist()
            )
            return torch.stack(list(own)).to(x.device)
        u = uniform((len(indices), *x.shape[1:]), x.device, generator)
        return u if shard is None else u[shard]

    def drawn(self, key: tuple[int, ...], dtype: torch.dtype) -> "Split":
        """The split with one visit's noise drawn for good, under `key`; itself where it takes no noise.

        Kept as `dtype` in memory; a stream draws the noise of each example anew from a generator of its own.
        """
        if self.visit is None:
            return self
        if not self.in_memory:
            return replace(self, noise=key)
        generator, every_row = seeded(*key), torch.arange(len(self)).split(ROWS_AT_ONCE)
        x = torch.cat([self.batch(rows, generator)["x"].to(dtype) for rows in every_row])
        return replace(self, stored=Held(x), read=as_floats, visit=None)
