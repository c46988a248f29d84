"""`vaekit train` and `resume`: options are those of the data, of the named recipe, and of the plan."""

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from cyclopts.group import Group

from vaekit.cli.options import DATA, OPEN, SOURCE, Json, opened, option
from vaekit.cli.outline import outline
from vaekit.cli.output import check_table
from vaekit.cli.scoring import write_scores
from vaekit.recipes import recipe, recipes
from vaekit.recipes.recipe import Option, in_words
from vaekit.runs import Run, resume, train

__all__ = ["resume_run", "train_command"]

FLAT, PICTURES, TEXT = "vae", "conv-vae", "text-vae"
MODEL, LENGTH, AFTER = Group("Recipe", sort_key=2), Group("Training", sort_key=3), Group("Afterwards", sort_key=4)

PLAN = [
    option(int | None, "epochs", None, LENGTH, "passes over the training data [default: what makes up --steps]"),
    option(int, "steps", 10_000, LENGTH, "steps, where epochs are not said"),
    option(int | None, "batch_size", None, LENGTH, "examples per step [default: a tenth of them, from 16 to 100]"),
    option(float, "lr", 1e-3, LENGTH, "learning rate of Adam"),
    option(float, "weight_decay", 0.0, LENGTH, "decoupled weight decay: above 0 makes it AdamW"),
    option(int, "warmup", 0, LENGTH, "steps in which the learning rate rises"),
    option(bool, "decay", False, LENGTH, "let the learning rate fall along half a cosine"),
    option(float, "end_lr", 0.0, LENGTH, "where it falls to"),
    option(bool, "adamax", False, LENGTH, "Adamax instead of Adam"),
    option(tuple[float, float], "betas", (0.9, 0.999), LENGTH, "decay of the optimiser's two running means"),
    option(float, "eps", 1e-8, LENGTH, "what the optimiser adds to its denominators"),
    option(float | None, "clip", None, LENGTH, "largest norm of the gradient"),
    option(float | None, "skip", None, LENGTH, "norm of the gradient above which a step is skipped"),
    option(int, "accumulate", 1, LENGTH, "pieces that a batch is cut into, for memory; same result"),
    option(float | None, "ema", None, LENGTH, "decay of averaged weights, which are then evaluated and kept"),
    option(
        int | None, "patience", None, LENGTH, "stop after so many epochs without a better validation bound; 0 for never"
    ),
    option(int, "seed", 0, LENGTH, "seed of all random numbers"),
    option(bool, "compile", False, LENGTH, "compile the training step"),
    option(str, "precision", "32-true", LENGTH, "32-true, bf16-mixed or 64-true"),
    option(str, "accelerator", "auto", LENGTH, "auto, cpu or cuda"),
    option(int, "devices", 1, LENGTH, "processes, one per device"),
    option(float, "checkpoint_seconds", 30.0, LENGTH, "seconds of work that a kill can cost"),
]
FROM = [option(Path | None, "start", None, LENGTH, "a run of the same recipe and options, with whose weights to begin")]
INSTEAD = [option(bool, "dry_run", False, LENGTH, "say what would be trained, part by part, and train nothing")]
THEN = [
    option(bool, "report", True, AFTER, "write report.html into the run's folder"),
    option(Path | None, "scores", None, AFTER, "also score every example of DATA into this .csv, .parquet or .npy"),
    option(tuple[str, ...], "logger", (), AFTER, "log to tensorboard, wandb or mlflow too"),
]
PLANNING = {p.name for p in PLAN}
SWITCHES = {"--json"} | {
    f"--{p.name.replace('_', '-')}" for p in (*OPEN, *PLAN, *INSTEAD, *THEN) if isinstance(p.default, bool)
}


def train_command(tokens: Sequence[str]) -> Callable[..., None]:
    """The command, with the options of the recipe that `tokens` name."""
    chosen = recipe(named_recipe(tokens[1:]) if "train" in tokens[:1] else FLAT)

    def command(data: str, /, *, out: Path | None = None, as_json: bool = False, **options: Any) -> None:
        scores, loggers = options.get("scores"), options.get("logger", ())
        if scores is not None:
            check_table(scores)
        plan = {name: value for name, value in options.items() if name in PLANNING}
        arguments = {name: value for name, value in options.items() if name in chosen.options}
        if options.get("dry_run", False):
            outline(chosen, opened(data, options), arguments, as_json)
            return
        source, start = opened(data, options), options.get("start")
        run = train(chosen.name, source, folder=out, arguments=arguments, start=start, loggers=loggers, **plan)
        if options.get("report", True):
            run.report()
        if scores is not None:
            write_scores(run, data, options, scores)
        said(run, as_json)

    command.__doc__ = f"Train a recipe on data into a run folder.\n\nRecipe {chosen.name}: {chosen.summary}"
    parameters = [*fixed(chosen.name), *OPEN, *map(from_recipe, chosen.options.values()), *PLAN, *FROM, *INSTEAD, *THEN]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


def resume_run(
    run: Path,
    /,
    *,
    epochs: Annotated[int | None, Parameter(help="a new length, in epochs in all")] = None,
    report: Annotated[bool, Parameter(help="write report.html into the run's folder")] = True,
    logger: Annotated[tuple[str, ...], Parameter(help="log to tensorboard, wandb or mlflow too")] = (),
    as_json: Json = False,
) -> None:
    """Go on with a run that was stopped: to the same weights, bit for bit, that it would have had."""
    changed: dict[str, Any] = {} if epochs is None else {"epochs": epochs}
    finished = resume(run, loggers=logger, **changed)
    if report:
        finished.report()
    said(finished, as_json)


def said(run: Run, as_json: bool) -> None:
    """Where the run is, on standard output, so that a pipe can take it up; or what came of it, in JSON."""
    if not as_json:
        print(run.path)
        return
    record, rows = run.record, run.metrics
    kept: Mapping[str, Any] = rows[max(0, record.get("best_epoch", 0) - 1)] if rows else {}
    chosen = {name: record.get(name) for name in ("recipe", "arguments", "objective", "parameters", "status")}
    print(json.dumps({"run": str(run.path), **chosen, "epochs": len(rows), "best": kept}))


def fixed(name: str) -> list[inspect.Parameter]:
    """What every training names: the data, the recipe and the folder."""
    data = Annotated[str, Parameter(help=SOURCE, group=DATA)]
    names = Literal.__getitem__(tuple(recipes()))
    which = (
        "which model, see vaekit recipes; for a folder of pictures or shards conv-vae, for text text-vae, unless said"
    )
    return [
        inspect.Parameter("data", inspect.Parameter.POSITIONAL_ONLY, annotation=data),
        option(names, "recipe", name, MODEL, which),
        option(Path | None, "out", None, LENGTH, "the run's folder [default: the next free one under runs/]"),
        inspect.Parameter("as_json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Json),
    ]


def from_recipe(given: Option) -> inspect.Parameter:
    """A recipe's option as one of the command."""
    bounds = " and ".join(in_words(b) for b in given.bounds)
    said = f"{given.help} ({bounds})" if bounds else given.help
    return option(given.type, given.name, given.default, MODEL, said)


def named_recipe(tokens: Sequence[str]) -> str:
    """The value of --recipe among the tokens, else what fits the source."""
    said = value_of("--recipe", tokens)
    if said is not None:
        return said
    before = ["", *tokens]
    sources = [token for i, token in enumerate(tokens) if not token.startswith("-") and not takes_value(before[i])]
    if any(source.endswith(".txt") for source in sources):
        return TEXT
    return PICTURES if any(map(holds_pictures, sources)) else FLAT


def value_of(name: str, tokens: Sequence[str]) -> str | None:
    """What stands behind an option among the tokens, if it is there."""
    for i, token in enumerate(tokens):
        if token == name and i + 1 < len(tokens):
            return tokens[i + 1]
        if token.startswith(f"{name}="):
            return token.partition("=")[2]
    return None


def takes_value(token: str) -> bool:
    """Whether a token is an option that the next one belongs to."""
    return token.startswith("-") and "=" not in token and not token.startswith("--no-") and token not in SWITCHES


def holds_pictures(source: str) -> bool:
    """Whether the source is a folder or shards, which hold pictures."""
    return Path(source).is_dir() or source.endswith((".tar", ".tar.gz", ".tgz"))
