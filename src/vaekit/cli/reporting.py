"""What is written for people: report, compare, export, recipes, data."""

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from vaekit.cli.options import DATA, OPEN, SOURCE, Json, Seed, opened
from vaekit.cli.output import announce
from vaekit.recipes import recipe, recipes
from vaekit.recipes.recipe import Option, in_words
from vaekit.runs import compare, load

__all__ = ["REPORTING", "data_command"]

RunFolder = Annotated[Path, Parameter(help="the run's folder")]
Limit = Annotated[int | None, Parameter(help="evaluate on at most so many held-out examples")]
Samples = Annotated[int, Parameter(help="draws per example in the log-likelihood estimate")]


def report(
    run: RunFolder,
    /,
    *,
    out: Annotated[Path | None, Parameter(name=["-o", "--out"], help="[default: RUN/report.html]")] = None,
    samples: Samples = 100,
    limit: Limit = 2000,
    quality: Annotated[bool, Parameter(negative=(), help="PSNR, SSIM and Fréchet distances too")] = False,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """One page about a run: curves, pictures, numbers and a verdict, in a single file that can be sent to anyone."""
    page = load(run).report(out, samples=samples, limit=limit, seed=seed, quality=quality)
    announce({"file": str(page), "bytes": page.stat().st_size}, as_json, page)


def compare_runs(
    run: RunFolder,
    /,
    *others: Annotated[Path, Parameter(help="the folders of other runs, on data of the same shape")],
    out: Annotated[Path, Parameter(name=["-o", "--out"], help="an .html page")] = Path("comparison.html"),
    samples: Samples = 100,
    limit: Limit = 2000,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Runs side by side: a table here, and a page with curves, a rate-distortion plot and the same images through each."""
    if not others:
        raise ValueError("compare needs at least two runs, got one")
    found = compare([run, *others], out, samples=samples, limit=limit, seed=seed)
    if as_json:
        print(json.dumps(found.to_dict()))
        return
    Console(soft_wrap=True, stderr=True).print(found.table())
    print(found.page)


def export(
    run: RunFolder,
    /,
    *,
    out: Annotated[Path | None, Parameter(name=["-o", "--out"], help="a folder [default: RUN/onnx]")] = None,
    onnx: Annotated[bool, Parameter(negative=(), help="as ONNX, which is the default and the only format")] = True,
    as_json: Json = False,
) -> None:
    """Encoder and decoder as files that run without vaekit or Python: tensors in, parameters of distributions out."""
    written = load(run).export(out)
    if as_json:
        print(json.dumps({"files": [str(path) for path in written]}))
        return
    for path in written:
        print(path)


def list_recipes(
    name: Annotated[str | None, Parameter(help="one of them, for its options")] = None, /, *, as_json: Json = False
) -> None:
    """What each recipe is for and whose it is; with a NAME, its options."""
    if name is not None:
        one_recipe(name, as_json)
        return
    if as_json:
        print(json.dumps({name: {"summary": r.summary, "options": sorted(r.options)} for name, r in recipes().items()}))
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("recipe", style="bold", no_wrap=True)
    table.add_column("what it is")
    for known, r in recipes().items():
        table.add_row(known, r.summary)
    console = Console()
    console.print(table)
    console.print("\nOptions of one: vaekit recipes NAME", style="dim")


def one_recipe(name: str, as_json: bool) -> None:
    """A recipe with its options."""
    chosen = recipe(name)
    if as_json:
        options = {o.name: described(o) for o in chosen.options.values()}
        print(json.dumps({"recipe": name, "summary": chosen.summary, "options": options}))
        return
    table = Table(box=None, pad_edge=False)
    for column in ("option", "default", "what it is"):
        table.add_column(column, no_wrap=column == "option")
    for o in chosen.options.values():
        bounds = f" ({', '.join(map(in_words, o.bounds))})" if o.bounds else ""
        table.add_row(f"--{o.name.replace('_', '-')}", plain(o.default), f"{o.help}{bounds}")
    console = Console()
    console.print(f"{name}: {chosen.summary}\n", highlight=False)
    console.print(table)
    console.print(f"\nvaekit train DATA --recipe {name}", style="dim")


def described(o: Option) -> dict[str, Any]:
    """An option as JSON has it."""
    return {"default": o.default, "help": o.help, "bounds": [in_words(b) for b in o.bounds]}


def plain(value: Any) -> str:
    """A default as it would be typed."""
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def data_command() -> Callable[..., None]:
    """The command that shows what was decided about data, with the options that change it."""

    def command(data: str, /, *, as_json: bool = False, **options: Any) -> None:
        found = opened(data, options)
        if as_json:
            sizes = {name: len(split) for name, split in found.splits().items()}
            decided = {"spec": found.spec.to_dict(), "examples": sizes, "decisions": found.decisions()}
            print(json.dumps(decided))
            return
        table = Table(box=None, pad_edge=False, show_header=False)
        for name, said in found.decisions().items():
            table.add_row(name, said)
        Console(soft_wrap=False).print(table, highlight=False)

    command.__doc__ = "What vaekit makes of data, before any training: shape, values, labels, splits."
    source = Annotated[str, Parameter(help=SOURCE, group=DATA)]
    parameters = [
        inspect.Parameter("data", inspect.Parameter.POSITIONAL_ONLY, annotation=source),
        inspect.Parameter("as_json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Json),
        *OPEN,
        inspect.Parameter("seed", inspect.Parameter.KEYWORD_ONLY, default=0, annotation=Seed),
    ]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


REPORTING: dict[str, Callable[..., None]] = {
    "report": report,
    "compare": compare_runs,
    "export": export,
    "recipes": list_recipes,
}
