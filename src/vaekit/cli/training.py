"""`vaekit train`: a command whose options are those of the data, of the named recipe, and of the plan."""

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from cyclopts.group import Group

import vaekit.data
from vaekit.recipes import recipe, recipes
from vaekit.recipes.recipe import Option, in_words
from vaekit.runs import train

__all__ = ["train_command"]

DEFAULT = "vae"
DATA, MODEL, LENGTH = Group("Data", sort_key=1), Group("Recipe", sort_key=2), Group("Training", sort_key=3)


def option(kind: Any, name: str, default: Any, group: Group, said: str) -> inspect.Parameter:
    """A keyword of the command, with its help."""
    shown = Annotated[kind, Parameter(help=said, group=group, consume_multiple=True, negative_iterable=())]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=shown)


OPEN = [
    option(Path | None, "data_dir", None, DATA, "folder that holds a named set's files; else $VAEKIT_DATA/NAME"),
    option(str | None, "binarise", None, DATA, "visit (drawn afresh at every visit) or fixed: make grey levels binary"),
    option(bool, "dequantise", False, DATA, "add uniform noise to levels, for densities on [0, 1]"),
    option(str | None, "domain", None, DATA, "what the values are, where the guess is wrong: real, unit, counts, ..."),
    option(
        float | None, "valid", None, DATA, "examples (or share of them) held out to choose the best weights; 0 for none"
    ),
    option(int | None, "limit", None, DATA, "only the first so many examples"),
]
PLAN = [
    option(int | None, "epochs", None, LENGTH, "passes over the training data [default: what makes up --steps]"),
    option(int, "steps", 10_000, LENGTH, "steps, where epochs are not said"),
    option(int, "batch_size", 100, LENGTH, "examples per step, all processes together"),
    option(float, "lr", 1e-3, LENGTH, "learning rate of Adam"),
    option(float, "weight_decay", 0.0, LENGTH, "decoupled weight decay: above 0 makes it AdamW"),
    option(int, "warmup", 0, LENGTH, "steps in which the learning rate rises"),
    option(bool, "decay", False, LENGTH, "let the learning rate fall to 0 along half a cosine"),
    option(float | None, "clip", None, LENGTH, "largest norm of the gradient"),
    option(int, "accumulate", 1, LENGTH, "pieces that a batch is cut into, for memory; same result"),
    option(float | None, "ema", None, LENGTH, "decay of averaged weights, which are then evaluated and kept"),
    option(int, "patience", 30, LENGTH, "stop after so many epochs without a better validation bound; 0 for never"),
    option(int, "seed", 0, LENGTH, "seed of all random numbers"),
    option(bool, "compile", False, LENGTH, "compile the training step"),
    option(str, "precision", "32-true", LENGTH, "32-true, bf16-mixed or 64-true"),
    option(str, "accelerator", "auto", LENGTH, "auto, cpu or cuda"),
    option(int, "devices", 1, LENGTH, "processes, one per device"),
    option(float, "checkpoint_seconds", 30.0, LENGTH, "seconds of work that a kill can cost"),
]
OPENING = {p.name: "folder" if p.name == "data_dir" else p.name for p in OPEN}
PLANNING = {p.name for p in PLAN}


def train_command(tokens: Sequence[str]) -> Callable[..., None]:
    """The command, with the options of the recipe that `tokens` name."""
    chosen = recipe(named_recipe(tokens)) if "train" in tokens[:1] else recipe(DEFAULT)

    def command(data: str, /, *, recipe: str = DEFAULT, out: Path | None = None, **options: Any) -> None:
        opening = {OPENING[name]: value for name, value in options.items() if name in OPENING}
        opened = vaekit.data.open(data, **opening, seed=options.get("seed", 0))
        plan = {name: value for name, value in options.items() if name in PLANNING}
        arguments = {name: value for name, value in options.items() if name in chosen.options}
        print(train(recipe, opened, folder=out, arguments=arguments, **plan).path)

    command.__doc__ = f"Train a recipe on data into a run folder.\n\nRecipe {chosen.name}: {chosen.summary}"
    parameters = [*fixed(), *OPEN, *map(from_recipe, chosen.options.values()), *PLAN]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


def fixed() -> list[inspect.Parameter]:
    """What every training names: the data, the recipe and the folder."""
    where = "digits, mnist or another IDX set, or a .npy or .npz file"
    data = Annotated[str, Parameter(help=where, group=DATA)]
    names = f"which model: {', '.join(recipes())}"
    return [
        inspect.Parameter("data", inspect.Parameter.POSITIONAL_ONLY, annotation=data),
        option(str, "recipe", DEFAULT, MODEL, names),
        option(Path | None, "out", None, LENGTH, "the run's folder [default: the next free one under runs/]"),
    ]


def from_recipe(given: Option) -> inspect.Parameter:
    """A recipe's option as one of the command."""
    bounds = " and ".join(in_words(b) for b in given.bounds)
    said = f"{given.help} ({bounds})" if bounds else given.help
    return option(given.type, given.name, given.default, MODEL, said)


def named_recipe(tokens: Sequence[str]) -> str:
    """The value of --recipe among the tokens."""
    for i, token in enumerate(tokens):
        if token == "--recipe" and i + 1 < len(tokens):
            return tokens[i + 1]
        if token.startswith("--recipe="):
            return token.partition("=")[2]
    return DEFAULT
