"""`vaekit disentanglement`: whether dimensions of the codes stand for single factors of variation."""

import json
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from vaekit.cli.options import Json, Seed
from vaekit.evaluation.disentanglement import boosted, gradient_boosting
from vaekit.runs import load

__all__ = ["disentanglement"]


def disentanglement(
    run: Annotated[Path, Parameter(help="the run's folder; its data must have known factors, as shapes have")],
    /,
    *,
    split: Annotated[str | None, Parameter(help="train, valid or test [default: all examples]")] = None,
    latent: Annotated[str | None, Parameter(help="which latent, where the model has several")] = None,
    n: Annotated[int, Parameter(name=["-n", "--number"], help="how many examples, drawn under the seed")] = 15_000,
    exact: Annotated[
        bool, Parameter(negative=(), help="DCI with scikit-learn's gradient boosting, which takes many minutes")
    ] = False,
    weights: Annotated[str, Parameter(help="best or last")] = "best",
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Scores of disentanglement: beta-VAE, FactorVAE, MIG, SAP, DCI, modularity, of the means of q(z|x)."""
    opened = load(run, weights=weights)
    learner = gradient_boosting if exact else boosted
    found = opened.disentanglement(split, latent=latent, n=n, learner=learner, seed=seed)
    if as_json:
        print(json.dumps({"run": str(run), "weights": weights, **found.to_dict()}))
        return
    Console(soft_wrap=True).print(found.table())
