"""Train a model into a folder: one composed by hand, a recipe by its name, or one that was stopped."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lightning_fabric import Fabric
from torch import nn

from vaekit.data import Data
from vaekit.models import Model
from vaekit.objectives import Objective, Term
from vaekit.recipes import System, recipe
from vaekit.runs.loading import built
from vaekit.runs.run import Run
from vaekit.training import (
    Broken,
    Choices,
    Metrics,
    Phase,
    Plan,
    Progress,
    Silent,
    Trainer,
    load_weights,
    plan_from,
    save_tensors,
)
from vaekit.training.devices import fabric_for
from vaekit.training.folder import RunFolder, next_folder

__all__ = ["fit", "resume", "train"]


def fit(
    model: Model,
    objective: Objective | Term,
    data: Data,
    *,
    folder: Path | str | None = None,
    phases: Sequence[Phase] = (),
    at: Choices | None = None,
    report: Silent | None = None,
    resuming: bool = False,
    **plan: Any,
) -> Run:
    """Train a model composed by hand, into a folder (the next free one under runs/, if not said).

    `phases` go before the main one in every round; `at` makes, of a batch, what happens at latents; `plan` is any field
    of `Plan` or `Adam`: epochs, batch_size, lr, seed and so on. With `resuming`, goes on in `folder` where it stopped.
    The model's first weights are the caller's: make it under a `torch.manual_seed` for a run that can be repeated.
    The model then holds the best weights.
    """
    length = plan_from(plan)
    system = System(model, 1.0 * objective, length, phases, at)
    record: dict[str, Any] = {"recipe": None, "arguments": {}}
    place = Path(folder) if folder is not None else next_folder(Path("runs"), data.spec.name)
    return train_system(system, data, place, record, report, resuming=resuming)


def train(
    name: str,
    data: Data,
    *,
    folder: Path | str | None = None,
    arguments: Mapping[str, Any] | None = None,
    report: Silent | None = None,
    **plan: Any,
) -> Run:
    """Train a recipe by its name, with its `arguments`, into a folder; `plan` changes the recipe's own."""
    chosen = recipe(name)
    given = chosen.arguments(arguments or {})
    seed = plan_from(plan).seed
    system = built(lambda: chosen(data.spec, **given), seed, data)
    system.plan = plan_from(plan, system.plan)
    record = {"recipe": name, "arguments": given}
    place = Path(folder) if folder is not None else next_folder(Path("runs"), f"{data.spec.name}-{name}")
    return train_system(system, data, place, record, report)


def resume(path: Path | str, *, data: Data | None = None, report: Silent | None = None, **plan: Any) -> Run:
    """Go on with a recipe's run that was stopped, to the weights it would have had; `plan` may lengthen it."""
    folder = RunFolder(path)
    record = folder.read()
    if record["recipe"] is None:
        raise ValueError(f"{path} was composed by hand: call vaekit.fit(..., folder=..., resuming=True) with its parts")
    data = data or Data.reopen(record["data"])
    length = plan_from(plan, Plan.from_dict(record["plan"]))
    system = built(lambda: recipe(record["recipe"])(data.spec, **record["arguments"]), length.seed, data)
    system.plan = length
    return train_system(system, data, folder.path, record, report, resuming=True)


def train_system(
    system: System,
    data: Data,
    place: Path,
    record: Mapping[str, Any],
    report: Silent | None,
    *,
    resuming: bool = False,
) -> Run:
    """The one way every run takes: folder, loop, weights, pictures."""
    if system.on_labels and data.spec.context is None:
        data = data.conditioned_on_labels()
    report = report or Progress()
    objective = 1.0 * system.objective
    phases = [*system.phases, Phase("train", objective, [system.model], system.plan.optimiser)]
    fabric = fabric_for(system.plan)
    fabric.launch()
    folder = RunFolder(place)
    if not resuming:
        folder.must_be_free()
    trainer = Trainer(
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
    )
    begin(fabric, folder, {**record, **described(system, data)}, resuming)
    report.note(f"{data}\n{objective!r}, {parameters(system.model):,} parameters -> {place}")
    if not (resuming and trainer.resume()):
        trainer.save()
    run_to_the_end(trainer, folder, report)
    if fabric.is_global_zero:
        finish(trainer, folder, data, report)
    fabric.barrier()
    load_weights(system.model.cpu(), folder.best)
    system.model.eval()
    return Run(folder, system.model, data, system.on_labels, system.at)


def begin(fabric: Fabric, folder: RunFolder, record: Mapping[str, Any], resuming: bool) -> None:
    """Write down what the run is, from the first process, once all of it is known to be possible."""
    if fabric.is_global_zero:
        if resuming:
            folder.update(plan=record["plan"], status="resumed")
        else:
            folder.create(record)
    fabric.barrier()


def run_to_the_end(trainer: Trainer, folder: RunFolder, report: Silent) -> None:
    """Train; an interruption is said to be one, and a broken run says where it broke."""
    try:
        trainer.run()
    except KeyboardInterrupt:
        folder.update(status="interrupted")
        report.note(f"\ninterrupted and saved: go on with   vaekit resume {folder.path}")
        raise
    except Broken as broken:
        folder.update(status="broken", reason=str(broken))
        raise


def finish(trainer: Trainer, folder: RunFolder, data: Data, report: Silent) -> None:
    """Last weights, best ones where no validation chose them, pictures and a word on the latents."""
    final = trainer.averaged_weights()
    save_tensors(folder.last, final)
    if data.valid is None or not folder.best.is_file():
        save_tensors(folder.best, final)
    folder.update(status="finished", steps=trainer.position.steps, best_epoch=trainer.position.best_epoch)
    from vaekit.report import draw_pictures

    load_weights(trainer.model.cpu().float(), folder.best)
    try:
        pictures = draw_pictures(trainer.model, data, trainer.metrics.rows, folder.path, seed=trainer.plan.seed)
    except ValueError as error:
        report.note(f"no pictures: {error}")
        return
    report.note("pictures: " + "  ".join(str(path) for path in pictures))


def described(system: System, data: Data) -> dict[str, Any]:
    """What run.json says of a system and its data."""
    return {
        "data": data.source,
        "spec": data.spec.to_dict(),
        "plan": system.plan.to_dict(),
        "objective": repr(1.0 * system.objective),
        "parameters": parameters(system.model),
    }


def parameters(model: nn.Module) -> int:
    """How many numbers are trained."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
