"""The loop: rounds of phases over the data, on whatever devices Fabric has, resumable at any step."""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from vaekit.data import Data, epoch_order
from vaekit.distributions.draws import Rows
from vaekit.models.model import Model
from vaekit.training.averages import EMA, Means
from vaekit.training.checkpoint import Checkpoints, optimiser_tensors, restore_optimiser
from vaekit.training.devices import fabric_for
from vaekit.training.interruptions import interruptions
from vaekit.training.memory import keep_freed_memory
from vaekit.training.metrics import Metrics
from vaekit.training.moving import Moving, freeze_all_but
from vaekit.training.noise import seed_at, seed_generators
from vaekit.training.phases import Phase
from vaekit.training.plan import Plan
from vaekit.training.position import Position
from vaekit.training.progress import Silent
from vaekit.training.step import Choices
from vaekit.training.validation import Validation, information, validate

__all__ = ["Broken", "Trainer"]


NOTHING: AbstractContextManager[Any] = nullcontext()


class Broken(RuntimeError):
    """Training met NaN or Inf and stopped."""


class Trainer:
    """Runs phases until the plan is done. Owns the global generators while it runs, inside `fork_rng`.

    `at` makes, of a batch, what happens at latents. `report` is shown what happens; `keep` is called with the trainer
    when a validation was the best so far; `checkpoints` and `metrics` are where the state and the table go.
    """

    def __init__(
        self,
        model: Model,
        phases: Sequence[Phase],
        data: Data,
        plan: Plan,
        *,
        at: Choices | None = None,
        fabric: Fabric | None = None,
        checkpoints: Checkpoints | None = None,
        metrics: Metrics | None = None,
        report: Silent | None = None,
        keep: "Callable[[Trainer], None] | None" = None,
    ) -> None:
        self.model, self.plan, self.at = model, plan, at
        self.fabric = fabric or fabric_for(plan)
        self.checkpoints, self.keep = checkpoints, keep
        self.metrics, self.report = metrics or Metrics(None), report or Silent()
        self.device = self.fabric.device
        self.data = data.to(self.device)
        if plan.batch_size > len(data.train):
            raise ValueError(
                f"batch_size must be at most the {len(data.train)} training examples, got {plan.batch_size}"
            )
        if plan.batch_size < plan.accumulate * self.fabric.world_size:
            raise ValueError(
                f"batch_size {plan.batch_size} cannot be cut for {self.fabric.world_size} processes and "
                f"{plan.accumulate} pieces"
            )
        last = len(data.train) % plan.batch_size or plan.batch_size
        if last < plan.accumulate * self.fabric.world_size:
            raise ValueError(
                f"the last batch of an epoch has {last} examples, too few for {self.fabric.world_size} processes and "
                f"{plan.accumulate} pieces: choose another batch_size"
            )
        names = [phase.name for phase in phases]
        if len(set(names)) < len(names) or any("." in name for name in names):
            raise ValueError(f"phases need names of their own without a full stop, got {names}")
        self.modules = nn.ModuleDict({"model": model, **{f"objective:{p.name}": p.objective for p in phases}})
        self.modules.to(self.device)
        self.plain = self.fabric.world_size == 1 and plan.precision == "32-true"
        self.whole = self.fabric.world_size * plan.accumulate == 1
        self.trained = [p for p in self.modules.parameters() if p.requires_grad]
        moved = [phase.parameters() for phase in phases]
        self.moving = [Moving(phase, moved[stream], stream, self) for stream, phase in enumerate(phases)]
        self.main = self.moving[-1]
        self.alone = len(self.moving) == 1
        self.ema = EMA(self.main.parameters, plan.ema) if plan.ema else None
        self.per_epoch = math.ceil(len(self.data.train) / plan.batch_size)
        self.epochs = plan.epochs_for(self.per_epoch)
        self.total = self.epochs * self.per_epoch
        self.position = Position(steps={phase.name: 0 for phase in phases})
        self.means, self.saved_at, self.warned = Means(), time.monotonic(), False
        self.interrupted = False

    def run(self) -> None:
        """Train to the end of the plan, or until it stops early. Ctrl-C saves first."""
        devices = [self.device] if self.device.type == "cuda" else []
        keep_freed_memory()
        with torch.random.fork_rng(devices):
            self.report.start(self.total, self.epochs, self.plan.batch_size)
            try:
                with interruptions(self):
                    while not self.position.finished:
                        self._epoch()
                self.save()
            except KeyboardInterrupt:
                self.save()
                raise
            finally:
                self.report.stop()
                freeze_all_but(self.modules, self.trained)

    def _epoch(self) -> None:
        """Rounds until the main phase has seen all the data, then the epoch's figures."""
        self.modules.train()
        pieces = self._cut(self.main, self.position.epoch)
        for rows in pieces[self.position.within :]:
            for moving in self.moving[:-1]:
                self._several(moving)
            self._step(self.main, rows, self.means)
            if self.ema is not None:
                self.ema.update()
            self.position.within += 1
            self.report.step(self.position.steps[self.main.phase.name])
            self._heed()
            if time.monotonic() - self.saved_at > self.plan.checkpoint_seconds:
                self.save()
        self._end_epoch()
        self._heed()

    def _heed(self) -> None:
        """Stop where a stop was asked for: between rounds, where the state is whole."""
        if self.interrupted:
            raise KeyboardInterrupt

    def _several(self, moving: Moving) -> None:
        """The steps of a phase that is not the main one, in this round."""
        losses: list[float] = []
        while moving.phase.rule.another(losses):
            done = self.position.steps[moving.phase.name]
            rows = self._cut(moving, done // self.per_epoch)[done % self.per_epoch]
            losses.append(float(self._step(moving, rows, None)))

    def _cut(self, moving: Moving, epoch: int) -> tuple[Tensor, ...]:
        """The batches of an epoch of this phase's stream."""
        if getattr(moving, "cut_epoch", None) != epoch:
            order = epoch_order(len(self.data.train), epoch, self.plan.seed, moving.stream)
            moving.cut_epoch, moving.cut = epoch, order.to(self.device).split(self.plan.batch_size)  # type: ignore[attr-defined]
        return moving.cut  # type: ignore[attr-defined]

    def _step(self, moving: Moving, rows: Tensor, means: Means | None) -> Tensor:
        """One step of a phase on the batch of these examples. Returns this process's mean loss."""
        phase = moving.phase
        done, clock = self.position.steps[phase.name], self.position.steps[self.main.phase.name]
        self._set_rate(moving, clock)
        if not self.alone:
            freeze_all_but(self.modules, moving.parameters)
        seed = seed_at(self.plan.seed, moving.stream, done)
        coefficients = self._coefficients(moving, clock)
        if self.whole:
            loss = self._piece(moving, rows, None, seed, coefficients, means)
        else:
            loss = self._in_pieces(moving, rows, seed, coefficients, means)
        if self.plan.clip is not None:
            nn.utils.clip_grad_norm_(moving.parameters, self.plan.clip)
        moving.move()
        for parameter in moving.parameters:
            parameter.grad = None
        self.position.steps[phase.name] = done + 1
        return loss

    def _piece(
        self,
        moving: Moving,
        rows: Tensor,
        part: tuple[int, int] | None,
        seed: int,
        coefficients: dict[str, Tensor | float],
        means: Means | None,
    ) -> Tensor:
        """Gradients from the whole batch, or from rows `part` of it. Returns that part of the mean loss."""
        seed_generators(seed, self.device)
        batch = self.data.train.batch(rows, shard=None if part is None else slice(*part))
        terms = moving.step(batch, coefficients, None if part is None else Rows(part[0], len(rows)))
        loss = terms["loss"].sum() * (self.fabric.world_size / len(rows))
        seen = self._everyones(loss.detach())
        self._stop_if_broken(seen, terms, moving)
        if self.plain:
            loss.backward()
        else:
            self.fabric.backward(loss)
        if means is not None:
            means.add(terms, len(terms["loss"]))
        return seen

    def _everyones(self, loss: Tensor) -> Tensor:
        """The mean over processes, so that all of them decide alike."""
        if self.fabric.world_size == 1:
            return loss
        mean = self.fabric.all_reduce(loss, reduce_op="mean")
        assert isinstance(mean, Tensor)
        return mean

    def _in_pieces(
        self,
        moving: Moving,
        rows: Tensor,
        seed: int,
        coefficients: dict[str, Tensor | float],
        means: Means | None,
    ) -> Tensor:
        """Gradients summed over this process's pieces; processes wait for each other at the last one."""
        pieces, loss = self._pieces(len(rows)), torch.zeros((), device=self.device)
        for piece in pieces:
            waits = self.plain or piece == pieces[-1]
            with NOTHING if waits else self.fabric.no_backward_sync(moving.step):  # type: ignore[arg-type]
                loss = loss + self._piece(moving, rows, piece, seed, coefficients, means)
        return loss

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
        if not moving.phase.optimiser.constant:
            for group in moving.optimiser.param_groups:
                group["lr"] = moving.phase.optimiser.rate(step, self.total)

    def _stop_if_broken(self, loss: Tensor, terms: Mapping[str, Tensor], moving: Moving) -> None:
        """On a CPU at every step; elsewhere every fiftieth, as looking waits for the device."""
        step = self.position.steps[moving.phase.name]
        if self.device.type == "cpu" or step % 50 == 0:
            value = float(loss)
            if not math.isfinite(value):
                broken = [name for name, t in terms.items() if name != "loss" and not bool(t.isfinite().all())]
                what = f"the term {broken[0]!r}" if broken else "the weighted sum of the terms"
                raise Broken(f"step {step} of phase {moving.phase.name!r}: {what} is {value}. {self._last_good()}")

    def _last_good(self) -> str:
        if self.checkpoints is None:
            return "Nothing was kept: the run has no folder."
        state = self.checkpoints.latest()
        if state is None:
            return "There is no checkpoint yet: try a lower learning rate, or --clip."
        step = sum(state[1]["position"]["steps"].values())
        return f"The last good checkpoint is of step {step}: {self.checkpoints.folder}"

    def _end_epoch(self) -> None:
        """Figures of the epoch, the best weights, and whether to go on."""
        position = self.position
        position.epoch, position.within = position.epoch + 1, 0
        row = {f"train/{name}": value for name, value in self._gathered(self.means).items()}
        self.means = Means()
        validation = self._validate()
        validation.bound = self.fabric.broadcast(validation.bound)
        row |= validation.row()
        self.metrics.add({"epoch": position.epoch, "step": position.steps[self.main.phase.name], **row})
        position.rows = len(self.metrics.rows)
        for moving in self.moving:
            moving.phase.rule.end_epoch(self._information)
        self.report.epoch(position.epoch, row)
        if validation.bound is not None and not math.isfinite(validation.bound):
            raise Broken(f"epoch {position.epoch}: the validation loss is {validation.bound}. {self._last_good()}")
        if validation.bound is not None and validation.bound < position.best:
            position.best, position.best_epoch = validation.bound, position.epoch
            if self.keep is not None and self.fabric.is_global_zero:
                self._with_averages(lambda: self.keep and self.keep(self))
        stale = position.epoch - position.best_epoch
        early = validation.bound is not None and 0 < self.plan.patience <= stale
        if early and position.epoch < self.epochs:
            self.report.note(f"stopped early: no better validation bound in {stale} epochs")
        position.finished, position.planned = early or position.epoch >= self.epochs, self.epochs
        self._warn_of_collapse(validation)

    def _warn_of_collapse(self, validation: Validation) -> None:
        """Say, once, that a latent carries nothing, after a tenth of the run."""
        if self.warned or self.position.epoch * 10 < self.epochs:
            return
        for name, (on, of) in validation.active.items():
            if on == 0:
                self.warned = True
                self.report.note(
                    f"epoch {self.position.epoch}: latent {name!r} is collapsing: none of its {of} dimensions varies "
                    "with x. Try a rate that warms up, free bits, or a weaker decoder."
                )

    def _validate(self) -> Validation:
        """The validation split under the main objective without schedules' warm-up, with the averaged weights."""
        if self.data.valid is None:
            return Validation({}, None, {})
        seed_generators(seed_at(self.plan.seed, 1 << 32), self.device)
        return self._with_averages(lambda: validate(self.main.bare, self.data.valid, self.device))  # type: ignore[arg-type]

    def _information(self) -> float:
        seed_generators(seed_at(self.plan.seed, 1 << 33), self.device)
        split = self.data.valid if self.data.valid is not None else self.data.train
        return information(self.model, split)

    def _with_averages(self, action: Callable[[], Any]) -> Any:
        """Do it with the averaged weights in place, where there are some."""
        if self.ema is None:
            return action()
        self.ema.swap()
        try:
            return action()
        finally:
            self.ema.swap()

    def _gathered(self, means: Means) -> dict[str, float]:
        """Means over every process's examples."""
        if self.fabric.world_size > 1:
            names = sorted(means.sums)
            counted = torch.stack(
                [
                    *(means.sums[n] for n in names),
                    torch.tensor(float(means.count), dtype=torch.float64, device=self.device),
                ]
            )
            whole = self.fabric.all_reduce(counted, reduce_op="sum")
            assert isinstance(whole, Tensor)
            return {name: float(whole[names.index(name)] / whole[-1]) for name in means.sums}
        return means.means()

    def averaged_weights(self) -> dict[str, Tensor]:
        """The model's weights, averaged where the plan says so."""
        return self._with_averages(lambda: {n: t.clone() for n, t in self.model.state_dict().items()})

    def tensors(self) -> Iterator[tuple[str, Tensor]]:
        """All tensors that a resumed run needs, by name."""
        for name, tensor in self.modules.state_dict().items():
            yield f"modules.{name}", tensor
        for moving in self.moving:
            yield from optimiser_tensors(moving.optimiser, f"optimiser.{moving.phase.name}").items()
        if self.ema is not None:
            yield from ((f"ema.{i}", t) for i, t in enumerate(self.ema.shadow))
        yield from ((f"means.{name}", total) for name, total in self.means.sums.items())

    def save(self) -> None:
        """Write the state, unless the weights are broken."""
        self.saved_at = time.monotonic()
        if self.checkpoints is None or not self.fabric.is_global_zero:
            return
        tensors = dict(self.tensors())
        moved = [(f"a parameter of phase {m.phase.name!r}", p) for m in self.moving for p in m.parameters]
        bad = [name for name, p in moved if not bool(p.isfinite().all())]
        if bad:
            raise Broken(f"{bad[0]} is no longer finite. {self._last_good()}")
        self.position.count = self.means.count
        rules = {m.phase.name: m.phase.rule.state() for m in self.moving}
        state = {"position": vars(self.position), "rules": rules, "means": list(self.means.sums)}
        self.checkpoints.save(f"step-{sum(self.position.steps.values())}", tensors, state)

    def resume(self) -> bool:
        """Take up the last saved state; False where there is none."""
        saved = self.checkpoints.latest() if self.checkpoints is not None else None
        if saved is None:
            if self.metrics.path is not None:
                self.metrics.rewind(0)
            return False
        tensors, state = saved
        under = {name[8:]: t for name, t in tensors.items() if name.startswith("modules.")}
        self.modules.load_state_dict(under)
        for moving in self.moving:
            restore_optimiser(moving.optimiser, f"optimiser.{moving.phase.name}", tensors)
            moving.phase.rule.restore(state["rules"][moving.phase.name])
        if self.ema is not None:
            self.ema.shadow = [tensors[f"ema.{i}"].to(self.device) for i in range(len(self.ema.shadow))]
        self.position = Position(**state["position"])
        self.position.finished = self.position.finished and self.position.planned >= self.epochs
        self.means.count = self.position.count
        self.means.sums = {name: tensors[f"means.{name}"].to(self.device) for name in state["means"]}
        if self.metrics.path is not None:
            self.metrics.rewind(self.position.rows)
        return True
