"""Train a model into a folder: one composed by hand, a recipe by its name, or one that was stopped."""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from vaekit.data import Data
from vaekit.integrations.loggers import Logger, check_loggers, logging_to, start_all
from vaekit.models import Model
from vaekit.objectives import Objective, Term
from vaekit.recipes import System, recipe
from vaekit.runs.building import built
from vaekit.runs.run import Run
from vaekit.runs.sameness import check_same, examples_of
from vaekit.training import (
    Broken,
    Callback,
    Choices,
    Metrics,
    Phase,
    Plan,
    Progress,
    Silent,
    Trainer,
    Unwritable,
    load_weights,
    plan_from,
    save_tensors,
)
from vaekit.training.devices import fabric_for, launch
from vaekit.training.folder import RunFolder, next_folder
from vaekit.training.metrics import read_metrics
from vaekit.training.whole import put_whole

if TYPE_CHECKING:
    from lightning_fabric import Fabric

__all__ = ["fit", "resume", "train"]


@dataclass(frozen=True)
class Watching:
    """Who is told of a run: a report on the terminal, callbacks, and loggers by name."""

    report: Silent | None = None
    callbacks: Sequence[Callback] = ()
    loggers: Sequence[str] = ()


def fit(
    model: Model,
    objective: Objective | Term,
    data: Data,
    *,
    folder: Path | str | None = None,
    phases: Sequence[Phase] = (),
    at: Choices | None = None,
    moves: Sequence[nn.Module] | None = None,
    labelled_share: float | None = None,
    report: Silent | None = None,
    callbacks: Sequence[Callback] = (),
    loggers: Sequence[str] = (),
    resuming: bool = False,
    **plan: Any,
) -> Run:
    """Train a model composed by hand, into a folder (the next free one under runs/, if not said).

    `phases` go before the main one in every round, which moves all of the model, or the modules `moves`; `at` makes, of a
    batch, what happens at latents while it trains; `labelled_share`: which share of a batch is to have labels, where few
    examples have one. `plan` is any field of `Plan` or `Adam`: epochs, batch_size, lr, seed and so on. With `resuming`,
    goes on in `folder` where it stopped.
    The model's first weights are the caller's: make it under a `torch.manual_seed` for a run that can be repeated.
    The model then holds the best weights. `callbacks` are told what happens; `loggers` are "tensorboard", "wandb" and
    "mlflow", besides the table metrics.csv, which every run has.
    """
    length = plan_from(plan)
    system = System(model, 1.0 * objective, length, phases, at, moves=moves, labelled_share=labelled_share)
    record: dict[str, Any] = {"recipe": None, "arguments": {}}
    place = Path(folder) if folder is not None else next_folder(Path("runs"), data.spec.name)
    if resuming:
        check_same(RunFolder(place).read(), data)
    return train_system(system, data, place, record, Watching(report, callbacks, loggers), resuming=resuming)


def train(
    name: str,
    data: Data,
    *,
    folder: Path | str | None = None,
    arguments: Mapping[str, Any] | None = None,
    start: Path | str | None = None,
    report: Silent | None = None,
    callbacks: Sequence[Callback] = (),
    loggers: Sequence[str] = (),
    **plan: Any,
) -> Run:
    """Train a recipe by its name, with its `arguments`, into a folder; `plan` changes the recipe's own.

    `start`: a run, or a file of weights, of the same composition, that training begins with; else they are drawn from the
    seed. `callbacks` and `loggers` as for `fit`. Raises ValueError, before the folder is made, where weights do not fit.
    """
    chosen = recipe(name)
    given = chosen.arguments(arguments or {})
    seed = plan_from(plan).seed
    system = built(lambda: chosen(data.spec, **given), seed, data)
    system.plan = plan_from(plan, system.plan)
    if start is not None:
        load_weights(system.model, weights_of(start))
    record = {"recipe": name, "arguments": given, "start": None if start is None else str(start)}
    place = Path(folder) if folder is not None else next_folder(Path("runs"), f"{data.spec.name}-{name}")
    return train_system(system, data, place, record, Watching(report, callbacks, loggers))


def weights_of(start: Path | str) -> Path:
    """The file of a run's best weights, or a file as it is. Raises ValueError where there are none."""
    folder = Path(start).is_dir()
    if folder:
        RunFolder(start).read()
    found = RunFolder(start).best if folder else Path(start)
    if not found.is_file():
        raise ValueError(f"start must be a run with weights, or a file of them, got {start}")
    return found


def resume(
    path: Path | str,
    *,
    data: Data | None = None,
    report: Silent | None = None,
    callbacks: Sequence[Callback] = (),
    loggers: Sequence[str] = (),
    **plan: Any,
) -> Run:
    """Go on with a recipe's run that was stopped, to the weights it would have had; `plan` may lengthen it."""
    folder = RunFolder(path)
    record = folder.read()
    if record["recipe"] is None:
        raise ValueError(f"{path} was composed by hand: call vaekit.fit(..., folder=..., resuming=True) with its parts")
    length, chosen = plan_from(plan, Plan.from_dict(record["plan"])), recipe(record["recipe"])
    done = len(read_metrics(folder.metrics)) if folder.metrics.is_file() else 0
    if length.epochs is not None and length.epochs < done:
        raise ValueError(f"epochs must be at least the {done} that are trained already, got {length.epochs}")
    arguments = chosen.arguments(record["arguments"])
    data = data or Data.reopen(record["data"])
    check_same(record, data)
    spec = data.spec
    system = built(lambda: chosen(spec, **arguments), length.seed, data, folder.checkpoints.model_header())
    system.plan = length
    watching = Watching(report, callbacks, loggers)
    return train_system(system, data, folder.path, record, watching, resuming=True)


def train_system(
    system: System,
    data: Data,
    place: Path,
    record: Mapping[str, Any],
    watching: Watching,
    *,
    resuming: bool = False,
) -> Run:
    """The one way every run takes: folder, loop, weights, pictures."""
    check_loggers(watching.loggers)
    if system.on_labels and data.spec.context is None:
        data = data.conditioned_on_labels()
    system.plan = replace(system.plan, batch_size=system.plan.batch_for(len(data.train)))
    fabric, folder = fabric_for(system.plan), RunFolder(place)
    if not resuming:
        folder.must_be_free()
    with folder.held():
        launch(fabric)
        if not resuming:
            folder.must_be_free()
        told = watching.loggers if fabric.is_global_zero else ()
        whole = {**record, **described(system, data)}
        with logging_to(told, place, whole) as loggers:
            trainer = trainer_of(system, with_labels_often(system, data), fabric, folder, watching, loggers)
            begin(trainer, folder, whole, loggers, resuming)
            trainer.report.note(f"{data}\n{whole['objective']}, {whole['parameters']:,} parameters -> {place}")
            to_the_end(trainer, folder, data)
        fabric.barrier()
        load_weights(system.model.cpu(), folder.best)
    system.model.eval()
    return Run(folder, system.model, data, system.on_labels)


def with_labels_often(system: System, data: Data) -> Data:
    """The data with its few labelled training examples repeated, where the system wishes for more of them."""
    share = system.labelled_share
    return data if share is None else replace(data, train=data.train.with_labelled_share(share))


def trainer_of(
    system: System, data: Data, fabric: "Fabric", folder: RunFolder, watching: Watching, loggers: Sequence[Logger]
) -> Trainer:
    """The loop over all of the system's phases, the main one last, with the folder's files in its hands."""
    report = watching.report or Progress()
    phases = [*system.phases, Phase("train", 1.0 * system.objective, system.moves or [system.model])]
    for phase in phases:
        for _, term in phase.objective.weighted():
            term.begin(len(data.train), system.plan.batch_size or 1)
    return Trainer(
        system.model,
        phases,
        data,
        system.plan,
        at=system.at,
        fabric=fabric,
        checkpoints=folder.checkpoints,
        metrics=Metrics(folder.metrics if fabric.is_global_zero else None),
        report=report if fabric.is_global_zero else Silent(),
        keep=lambda t: save_tensors(folder.best, t.model.state_dict()),
        callbacks=[*watching.callbacks, *loggers],
    )


def begin(
    trainer: Trainer, folder: RunFolder, record: Mapping[str, Any], loggers: Sequence[Logger], resuming: bool
) -> None:
    """Write down what the run is and its first state, from the first process, once all of it is known to be possible.

    What is written goes away again where there is no room for all of it, or a logger cannot begin.
    """
    went_on = resuming and trainer.resume()
    if trainer.fabric.is_global_zero and not resuming:
        folder.create(record)
    trainer.fabric.barrier()
    try:
        if not went_on:
            trainer.save()
        start_all(loggers, trainer, folder.path, fresh=not resuming)
    except BaseException:
        if not resuming:
            folder.discard()
        raise
    if trainer.fabric.is_global_zero and resuming:
        folder.update(plan=record["plan"], status="resumed", reason=None)


def to_the_end(trainer: Trainer, folder: RunFolder, data: Data) -> None:
    """Train and finish; an interruption is said to be one, and a run that ends early says why and how to go on."""
    began, before = time.monotonic(), folder.read().get("seconds") or 0.0
    try:
        trainer.run()
        if trainer.fabric.is_global_zero:
            folder.update(seconds=round(before + time.monotonic() - began, 1))
            finish(trainer, folder, data)
    except KeyboardInterrupt:
        ended(folder, "interrupted", None)
        trainer.report.note(f"\ninterrupted. {trainer.last_good()} Go on with   vaekit resume {folder.path}")
        raise
    except Broken as broken:
        ended(folder, "broken", str(broken))
        raise
    except Unwritable as full:
        ended(folder, "interrupted", str(full))
        raise Unwritable(f"{full}. {trainer.last_good()} Go on with   vaekit resume {folder.path}") from None
    except Exception as error:
        ended(folder, "interrupted", f"{type(error).__name__}: {error}")
        raise


def ended(folder: RunFolder, status: str, reason: str | None) -> None:
    """Write down how the run ended, where that can still be written."""
    with suppress(ValueError):
        folder.update(status=status, reason=reason)


def finish(trainer: Trainer, folder: RunFolder, data: Data) -> None:
    """Last weights, best ones where no validation chose them, pictures and a word on the latents."""
    final, position = trainer.averaged_weights(), trainer.position
    save_tensors(folder.last, final)
    if data.valid is None or not folder.best.is_file():
        save_tensors(folder.best, final)
    folder.update(status="finished", steps=position.steps, best_epoch=position.best_epoch, reason=trainer.stopped)
    load_weights(trainer.model.cpu().float(), folder.best)
    from vaekit.report import draw_pictures

    try:
        pictures = put_whole(
            lambda beside: draw_pictures(
                trainer.model, data, trainer.metrics.rows, beside, trainer.plan.seed, marked=position.best_epoch > 0
            ),
            folder.path,
        )
    except Unwritable:
        raise
    except ValueError as error:
        trainer.report.note(f"no pictures: {error}")
        return
    trainer.report.note("pictures: " + "  ".join(str(path) for path in pictures))


def described(system: System, data: Data) -> dict[str, Any]:
    """What run.json says of a system and its data."""
    return {
        "data": data.source,
        "spec": data.spec.to_dict(),
        "examples": examples_of(data),
        "plan": system.plan.to_dict(),
        "objective": repr(1.0 * system.objective),
        "parameters": parameters(system.model),
    }


def parameters(model: nn.Module) -> int:
    """How many numbers are trained."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
