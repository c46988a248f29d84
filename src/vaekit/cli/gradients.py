"""`vaekit gradients`: how noisy the estimators of an encoder's gradient are."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from vaekit.cli.options import Json, Seed
from vaekit.cli.output import check
from vaekit.cli.using import save_figure
from vaekit.evaluation import gradient_noise
from vaekit.report.gradients import draw_gradient_noise
from vaekit.runs import load

__all__ = ["gradients"]


def gradients(
    run: Annotated[Path, Parameter(help="the run's folder; its model has one latent, real numbers or codes")],
    /,
    *,
    split: Annotated[str | None, Parameter(help="train, valid or test")] = None,
    n: Annotated[int, Parameter(name=["-n", "--number"], help="examples")] = 64,
    draws: Annotated[int, Parameter(help="draws of each example that one estimate takes")] = 4,
    repeats: Annotated[int, Parameter(help="estimates of each kind")] = 200,
    weights: Annotated[str, Parameter(help="best or last")] = "best",
    out: Annotated[Path | None, Parameter(help="the picture [default: RUN/gradients.png]")] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """The variance of the score function, the path and relaxations as estimators of the gradient of q(z|x)."""
    opened = load(run, weights=weights)
    place = run / "gradients.png" if out is None else out
    check(place, [".png"], "a picture")
    found = gradient_noise(opened.model, opened.split(split)[1], n, draws=draws, repeats=repeats, seed=seed)
    save_figure(draw_gradient_noise(found, draws), place)
    rows = {
        name: {**asdict(row), "signal_to_noise": row.signal_to_noise}
        for name, row in sorted(found.items(), key=lambda row: row[1].variance)
    }
    if as_json:
        print(
            json.dumps({"run": str(run), "weights": weights, "draws": draws, "estimators": rows, "picture": str(place)})
        )
        return
    table = Table(box=None, pad_edge=False)
    for column in ("estimator", "variance", "signal to noise", "bias"):
        table.add_column(column, no_wrap=True)
    for name, row in rows.items():
        bias = "none" if row["bias"] is None else f"{row['bias']:.1%} of the gradient"
        table.add_row(name, f"{row['variance']:.4g}", f"{row['signal_to_noise']:.3f}", bias)
    console = Console(soft_wrap=True)
    console.print(table)
    console.print(f"picture: {place}")
