"""The loop: rounds of phases over the data, on whatever devices Fabric has, resumable at any step."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from operator import methodcaller
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from vaekit.data import Data, epoch_order
from vaekit.models.model import Model
from vaekit.training.averages import EMA, Means
from vaekit.training.callbacks import Callback
from vaekit.training.checkpoint import Checkpoints
from vaekit.training.checks import check_names, checked_batch, checked_callbacks
from vaekit.training.devices import fabric_for
from vaekit.training.failures import Broken
from vaekit.training.interruptions import interruptions
from vaekit.training.memory import keep_freed_memory
from vaekit.training.metrics import Metrics
from vaekit.training.moving import Moving, freeze_all_but
from vaekit.training.noise import seed_at, seed_generators
from vaekit.training.phases import Phase
from vaekit.training.plan import Plan
from vaekit.training.position import Position
from vaekit.training.progress import Silent
from vaekit.training.state import restore, save_state
from vaekit.training.step import Choices
from vaekit.training.stepping import Stepper, is_plain
from vaekit.training.validation import Validation, information, validate

if TYPE_CHECKING:
    from lightning_fabric import Fabric

__all__ = ["Trainer"]

MOST_SKIPPED = 10  # steps in a row


class Trainer:
    """Runs phases until the plan is done. Owns the global generators while it runs, inside `fork_rng`.

    `at` makes, of a batch, what happens at latents. `report` is shown what happens; `keep` is called with the trainer
    when a validation was the best so far; `checkpoints` and `metrics` are where the state and the table go;
    `callbacks` are told of every event.
    """

    def __init__(
        self,
        model: Model,
        phases: Sequence[Phase],
        data: Data,
        plan: Plan,
        *,
        at: Choices | None = None,
        fabric: "Fabric | None" = None,
        checkpoints: Checkpoints | None = None,
        metrics: Metrics | None = None,
        report: Silent | None = None,
        keep: "Callable[[Trainer], None] | None" = None,
        callbacks: Sequence[Callback] = (),
    ) -> None:
        self.model, self.plan, self.at = model, plan, at
        self.fabric = fabric or fabric_for(plan)
        self.checkpoints, self.keep, self.callbacks = checkpoints, keep, checked_callbacks(callbacks)
        self.metrics, self.report = metrics or Metrics(None), report or Silent()
        self.device = self.fabric.device
        self.data = data.to(self.device)
        self.batch_size = checked_batch(plan, len(data.train), self.fabric.world_size)
        check_names(phases)
        self.modules = nn.ModuleDict({"model": model, **{f"objective:{p.name}": p.objective for p in phases}})
        self.modules.to(self.device)
        self.plain = is_plain(self.fabric, plan)
        self.trained = [p for p in self.modules.parameters() if p.requires_grad]
        moved = [phase.parameters() for phase in phases]
        self.moving = [Moving(phase, moved[stream], stream, self) for stream, phase in enumerate(phases)]
        self.main = self.moving[-1]
        every = {id(p): p for parameters in moved for p in parameters}
        self.ema = EMA(list(every.values()), plan.ema) if plan.ema else None
        self.per_epoch = math.ceil(len(self.data.train) / self.batch_size)
        self.epochs = plan.epochs_for(self.per_epoch)
        self.total = self.epochs * self.per_epoch
        alone = len(self.moving) == 1
        self.stepper = Stepper(self.fabric, plan, self.data.train, self.modules, self.total, alone=alone)
        self.position = Position(steps={phase.name: 0 for phase in phases})
        self.means, self.saved_at, self.warned = Means(), time.monotonic(), False
        self.beside = {moving.phase.name: Means() for moving in self.moving[:-1]}
        self.interrupted = False
        self.stopped: str | None = None

    def run(self) -> None:
        """Train to the end of the plan, or until it stops early. A callback's error saves first.

        So does Ctrl-C, which waits for the end of a round; a second one does not wait and leaves the last checkpoint.
        """
        devices = [self.device] if self.device.type == "cuda" else []
        keep_freed_memory()
        with torch.random.fork_rng(devices):
            self.report.start(self.total, self.epochs, self.batch_size)
            try:
                with interruptions(self):
                    self._tell(methodcaller("on_start", self))
                    while not self.position.finished:
                        self._epoch()
                self.save()
            except Broken as broken:
                raise Broken(f"{broken} {self.last_good()}") from None
            finally:
                self.report.stop()
                freeze_all_but(self.modules, self.trained)
                for callback in self.callbacks:
                    callback.on_end(self)

    def stop(self, reason: str) -> None:
        """End the run after the step, or the epoch, that is being made, as one that is finished; for callbacks.

        Where several processes train, at the end of the epoch, once any of them has asked.
        """
        self.stopped = reason

    def _tell(self, event: Callable[[Callback], None]) -> None:
        """Tell every callback; where one of them fails, save the state before its error goes on."""
        try:
            for callback in self.callbacks:
                event(callback)
        except Exception:
            self.save()
            raise

    def _epoch(self) -> None:
        """Rounds until the main phase has seen all the data, or a callback stops it, then the epoch's figures."""
        self.modules.train()
        pieces = self._cut(self.main, self.position.epoch)
        for rows in self.stepper.ahead(pieces[self.position.within :]):
            for moving in self.moving[:-1]:
                self._several(moving)
            loss = self._step(self.main, rows, self.means)
            if self.ema is not None and (self.plan.skip is None or not self.position.in_a_row[self.main.phase.name]):
                self.ema.update(self.position.steps[self.main.phase.name])
            self.position.within += 1
            done = self.position.steps[self.main.phase.name]
            self.report.step(done)
            if self.callbacks:
                self._tell(methodcaller("on_step", self, done, loss))
            self._heed()
            if self.stopped is not None and self.fabric.world_size == 1:
                break
            if time.monotonic() - self.saved_at > self.plan.checkpoint_seconds:
                self.save()
        self._end_epoch()
        self._heed()

    def _heed(self) -> None:
        """Save and stop where a stop was asked for: between rounds, where the state is whole."""
        if self.interrupted:
            self.save()
            raise KeyboardInterrupt

    def _several(self, moving: Moving) -> None:
        """The steps of a phase that is not the main one, in this round."""
        losses: list[float] = []
        while moving.phase.rule.another(losses):
            done = self.position.steps[moving.phase.name]
            rows = self._cut(moving, done // self.per_epoch)[done % self.per_epoch]
            losses.append(float(self._step(moving, rows, self.beside[moving.phase.name])))

    def _step(self, moving: Moving, rows: Tensor, means: Means | None) -> Tensor:
        """One step of a phase on the batch of these examples. Returns this process's mean loss."""
        steps, name = self.position.steps, moving.phase.name
        loss, taken = self.stepper.step(moving, rows, steps[name], steps[self.main.phase.name], means)
        if self.plan.skip is not None:
            self._count(name, taken)
        steps[name] += 1
        return loss

    def _count(self, phase: str, taken: bool) -> None:
        """Note whether a step was taken or skipped; `Broken` where too many in a row were skipped."""
        position = self.position
        position.skipped += not taken
        position.in_a_row[phase] = 0 if taken else position.in_a_row.get(phase, 0) + 1
        if position.in_a_row[phase] >= MOST_SKIPPED:
            raise Broken(
                f"step {position.steps[phase]} of phase {phase!r}: {MOST_SKIPPED} steps in a row were skipped, as the "
                f"loss or the gradient was not finite or the gradient's norm exceeded {self.plan.skip:g}."
            )

    def _cut(self, moving: Moving, epoch: int) -> tuple[Tensor, ...]:
        """The batches of an epoch of this phase's stream."""
        if getattr(moving, "cut_epoch", None) != epoch:
            order = epoch_order(len(self.data.train), epoch, self.plan.seed, moving.stream)
            moving.cut_epoch, moving.cut = epoch, order.to(self.device).split(self.batch_size)  # type: ignore[attr-defined]
        return moving.cut  # type: ignore[attr-defined]

    def last_good(self) -> str:
        """Where the run can be taken up again, in a sentence."""
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
        figures = self._figures()
        validation = self._validate()
        validation.bound = self.fabric.broadcast(validation.bound)
        figures |= validation.row()
        row = {"epoch": position.epoch, "step": position.steps[self.main.phase.name], **figures}
        self.metrics.add(row)
        position.rows = len(self.metrics.rows)
        for moving in self.moving:
            moving.phase.rule.end_epoch(self._information)
        self.report.epoch(position.epoch, figures)
        self._keep_the_best(validation.bound)
        self._warn_of_collapse(validation)
        self._lose_patience()
        position.finished, position.planned = position.epoch >= self.epochs or self.stopped is not None, self.epochs
        if self.data.valid is not None:
            self._tell(methodcaller("on_validation", self, validation))
        self._tell(methodcaller("on_epoch", self, row))
        self._heed_stop()

    def _figures(self) -> dict[str, float]:
        """The epoch's means, and how many of its steps were skipped where the plan lets some be; columns stay."""
        if not self.means.count:
            raise Broken(f"epoch {self.position.epoch}: every step was skipped.")
        figures = {f"train/{name}": value for name, value in self._gathered(self.means).items()}
        self.means = Means()
        figures |= self._beside(figures)
        if "train/skipped" in self.metrics.rows[0] if self.metrics.rows else self.plan.skip is not None:
            figures["train/skipped"] = self.position.skipped
        self.position.skipped = 0
        return figures

    def _beside(self, figures: Mapping[str, float]) -> dict[str, float]:
        """The epoch's means of terms that other phases have and the main one has not: how a critic does, say.

        Raises `Broken` where a phase says that they have gone beyond all use.
        """
        found: dict[str, float] = {}
        for moving in self.moving[:-1]:
            name = moving.phase.name
            means = self._gathered(self.beside[name]) if self.beside[name].count else {}
            self.beside[name] = Means()
            found |= {
                f"train/{term}": v for term, v in means.items() if term != "loss" and f"train/{term}" not in figures
            }
            why = None if moving.phase.check is None or not means else moving.phase.check(means)
            if why is not None:
                raise Broken(f"epoch {self.position.epoch}: {why}")
        return found

    def _keep_the_best(self, bound: float | None) -> None:
        """Have the weights kept where the validation bound is the lowest so far."""
        position = self.position
        if bound is None:
            return
        if not math.isfinite(bound):
            raise Broken(f"epoch {position.epoch}: the validation loss is {bound}.")
        if bound < position.best:
            position.best, position.best_epoch = bound, position.epoch
            if self.keep is not None and self.fabric.is_global_zero:
                self._with_averages(lambda: self.keep and self.keep(self))

    def _lose_patience(self) -> None:
        """Stop where the validation bound has not improved for as long as the plan allows."""
        stale = self.position.epoch - self.position.best_epoch
        short = self.position.epoch < self.epochs and self.position.best_epoch > 0
        if short and self.stopped is None and 0 < self.plan.patience <= stale:
            self.stopped = f"no better validation bound in {stale} epochs"

    def _heed_stop(self) -> None:
        """Finish the run here where a callback, of any process, has asked for it or patience is lost."""
        self.stopped = self._anyones(self.stopped)
        if self.stopped is not None:
            self.position.finished = True
            self.report.note(f"stopped early: {self.stopped}")

    def _anyones(self, reason: str | None) -> str | None:
        """The reason to stop that the first process with one has."""
        if self.fabric.world_size == 1:
            return reason
        reasons = [self.fabric.broadcast(reason, src=rank) for rank in range(self.fabric.world_size)]
        return next((one for one in reasons if one is not None), None)

    def _warn_of_collapse(self, validation: Validation) -> None:
        """Say, once, that a latent carries nothing, after a tenth of the run."""
        if self.warned or self.position.epoch * 10 < self.epochs:
            return
        dead = {name: of for name, (on, of) in validation.active.items() if on == 0}
        if dead:
            self.warned = True
            one = next(iter(dead.items()))
            who = f"latent {one[0]!r} is collapsing: none of its {one[1]} dimensions varies"
            several = f"latents {', '.join(dead)} are collapsing: none of their dimensions varies"
            self.report.note(
                f"epoch {self.position.epoch}: {who if len(dead) == 1 else several} with x. Try a rate that warms up, "
                "free bits, or a weaker decoder."
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

    def save(self) -> None:
        """Write the state, unless the weights are broken."""
        self.saved_at = time.monotonic()
        if self.checkpoints is not None and self.fabric.is_global_zero:
            save_state(self, self.checkpoints)

    def resume(self) -> bool:
        """Take up the last saved state; False where there is none, ValueError where it is of another run."""
        saved = self.checkpoints.latest() if self.checkpoints is not None else None
        if saved is not None:
            try:
                restore(self, *saved)
            except ValueError as error:
                raise ValueError(f"{self.checkpoints.folder} cannot be taken up: {error}") from None  # type: ignore[union-attr]
        if self.metrics.path is not None:
            self.metrics.rewind(self.position.rows)
        return saved is not None
