"""Train a recipe at every point of a grid, with several seeds, side by side; and go on where a sweep was stopped."""

import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import vaekit.data
from vaekit.data import Data
from vaekit.recipes import recipe as recipe_named
from vaekit.runs.building import built
from vaekit.sweeps.board import Board, Quiet
from vaekit.sweeps.grid import Cell, cells_of, checked_plan, checked_seeds
from vaekit.sweeps.on_ray import OnRay, must_have_ray
from vaekit.sweeps.processes import Pool, Processes, threads_for, workers_for
from vaekit.sweeps.record import ENDED, SweepFolder, place_of
from vaekit.sweeps.result import Sweep
from vaekit.sweeps.rows import metric_name
from vaekit.training import plan_from
from vaekit.training.folder import next_folder
from vaekit.training.lock import held
from vaekit.training.plan import at_least

__all__ = ["sweep"]

PLACES = ("processes", "ray")
PATHS = ("source", "folder", "labels", "context")


def sweep(
    data: Data | Mapping[str, Any] | str | Path,
    recipe: str = "vae",
    *,
    grid: Mapping[str, Sequence[Any]] | None = None,
    seeds: int | Sequence[int] = 1,
    folder: Path | str | None = None,
    arguments: Mapping[str, Any] | None = None,
    samples: int = 100,
    limit: int | None = None,
    metric: str | None = None,
    workers: int | None = None,
    on: str = "processes",
    report: Quiet | None = None,
    **plan: Any,
) -> Sweep:
    """Train and evaluate every combination of the grid's values with every seed; a table with intervals over seeds.

    data: a name or file, the options of `vaekit.data.open`, or `Data` that a file or name gave: every worker opens it.
    recipe, arguments, plan: as for `vaekit.train`. grid: values by name, of options of the recipe, the plan, its
    optimiser or the data, or of `recipe` itself. seeds: how many, from 0, or which; the data's split is the same for all.
    samples: draws for the log-likelihood, 0 for the bound alone. limit: evaluate at most so many examples of a split.
    metric: what ranks cells on the validation split; the log-likelihood (or ELBO, or distortion) if not said.
    folder: the next free one under runs/ if not said. One that holds the same sweep is gone on with: finished runs stay,
    stopped ones resume, and values or seeds may be added.
    workers: processes; one for each GPU, else each CPU, if not said. Runs share torch's threads between them, and their
    figures are those of `vaekit.train` with as many threads. on: "processes" of this machine, or "ray".

    Raises ValueError, before anything is trained, for what no run could be trained with. A run that breaks or fails is
    in the table and stops no other. Ctrl-C lets runs save, then raises KeyboardInterrupt.
    """
    check_choices(samples, limit, on, workers)
    length, chosen = plan_options(plan), checked_seeds(seeds)
    cells = cells_of(recipe, grid or {}, arguments or {}, length)
    options, name = checked_data(options_of(data), cells)
    settings = {
        "data": options,
        "recipe": recipe,
        "grid": {name: distinct([cell.settings[name] for cell in cells]) for name in grid or {}},
        "arguments": dict(arguments or {}),
        "plan": length,
        "seeds": chosen,
        "samples": samples,
        "limit": limit,
        "metric": None if metric is None else metric_name(metric),
    }
    place = SweepFolder(Path(folder) if folder is not None else next_folder(Path("runs"), f"{name}-sweep"))
    place.earlier(settings)
    with held(place.path):
        record = place.begin(settings, cells, chosen)
        jobs = jobs_of(place, record, cells, chosen)
        pool = pool_for(jobs, on, workers, length.get("accelerator", "auto"))
        carry_out_all(pool, place, record, report or Board())
    return Sweep(place.path)


def check_choices(samples: int, limit: int | None, on: str, workers: int | None) -> None:
    """Raise ValueError for a wrong number of draws, examples or workers, or a place that is not there."""
    at_least("samples", samples, 0)
    for name, value in (("limit", limit), ("workers", workers)):
        if value is not None:
            at_least(name, value, 1)
    if on not in PLACES:
        raise ValueError(f"on must be one of {', '.join(PLACES)}, got {on!r}")
    if on == "ray":
        must_have_ray()


def plan_options(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Options of the plan, checked, with those of a whole optimiser under their own names."""
    flat = dict(plan)
    if "optimiser" in flat:
        flat = {**vars(flat.pop("optimiser")), **flat}
    return checked_plan(flat)


def options_of(data: Any) -> dict[str, Any]:
    """The options of `vaekit.data.open` that a worker opens the data with; ValueError for what is only in memory."""
    options = data.source if isinstance(data, Data) else data
    options = {"source": str(options)} if isinstance(options, str | Path) else options
    if not isinstance(options, Mapping) or not isinstance(options.get("source"), str | Path):
        raise ValueError(
            "a sweep opens its data in every worker: give a set's name, a file, or the options of vaekit.data.open "
            f"with such a source, got {type(data).__name__}"
        )
    given = {n: str(v) if isinstance(v, Path) else v for n, v in options.items() if v is not None}
    memory = [name for name, value in given.items() if not isinstance(value, str | int | float | list | tuple)]
    if memory:
        raise ValueError(f"a sweep opens its data in every worker: save {memory[0]} to a file and name that")
    return given


def checked_data(options: dict[str, Any], cells: Sequence[Cell]) -> tuple[dict[str, Any], str]:
    """The options with whole paths, and the data's name, once every cell's model is known to fit its data."""
    variants = distinct([cell.data for cell in cells])
    for variant in variants:
        opened = vaekit.data.open(**{**options, **variant})
        if opened.valid is None:
            raise ValueError("a sweep chooses on the validation split: valid must be above 0")
        for cell in cells:
            if cell.data == variant:
                must_fit(cell, opened)
    whole = {name: opened.source[name] for name in PATHS if name in options and opened.source.get(name) is not None}
    return {**options, **whole}, opened.spec.name


def must_fit(cell: Cell, data: Data) -> None:
    """Raise ValueError where the cell's model cannot be made for the data, or a batch would hold more than all of it."""
    system = built(lambda: recipe_named(cell.recipe)(data.spec, **cell.arguments), 0)
    if system.on_labels and data.spec.context is None:
        data.conditioned_on_labels()
    size = plan_from(cell.plan, system.plan).batch_for(len(data.train))
    if size > len(data.train):
        raise ValueError(f"batch_size must be at most the {len(data.train)} training examples, got {size}")


def jobs_of(
    place: SweepFolder, record: Mapping[str, Any], cells: Sequence[Cell], seeds: Sequence[int]
) -> list[dict[str, Any]]:
    """What is still to be done, the first seed of every cell first."""
    ended = {run["folder"] for run in record["runs"] if run["status"] in ENDED}
    asked = [(cell, seed, place_of(cell, seed)) for seed in seeds for cell in cells]
    shared = {"samples": record["samples"], "limit": record["limit"]}
    return [
        {
            "key": key,
            "folder": str(place.path.resolve() / key),
            "data": {**record["data"], **cell.data},
            "recipe": cell.recipe,
            "arguments": cell.arguments,
            "plan": cell.plan,
            "seed": seed,
            **shared,
        }
        for cell, seed, key in asked
        if key not in ended
    ]


def pool_for(jobs: Sequence[dict[str, Any]], on: str, workers: int | None, accelerator: str) -> Pool:
    """The workers, and torch's threads divided among them."""
    count = workers_for(len(jobs), accelerator, workers)
    threads = threads_for(count)
    shared = [{**job, "threads": threads} for job in jobs]
    return OnRay(shared, count, threads) if on == "ray" else Processes(shared, count, threads)


def carry_out_all(pool: Pool, place: SweepFolder, record: dict[str, Any], report: Quiet) -> None:
    """Write down and show what happens; KeyboardInterrupt once all is saved, where there was a Ctrl-C."""
    entries = {run["folder"]: run for run in record["runs"]}
    place.write(record)
    report.start(len(entries), ended_in(record))
    try:
        with stopping(pool) as stopped:
            for job, event in pool.events():
                if noted(entries[job["key"]], event):
                    place.write(record)
                report.show(job["key"], event)
    finally:
        pool.kill()
        report.stop()
    if stopped:
        done = f"stopped with {ended_in(record)} of {len(entries)} runs done"
        report.note(f"{done}: the same sweep into the folder {place.path} goes on")
        raise KeyboardInterrupt


def noted(entry: dict[str, Any], event: Mapping[str, Any]) -> bool:
    """Put a beginning or an end into a run's entry; whether it was one of the two."""
    if not event:
        entry["status"] = "running"
    if "status" in event:
        entry.pop("reason", None)
        entry.update(event)
    return not event or "status" in event


def ended_in(record: Mapping[str, Any]) -> int:
    """How many runs need no more work."""
    return sum(run["status"] in ENDED for run in record["runs"])


@contextmanager
def stopping(pool: Pool) -> Iterator[list[bool]]:
    """Let the first Ctrl-C ask the runs to save and end, and the second end them. Elsewhere than in the main thread,
    nothing. Gives a list that is empty as long as there was none."""
    heard: list[bool] = []

    def hear(*_: Any) -> None:
        heard.append(True)
        (pool.kill if len(heard) > 1 else pool.interrupt)()

    if threading.current_thread() is not threading.main_thread():
        yield heard
        return
    before = signal.signal(signal.SIGINT, hear)
    try:
        yield heard
    finally:
        signal.signal(signal.SIGINT, before)


def distinct(values: Sequence[Any]) -> list[Any]:
    """Each once, in order."""
    return [value for i, value in enumerate(values) if value not in values[:i]]
