"""The cells of a sweep: every combination of the grid's values, told apart into what each value belongs to."""

import inspect
import itertools
import math
import re
import typing
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import vaekit.data
from vaekit.recipes import Recipe, recipe
from vaekit.recipes.recipe import cast, nearest
from vaekit.training import Adam, plan_from
from vaekit.training.plan import Plan

__all__ = ["Cell", "belongs_to", "cells_of", "checked_plan", "checked_seeds", "plan_kinds"]

LONGEST = 150  # file systems stop at 255 bytes
NOT_SWEPT = ("source", "labels", "context", "seed", "on_labels")


@dataclass(frozen=True)
class Cell:
    """One combination of the grid's values: the recipe, and the options of recipe, plan and data that go with it."""

    settings: dict[str, Any]
    recipe: str
    arguments: dict[str, Any]
    plan: dict[str, Any]
    data: dict[str, Any]

    @property
    def name(self) -> str:
        """The settings as a folder's name, such as `latent=8,hidden=512x256`; empty without a grid."""
        whole = ",".join(f"{name}={in_a_name(value)}" for name, value in self.settings.items())
        return whole if len(whole) <= LONGEST else f"{whole[:LONGEST]}-{zlib.crc32(whole.encode()):08x}"


def cells_of(
    first: str, grid: Mapping[str, Sequence[Any]], arguments: Mapping[str, Any], plan: Mapping[str, Any]
) -> list[Cell]:
    """Every cell, checked: ValueError for an unknown name, a value out of bounds, or a value listed twice."""
    names = listed("recipe", grid["recipe"]) if "recipe" in grid else [first]
    chosen = [recipe(name) for name in names]
    values = {
        name: names if name == "recipe" else [checked(name, value, chosen) for value in listed(name, given)]
        for name, given in grid.items()
    }
    for name, given in values.items():
        must_differ(name, given)
    both = [name for name in grid if name in arguments or name in plan]
    if both:
        raise ValueError(f"{both[0]} is in the grid and fixed as well: give it once")
    cells = [cell(first, settings, arguments, plan) for settings in combinations(values)]
    must_differ("the grid", [one.name for one in cells])
    return cells


def combinations(values: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    """Every choice of one value by name, the last name's changing fastest."""
    for chosen in itertools.product(*values.values()):
        yield dict(zip(values, chosen, strict=True))


def cell(first: str, settings: dict[str, Any], arguments: Mapping[str, Any], plan: Mapping[str, Any]) -> Cell:
    """The cell of these settings, its recipe's arguments and its plan checked as a run would check them."""
    chosen = recipe(settings.get("recipe", first))
    kinds = {name: belongs_to(name, [chosen]) for name in settings if name != "recipe"}
    parts = {kind: {n: settings[n] for n, k in kinds.items() if k == kind} for kind in ("recipe", "plan", "data")}
    own = {**arguments, **parts["recipe"]}
    complete = chosen.arguments(own)
    length = {**checked_plan(plan), **parts["plan"]}
    plan_from(length)
    return Cell(settings, chosen.name, {name: complete[name] for name in own}, length, parts["data"])


def listed(name: str, given: Any) -> list[Any]:
    """The values of one name in the grid; ValueError where they are no list or there are none."""
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise ValueError(f"the grid must give a list of values for {name}, got {given!r}")
    if not given:
        raise ValueError(f"the grid must give at least one value for {name}, got none")
    return list(given)


def must_differ(name: str, values: Sequence[Any]) -> None:
    """Raise ValueError where a value is there twice."""
    twice = [value for i, value in enumerate(values) if value in values[:i]]
    if twice:
        raise ValueError(f"{name} must list different values, got {twice[0]!r} twice")


def checked(name: str, value: Any, chosen: Sequence[Recipe]) -> Any:
    """A value of the grid as the type of what it sets; bounds of the plan are checked with the whole plan."""
    kind = belongs_to(name, chosen)
    if kind == "recipe":
        return chosen[0].options[name].check(value)
    return cast(name, plan_kinds()[name], value) if kind == "plan" else value


def belongs_to(name: str, chosen: Sequence[Recipe]) -> str:
    """Whether a name is an option of the recipe(s), the plan or the data; ValueError with the nearest names if none."""
    refuse_reserved(name)
    lacking = [r.name for r in chosen if name not in r.options]
    if not lacking:
        return "recipe"
    if len(lacking) < len(chosen):
        raise ValueError(f"recipe {lacking[0]!r} has no option {name!r}, which the grid varies")
    if name in plan_kinds():
        return "plan"
    if name in data_options():
        return "data"
    known = dict.fromkeys(["recipe", *chosen[0].options, *plan_kinds(), *data_options()])
    raise ValueError(
        f"neither recipe {chosen[0].name!r} nor plan nor data has an option {name!r}{nearest(name, known)}"
    )


def refuse_reserved(name: str) -> None:
    """Raise ValueError for what a sweep decides itself."""
    if name == "seed":
        raise ValueError("seed is not set in a sweep: say seeds=, how many or which")
    if name == "devices":
        raise ValueError("devices is not set in a sweep, which gives each run one device: say workers=")
    if name == "optimiser":
        raise ValueError("optimiser is not set as a whole in a sweep: set its options, such as lr and weight_decay")


def plan_kinds() -> dict[str, Any]:
    """The types of the options of a plan and its optimiser."""
    hints = typing.get_type_hints(Plan) | typing.get_type_hints(Adam)
    return {f.name: hints[f.name] for kind in (Plan, Adam) for f in fields(kind)}


def data_options() -> list[str]:
    """The options of `vaekit.data.open` that a grid may vary."""
    return [name for name in inspect.signature(vaekit.data.open).parameters if name not in NOT_SWEPT]


def checked_plan(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Options of the plan as their types; ValueError for an unknown name, a wrong type or what a sweep decides."""
    for name in plan:
        refuse_reserved(name)
        if name not in plan_kinds():
            raise ValueError(f"a plan has no option {name!r}{nearest(name, plan_kinds())}")
    return {name: cast(name, plan_kinds()[name], value) for name, value in plan.items()}


def checked_seeds(seeds: int | Sequence[int]) -> list[int]:
    """0, 1, ... for a number of seeds; ValueError unless they are different whole numbers of at least 0."""
    whole = isinstance(seeds, int) and not isinstance(seeds, bool)
    given = list(range(seeds)) if whole else list(seeds)  # type: ignore[arg-type]
    if not given or any(isinstance(s, bool) or not isinstance(s, int) or s < 0 for s in given):
        raise ValueError(f"seeds must be a number of at least 1 or a list of whole numbers from 0, got {seeds!r}")
    must_differ("seeds", given)
    return given


def in_a_name(value: Any) -> str:
    """A value as part of a folder's name: letters, digits and a few signs that no shell or file system minds."""
    if isinstance(value, list | tuple):
        return "x".join(map(in_a_name, value)) or "none"
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    return re.sub(r"[^A-Za-z0-9.+-]", "-", str(value))
