"""The command line: `vaekit train`, `resume`, `evaluate`, `sample`, `recipes`."""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from cyclopts import App, CycloptsError, Parameter
from rich.console import Console
from rich.table import Table
from torch import Tensor

from vaekit.cli.training import train_command
from vaekit.recipes import recipes
from vaekit.runs import Run, load, resume
from vaekit.training import Broken

__all__ = ["main"]

Seed = Annotated[int, Parameter(help="seed of all random numbers")]
Json = Annotated[bool, Parameter(name="--json", negative=(), help="print JSON on standard output")]


def application() -> App:
    """The commands; `train` is made for the recipe that the command line names."""
    app = App(name="vaekit", help="Variational autoencoders: train, evaluate, sample.", version_flags=["--version"])
    app.register_install_completion_command()
    for command in (resume_run, evaluate_run, sample_run, list_recipes):
        app.command(command, name=NAMES[command.__name__])
    return app


def resume_run(
    run: Path, /, *, epochs: Annotated[int | None, Parameter(help="a new length, in epochs in all")] = None
) -> None:
    """Go on with a run that was stopped: to the same weights, bit for bit, that it would have had."""
    changed: dict[str, Any] = {} if epochs is None else {"epochs": epochs}
    said(resume(run, **changed))


def evaluate_run(
    run: Path,
    /,
    *,
    samples: Annotated[int, Parameter(help="draws per example in the log-likelihood estimate")] = 100,
    split: Annotated[
        str | None, Parameter(help="train, valid or test; the first of test, valid, train if not said")
    ] = None,
    limit: Annotated[int | None, Parameter(help="only the first so many examples")] = None,
    weights: Annotated[str, Parameter(help="best or last")] = "best",
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Bounds, the log-likelihood with its standard error, bits/dim and active units; kept in RUN/evaluation.json."""
    opened = load(run, weights=weights)
    figures = opened.evaluate(samples, split, seed, limit)
    record = {"run": str(run), "split": opened.split(split)[0], "weights": weights, "seed": seed, **figures.to_dict()}
    (run / "evaluation.json").write_text(json.dumps(record, indent=2) + "\n")
    if as_json:
        print(json.dumps(record))
    else:
        Console(soft_wrap=True).print(figures.table())


def sample_run(
    run: Path,
    /,
    *,
    n: Annotated[int, Parameter(name=["-n", "--number"], help="how many")] = 64,
    out: Annotated[Path, Parameter(name=["-o", "--out"], help="a .png picture, or .npy numbers")] = Path("samples.png"),
    label: Annotated[int | None, Parameter(help="for a model conditioned on labels: which one")] = None,
    noisy: Annotated[bool, Parameter(negative=(), help="draw x too, instead of showing the mean of p(x|z)")] = False,
    seed: Seed = 0,
) -> None:
    """Draw from the model into a picture or an array."""
    opened = load(run)
    x = opened.sample(n, seed, context_for(opened, n, label), mean=not noisy)
    if out.suffix == ".npy":
        np.save(out, x.numpy())
    elif out.suffix == ".png" and x.ndim == 4:
        from vaekit.report import save_grid

        save_grid(x.clamp(0, 1), out)
    else:
        raise ValueError(
            f"-o must name a .npy file, or for pictures a .png, got {out} for events of shape {tuple(x.shape[1:])}"
        )
    print(out)


def context_for(run: Run, n: int, label: int | None) -> Tensor | None:
    """The context of `n` samples: one label for all, or every class in turn; None for a model without one."""
    classes = run.spec.classes
    if not run.on_labels:
        if label is not None:
            raise ValueError("this run is not conditioned on labels: leave --label out")
        return None
    assert classes is not None
    if label is not None and not 0 <= label < classes:
        raise ValueError(f"label must lie between 0 and {classes - 1}, got {label}")
    return torch.full((n,), label) if label is not None else torch.arange(n) % classes


def list_recipes(*, as_json: Json = False) -> None:
    """What each recipe is for, and its options."""
    if as_json:
        print(json.dumps({name: {"summary": r.summary, "options": sorted(r.options)} for name, r in recipes().items()}))
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("recipe", style="bold", no_wrap=True)
    table.add_column("what it is")
    for name, r in recipes().items():
        table.add_row(name, r.summary)
    console = Console()
    console.print(table)
    console.print("\nOptions of one: vaekit train DATA --recipe NAME --help", style="dim")


NAMES = {"resume_run": "resume", "evaluate_run": "evaluate", "sample_run": "sample", "list_recipes": "recipes"}


def said(run: Run) -> None:
    """Where the run is, on standard output, so that a pipe can take it up."""
    print(run.path)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command: exit code 2 with one sentence for a mistake, 1 for a run that broke, 130 for Ctrl-C."""
    tokens = list(sys.argv[1:] if arguments is None else arguments)
    app = application()
    try:
        app.command(train_command(tokens), name="train")
        app(tokens, exit_on_error=False, print_error=False, result_action="return_value")
    except (ValueError, CycloptsError) as error:
        stop(str(error), 2)
    except BrokenPipeError:  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        stop(f"{error.filename or 'a file'}: {error.strerror}", 2)
    except Broken as broken:
        stop(str(broken), 1)
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def stop(sentence: str, code: int) -> None:
    """Say it on standard error and end."""
    Console(stderr=True, soft_wrap=True, highlight=False).print(f"vaekit: {sentence}", markup=False)
    raise SystemExit(code)
