"""`vaekit sweep`: values by --set, told apart by their names and read as the types of what they set."""

import inspect
import json
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from cyclopts import Parameter
from cyclopts.group import Group
from rich.console import Console
from rich.text import Text

import vaekit.data
from vaekit.cli.options import DATA, NAMES, OPEN, SOURCE, Json, option
from vaekit.recipes import recipe as recipe_named
from vaekit.sweeps import sweep
from vaekit.sweeps.grid import belongs_to, plan_kinds

__all__ = ["sweep_command"]

SWEEP = Group("Sweep", sort_key=2)
NONE = type(None)
TRUTHS = {"true": True, "yes": True, "false": False, "no": False}

OPTIONS = [
    option(str, "recipe", "vae", SWEEP, "which model; several by --set recipe=vae,beta-vae"),
    inspect.Parameter(
        "settings",
        inspect.Parameter.KEYWORD_ONLY,
        default=(),
        annotation=Annotated[
            tuple[str, ...],
            Parameter(
                name="--set",
                group=SWEEP,
                negative_iterable=(),
                help="NAME=V1,V2,...: values of an option of the recipe, of training or of the data; may be repeated, and "
                "every combination is trained. One value sets it for all. Widths: hidden=512x256,256",
            ),
        ],
    ),
    option(str, "seeds", "3", SWEEP, "how many seeds, from 0; or which: 4,5,6"),
    option(Path | None, "out", None, SWEEP, "the sweep's folder; one that was stopped goes on [default: under runs/]"),
    option(int | None, "workers", None, SWEEP, "processes [default: one for each GPU, else each CPU]"),
    option(str, "on", "processes", SWEEP, "processes of this machine, or ray"),
    option(int, "samples", 100, SWEEP, "draws for the log-likelihood; 0 for the bound alone"),
    option(int | None, "evaluated", None, SWEEP, "evaluate at most so many examples of a split"),
    option(str | None, "metric", None, SWEEP, "log-likelihood, ELBO, distortion or bits/dim: what ranks the cells"),
]


def sweep_command() -> typing.Callable[..., None]:
    """The command, with the options of the data."""

    def command(data: str, /, *, as_json: bool = False, **given: Any) -> None:
        options = {**{p.name: p.default for p in OPTIONS}, **given}
        grid, arguments, plan, changed = told_apart(options["settings"], options["recipe"])
        found = sweep(
            {"source": data, **data_options(options), **changed},
            arguments.pop("recipe", options["recipe"]),
            grid=grid,
            seeds=seeds_in(options["seeds"]),
            folder=options["out"],
            arguments=arguments,
            samples=options["samples"],
            limit=options["evaluated"],
            metric=options["metric"],
            workers=options["workers"],
            on=options["on"],
            **plan,
        )
        if as_json:
            print(json.dumps(found.to_dict()))
            return
        console = Console(stderr=True)
        console.print(found.table() if console.is_terminal else Text(str(found)), soft_wrap=True)
        print(found.path)

    command.__doc__ = (
        "Train every combination of values with several seeds, side by side, into a table with intervals.\n\n"
        "Example: vaekit sweep digits --set latent=2,8,32 --set epochs=50 --seeds 3"
    )
    data = inspect.Parameter(
        "data", inspect.Parameter.POSITIONAL_ONLY, annotation=Annotated[str, Parameter(help=SOURCE, group=DATA)]
    )
    shown = inspect.Parameter("as_json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Json)
    parameters = [data, *OPTIONS, *OPEN, shown]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


def data_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of `vaekit.data.open` that were given."""
    given = {NAMES[name]: value for name, value in options.items() if name in NAMES}
    if len(given.get("size") or ()) == 1:
        given["size"] = given["size"][0]
    return given


def told_apart(
    settings: Sequence[str], first: str
) -> tuple[dict[str, list[Any]], dict[str, Any], dict[str, Any], dict[str, Any]]:
    """What --set says: names with several values, and those with one, of the recipe, the plan and the data."""
    texts = dict(map(named_values, settings))
    if len(texts) < len(settings):
        names = [text.partition("=")[0] for text in settings]
        raise ValueError(f"--set names {next(n for n in names if names.count(n) > 1)} twice: list its values together")
    chosen = [recipe_named(name) for name in texts.get("recipe", [first])]
    grid: dict[str, list[Any]] = {}
    parts: dict[str, dict[str, Any]] = {"recipe": {}, "plan": {}, "data": {}}
    for name, values in texts.items():
        part = "recipe" if name == "recipe" else belongs_to(name, chosen)
        kind = str if name == "recipe" else kind_of(name, part, chosen[0].options)
        read = [from_text(name, kind, value) for value in values]
        if len(read) == 1:
            parts[part][name] = read[0]
        else:
            grid[name] = read
    return grid, parts["recipe"], parts["plan"], parts["data"]


def named_values(text: str) -> tuple[str, list[str]]:
    """NAME=V1,V2 as a name and values; option names may be written with hyphens."""
    name, equals, values = text.partition("=")
    if not equals or not name or not all(values.split(",")):
        raise ValueError(f"--set must be NAME=VALUE or NAME=V1,V2,..., got {text!r}")
    return name.strip().replace("-", "_"), values.split(",")


def kind_of(name: str, part: str, options: Mapping[str, Any]) -> Any:
    """The type of the option that a name sets."""
    if part == "recipe":
        return options[name].type
    return plan_kinds()[name] if part == "plan" else typing.get_type_hints(vaekit.data.open)[name]


def from_text(name: str, kind: Any, text: str) -> Any:
    """A value as its type; ValueError where the text is none. Several numbers in one value are joined by x."""
    choices = get_args(kind)
    if get_origin(kind) is Literal:
        return next((choice for choice in choices if str(choice) == text), text)
    if get_origin(kind) in (types.UnionType, typing.Union):
        return None if NONE in choices and text.lower() == "none" else from_any(name, choices, text)
    if get_origin(kind) in (tuple, Sequence):
        return tuple(from_text(name, choices[0], part) for part in text.split("x"))
    if kind is bool:
        if text.lower() not in TRUTHS:
            raise ValueError(f"{name} must be true or false, got {text!r}")
        return TRUTHS[text.lower()]
    if kind in (int, float):
        return number(name, kind, text)
    return text


def from_any(name: str, kinds: Sequence[Any], text: str) -> Any:
    """The value as the first of several types that it can be; text itself last."""
    others = [kind for kind in kinds if kind not in (NONE, str)]
    for kind in others:
        try:
            return from_text(name, kind, text)
        except ValueError:
            if str not in kinds and kind is others[-1]:
                raise
    return text


def number(name: str, kind: type[int] | type[float], text: str) -> int | float:
    """A number, whole where it must be."""
    try:
        return kind(text)
    except ValueError:
        what = "a whole number" if kind is int else "a number"
        raise ValueError(f"{name} must be {what}, got {text!r}") from None


def seeds_in(text: str) -> int | list[int]:
    """A number of seeds, or a list of them."""
    numbers = [int(number("seeds", int, part)) for part in text.split(",")]
    return numbers if "," in text else numbers[0]
