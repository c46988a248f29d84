"""The command that repeats a run, and those that would do something else: exact, quoted for a shell."""

import inspect
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

import vaekit.data
from vaekit.recipes.recipe import recipe
from vaekit.training import Plan
from vaekit.training.optimiser import Adam

__all__ = ["repeats", "trains"]

TOLD = ("seed", "on_labels", "source")  # of the data: said elsewhere in the command, or by the recipe
RENAMED = {"folder": "data_dir", "channels": "image_channels"}  # as vaekit.cli.options calls them


def repeats(record: Mapping[str, Any]) -> str:
    """`vaekit train ...` that gives the run again; Python where its data or its model lived in memory."""
    return trains(record)


def trains(record: Mapping[str, Any], name: str | None = None, **changed: Any) -> str:
    """The command of the run with another recipe or other arguments; a recipe's own defaults are left unsaid."""
    if record["recipe"] is None:
        return in_python("vaekit.fit(model, objective, data", dict(planned(record["plan"])))
    chosen = recipe(name or record["recipe"])
    kept = {k: tuple(v) if isinstance(v, list) else v for k, v in record["arguments"].items() if k in chosen.options}
    given = kept | changed
    said = {k: v for k, v in given.items() if v != chosen.options[k].default}
    begun = {} if name or changed or not record.get("start") else {"start": record["start"]}
    planning = {**dict(planned(record["plan"])), **begun}
    if any(isinstance(value, Mapping) for value in record["data"].values()):
        arguments = f", arguments={said!r}" if said else ""
        return in_python(f"vaekit.train({chosen.name!r}, data{arguments}", planning)
    options = {**dict(opened(record["data"])), **said, **planning}
    words = ["vaekit", "train", str(record["data"]["source"]), "--recipe", chosen.name]
    for key, value in options.items():
        words += flags(key, value)
    return shlex.join(words)


def in_python(call: str, options: Mapping[str, Any]) -> str:
    """A call with its keywords."""
    return call + "".join(f", {key}={value!r}" for key, value in options.items()) + ")"


def opened(source: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What the data were opened with, where it is not the default."""
    defaults = {name: p.default for name, p in inspect.signature(vaekit.data.open).parameters.items()}
    for name, value in source.items():
        if name not in TOLD and value is not None and value != defaults.get(name):
            yield RENAMED.get(name, name), value


def planned(plan: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The fields of the plan and of its optimiser that are not the defaults; epochs say what steps would."""
    inner = plan.get("optimiser", {})
    for given, default in ((plan, Plan()), (inner, Adam())):
        for field in fields(default):
            usual = getattr(default, field.name)
            value = given.get(field.name, usual)
            value = tuple(value) if isinstance(value, list) else value
            unsaid = field.name == "optimiser" or (field.name == "steps" and plan.get("epochs") is not None)
            if value != usual and not unsaid:
                yield field.name, value


def flags(key: str, value: Any) -> list[str]:
    """An option as a command line has it."""
    name = "--" + key.replace("_", "-")
    if isinstance(value, bool):
        return [name if value else f"--no-{name[2:]}"]
    if isinstance(value, list | tuple):
        return [name, *map(str, value)]
    return [name, str(value)]
