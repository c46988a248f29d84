"""`vaekit rd`: models along beta, each begun where the last one ended, and the curve of their rate and distortion."""

import inspect
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from vaekit.cli.options import DATA, OPEN, opened, option
from vaekit.cli.training import LENGTH, PLAN, PLANNING, fixed, from_recipe, value_of
from vaekit.cli.using import save_figure
from vaekit.recipes import recipe
from vaekit.report.rate_distortion import draw_rate_distortion
from vaekit.runs import RateDistortion, rate_distortion

__all__ = ["rd_command"]

FIRST = "beta-vae"
ALONG = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
WEIGHED = {"beta", "objective"}
ABOUT = """Train a recipe at several weights of its rate and draw rate against distortion.

From the smallest beta on, each run begins with the weights of the one before. Of real numbers the exact curve of a normal
source with their covariance stands beside it.
"""
ERROR, NATS = "mean squared error, summed over elements", "distortion -log p(x|z), nats per example"


def rd_command(tokens: Sequence[str]) -> Callable[..., None]:
    """The command, with the options of the recipe that `tokens` name."""
    chosen = recipe((value_of("--recipe", tokens) if "rd" in tokens[:1] else None) or FIRST)
    options_of = {name: o for name, o in chosen.options.items() if name not in WEIGHED}

    def command(
        data: str,
        /,
        *,
        betas: tuple[float, ...] = ALONG,
        out: Path | None = None,
        as_json: bool = False,
        **options: Any,
    ) -> None:
        plan = {name: value for name, value in options.items() if name in PLANNING}
        arguments = {name: value for name, value in options.items() if name in options_of}
        source = opened(data, options)
        found = rate_distortion(source, betas, name=chosen.name, folder=out, arguments=arguments, **plan)
        picture = found.folder / "rd.png"
        save_figure(drawn(found), picture)
        if as_json:
            print(json.dumps({"folder": str(found.folder), "picture": str(picture), **found.to_dict()}))
            return
        console = Console(soft_wrap=True)
        console.print(table(found))
        console.print(f"{found.split} split; numbers: {found.folder / 'rd.json'}; picture: {picture}")

    command.__doc__ = f"{ABOUT}\n\nRecipe {chosen.name}: {chosen.summary}"
    betas = Annotated[
        tuple[float, ...],
        Parameter(help="weights of the rate, two or more, above 0", consume_multiple=True, group=DATA),
    ]
    parameters = [
        *(p for p in fixed(chosen.name) if p.name != "out"),
        inspect.Parameter("betas", inspect.Parameter.KEYWORD_ONLY, default=ALONG, annotation=betas),
        option(Path | None, "out", None, LENGTH, "the folder of the runs [default: the next free one under runs/]"),
        *OPEN,
        *map(from_recipe, options_of.values()),
        *(p for p in PLAN if p.name != "betas"),  # of Adam: the name is taken here
    ]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


def drawn(found: RateDistortion) -> Any:
    """The picture: squared errors where there is an exact curve of them, else nats."""
    betas, points = list(found.points), list(found.points.values())
    if found.normal is None:
        return draw_rate_distortion(betas, [(p.rate.mean, p.distortion.mean) for p in points], NATS)
    errors = [(p.rate.mean, p.squared_error.mean) for p in points]
    return draw_rate_distortion(betas, errors, ERROR, found.normal.curve())


def table(found: RateDistortion) -> Table:
    """For people: a row for each beta."""
    made = Table(box=None, pad_edge=False)
    exact = found.normal is not None
    heads = ["beta", "rate, nats", "distortion, nats", "squared error"]
    for head in [*heads, *(["exact rate", "exact error"] if exact else [])]:
        made.add_column(head, justify="right")
    for beta, point in found.points.items():
        figures = [f"{part.mean:.2f} ± {part.standard_error:.2f}" for part in (point.rate, point.distortion)]
        figures.append(f"{point.squared_error.mean:.4g} ± {point.squared_error.standard_error:.2g}")
        beside = found.exact(beta)
        made.add_row(f"{beta:g}", *figures, *([] if beside is None else [f"{beside[0]:.2f}", f"{beside[1]:.4g}"]))
    return made
