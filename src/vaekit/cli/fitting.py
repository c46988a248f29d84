"""`vaekit fit-prior`: options are those of the named prior and of its training."""

import inspect
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from vaekit.cli.options import Json, option
from vaekit.cli.training import AFTER, MODEL, PLAN, PLANNING, from_recipe, value_of
from vaekit.recipes import prior_recipe, prior_recipes
from vaekit.runs import fit_prior, load
from vaekit.runs.fitting import PLANNED

__all__ = ["fit_prior_command"]

FIRST = "transformer"
INTO = [
    option(bool, "on_labels", False, MODEL, "let the prior depend on the data's labels, to generate by class"),
    option(bool, "again", False, MODEL, "fit another one in the place of the one that is there"),
]
THEN = [option(bool, "report", True, AFTER, "write report.html into the run's folder anew")]


def fit_prior_command(tokens: Sequence[str]) -> Callable[..., None]:
    """The command, with the options of the prior that `tokens` name."""
    chosen = prior_recipe((value_of("--prior", tokens) if "fit-prior" in tokens[:1] else None) or FIRST)

    def command(run: Path, /, *, prior: str = FIRST, as_json: bool = False, **options: Any) -> None:
        opened = load(run)
        plan = {name: value for name, value in options.items() if name in PLANNING}
        arguments = {name: value for name, value in options.items() if name in chosen.options}
        into = {name: options[name] for name in ("on_labels", "again") if name in options}
        fit_prior(opened, chosen.name, arguments=arguments, **into, **plan)
        if options.get("report", True):
            opened.report()
        places = {name: str(opened.path / "prior" / name) for name in opened.model.own_priors()}
        print(json.dumps({"run": str(run), "prior": chosen.name, "folders": places}) if as_json else opened.path)

    command.__doc__ = (
        f"Train a prior over the codes of a finished run, so that it generates, or over its latents, so that it fits them.\n\n"
        f"Prior {chosen.name}: {chosen.summary}"
    )
    run = Annotated[
        Path,
        Parameter(help="the folder of a run with codes, or latents of real numbers (--prior flow)"),
    ]
    kinds = Literal.__getitem__(tuple(prior_recipes()))
    parameters = [
        inspect.Parameter("run", inspect.Parameter.POSITIONAL_ONLY, annotation=run),
        option(kinds, "prior", chosen.name, MODEL, f"which prior: {', '.join(prior_recipes())}"),
        *INTO,
        *map(from_recipe, chosen.options.values()),
        *(p.replace(default=PLANNED.get(p.name, p.default)) for p in PLAN),
        *THEN,
        inspect.Parameter("as_json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Json),
    ]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command
