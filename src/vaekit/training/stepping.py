"""One step of a phase: a batch, or this process's pieces of it, to gradients and moved parameters."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from vaekit.data import Split
from vaekit.distributions.draws import Rows
from vaekit.networks import AfterStep
from vaekit.training.averages import Means
from vaekit.training.failures import Broken
from vaekit.training.moving import Moving, freeze_all_but
from vaekit.training.noise import seed_at, seed_generators
from vaekit.training.plan import Plan

if TYPE_CHECKING:
    from lightning_fabric import Fabric

__all__ = ["Stepper"]

NOTHING: AbstractContextManager[Any] = nullcontext()
AHEAD = 2  # batches that a stream reads while one is used


class Stepper:
    """Takes the steps of every phase of a run of `total` steps; `modules` holds all that is ever moved."""

    def __init__(
        self, fabric: "Fabric", plan: Plan, train: Split, modules: nn.Module, total: int, *, alone: bool
    ) -> None:
        self.fabric, self.plan, self.train, self.modules = fabric, plan, train, modules
        self.total, self.alone, self.device = total, alone, fabric.device
        self.plain = is_plain(fabric, plan)
        self.noting = [module for module in modules.modules() if isinstance(module, AfterStep)]
        self.whole = fabric.world_size * plan.accumulate == 1

    def ahead(self, batches: Sequence[Tensor]) -> Iterator[Tensor]:
        """The same batches in turn; while one is used, this process's rows of the next two are read ahead."""
        for i, rows in enumerate(batches):
            for coming in batches[i : i + 1 + AHEAD]:
                for start, end in [(0, len(coming))] if self.whole else self._pieces(len(coming)):
                    self.train.expect(coming[start:end])
            yield rows

    def step(self, moving: Moving, rows: Tensor, done: int, clock: int, means: Means | None) -> tuple[Tensor, bool]:
        """One step on the batch of the examples `rows`: its mean loss (), and whether it was taken or skipped.

        `done` counts this phase's steps so far and `clock` those of the main phase, which schedules follow.
        """
        self._set_rate(moving, clock)
        if not self.alone:
            freeze_all_but(self.modules, moving.parameters)
        seed = seed_at(self.plan.seed, moving.stream, done)
        coefficients, buffers = self._coefficients(moving, clock), self._buffers(moving)
        if self.whole:
            loss, terms = self._piece(moving, rows, None, done, seed, coefficients)
            seen = [terms]
        else:
            loss, seen = self._in_pieces(moving, rows, done, seed, coefficients)
        taken = self._within_bounds(moving.parameters, loss)
        if taken:
            moving.move()
        else:
            restore(buffers)
        for part in self.noting:
            part.after_step() if taken and part in moving.followers else part.forget()
        for terms in seen if taken and means is not None else ():
            means.add(terms, len(terms["loss"]))  # type: ignore[union-attr]
        for parameter in moving.parameters:
            parameter.grad = None
        return loss, taken

    def _within_bounds(self, parameters: Sequence[nn.Parameter], loss: Tensor) -> bool:
        """Clip the gradients where the plan says so; False where it has a step with these gradients skipped."""
        clip, skip = self.plan.clip, self.plan.skip
        if clip is None and skip is None:
            return True
        norm = nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
        if skip is not None and not bool(loss.isfinite() & (self._everyones(norm) <= skip)):
            return False
        if clip is not None:
            nn.utils.clip_grads_with_norm_(parameters, clip, norm)
        return True

    def _buffers(self, moving: Moving) -> list[tuple[Tensor, Tensor]]:
        """Buffers that the step may change, such as running means, each with a copy, where it may be skipped."""
        return [] if self.plan.skip is None else [(buffer, buffer.clone()) for buffer in moving.bare.buffers()]

    def _piece(
        self,
        moving: Moving,
        rows: Tensor,
        part: tuple[int, int] | None,
        done: int,
        seed: int,
        coefficients: dict[str, Tensor | float],
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Gradients from the whole batch, or from rows `part` of it: that part of the mean loss, and its terms."""
        seed_generators(seed, self.device)
        batch = self.train.batch(rows, shard=None if part is None else slice(*part))
        terms = moving.step(batch, coefficients, None if part is None else Rows(part[0], len(rows)))
        loss = terms["loss"].sum() * (self.fabric.world_size / len(rows))
        seen = self._everyones(loss.detach())
        if self.plan.skip is None:
            self._stop_if_broken(seen, terms, moving, done)
        if self.plain:
            loss.backward()
        else:
            self.fabric.backward(loss)
        return seen, {name: term.detach() for name, term in terms.items()}

    def _everyones(self, figure: Tensor) -> Tensor:
        """The mean over processes, so that all of them decide alike."""
        if self.fabric.world_size == 1:
            return figure
        mean = self.fabric.all_reduce(figure, reduce_op="mean")
        assert isinstance(mean, Tensor)
        return mean

    def _in_pieces(
        self,
        moving: Moving,
        rows: Tensor,
        done: int,
        seed: int,
        coefficients: dict[str, Tensor | float],
    ) -> tuple[Tensor, list[dict[str, Tensor]]]:
        """Gradients summed over this process's pieces; processes wait for each other at the last one."""
        pieces, loss, seen = self._pieces(len(rows)), torch.zeros((), device=self.device), []
        for piece in pieces:
            waits = self.plain or piece == pieces[-1]
            with NOTHING if waits else self.fabric.no_backward_sync(moving.step):  # type: ignore[arg-type]
                part, terms = self._piece(moving, rows, piece, done, seed, coefficients)
            loss = loss + part
            seen.append(terms)
        return loss, seen

    def _pieces(self, total: int) -> list[tuple[int, int]]:
        """Rows of a batch of `total` that this process takes, in `accumulate` pieces."""
        parts = self.fabric.world_size * self.plan.accumulate
        edges = [total * i // parts for i in range(parts + 1)]
        mine = range(
            self.fabric.global_rank * self.plan.accumulate, (self.fabric.global_rank + 1) * self.plan.accumulate
        )
        return [(edges[i], edges[i + 1]) for i in mine]

    def _coefficients(self, moving: Moving, step: int) -> dict[str, Tensor | float]:
        """Weights at this step: those that change as tensors, so that a compiled step is not compiled anew."""
        if not moving.scheduled:
            return moving.constants
        values = moving.objective.coefficients(step)
        return {
            name: torch.tensor(v, device=self.device) if name in moving.scheduled else v for name, v in values.items()
        }

    def _set_rate(self, moving: Moving, step: int) -> None:
        """The learning rate of this step of the main phase."""
        if not moving.adam.constant:
            for group in moving.optimiser.param_groups:
                group["lr"] = moving.adam.rate(step, self.total)

    def _stop_if_broken(self, loss: Tensor, terms: Mapping[str, Tensor], moving: Moving, step: int) -> None:
        """On a CPU at every step; elsewhere every fiftieth, as looking waits for the device."""
        if self.device.type == "cpu" or step % 50 == 0:
            value = float(loss)
            if not math.isfinite(value):
                broken = [name for name, t in terms.items() if name != "loss" and not bool(t.isfinite().all())]
                what = f"the term {broken[0]!r}" if broken else "the weighted sum of the terms"
                raise Broken(f"step {step} of phase {moving.phase.name!r}: {what} is {value}.")


@torch.no_grad()
def restore(buffers: Sequence[tuple[Tensor, Tensor]]) -> None:
    """Give buffers the values of their copies."""
    for buffer, copy in buffers:
        buffer.copy_(copy)


def is_plain(fabric: "Fabric", plan: Plan) -> bool:
    """Whether nothing stands between a step and its tensors: one process at full precision."""
    return fabric.world_size == 1 and plan.precision == "32-true"
