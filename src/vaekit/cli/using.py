"""What a trained run is asked: evaluate, sample, reconstruct, encode, decode, interpolate, traverse, score."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import torch
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table as Printed
from torch import Tensor

from vaekit.cli.given import codes_in, example, files
from vaekit.cli.options import Json, Label, Out, Seed, Split
from vaekit.cli.output import (
    STDOUT,
    announce,
    check_events,
    check_table,
    default_for,
    write_array,
    write_events,
    write_table,
)
from vaekit.runs import Run, load

__all__ = ["USING"]

Count = Annotated[int, Parameter(name=["-n", "--number"], help="how many")]
Latent = Annotated[str | None, Parameter(help="which latent, where the model has several")]
RunFolder = Annotated[Path, Parameter(help="the run's folder")]
Examples = Annotated[
    str,
    Parameter(help="examples: a file, a folder of pictures, or - for CSV on standard input", allow_leading_hyphen=True),
]
Codes = Annotated[
    str, Parameter(help="codes, one row each: .npy, .csv or .parquet, or - for CSV", allow_leading_hyphen=True)
]
Table = Annotated[
    Path, Parameter(name=["-o", "--out"], help="a .csv, .parquet or .npy file, or - for CSV", allow_leading_hyphen=True)
]
CODES = Path("codes.npy")
SHOWN = 32


def evaluate(
    run: RunFolder,
    /,
    *,
    samples: Annotated[int, Parameter(help="draws per example in the log-likelihood estimate")] = 100,
    split: Split = None,
    limit: Annotated[int | None, Parameter(help="only the first so many examples")] = None,
    quality: Annotated[
        bool, Parameter(negative=(), help="PSNR, SSIM and Fréchet distances too, which take longer")
    ] = False,
    inception: Annotated[
        Path | None, Parameter(help="weights of the Inception network, for the FID; else features of a classifier")
    ] = None,
    weights: Annotated[str, Parameter(help="best or last")] = "best",
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Bounds, the log-likelihood with its standard error, bits/dim, active units; kept in RUN/evaluation.json."""
    opened = load(run, weights=weights)
    figures = opened.evaluate(samples, split, seed, limit)
    found = opened.quality(split, inception=inception, seed=seed, limit=limit) if quality or inception else None
    more = {} if found is None else {"quality": found.to_dict()}
    record = opened.keep_evaluation(figures, opened.split(split)[0], seed, weights=weights, **more)
    if as_json:
        print(json.dumps(record))
        return
    console = Console(soft_wrap=True)
    console.print(figures.table())
    if found is not None:
        console.print(found.table())


def sample(
    run: RunFolder,
    /,
    *,
    n: Count = 64,
    out: Out = None,
    label: Label = None,
    temperature: Annotated[
        float, Parameter(help="spread of the prior; below 1 for more typical samples that differ less")
    ] = 1.0,
    noisy: Annotated[bool, Parameter(negative=(), help="draw x too, instead of showing the mean of p(x|z)")] = False,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Draw from the model: a .png picture, or .npy, .csv, .parquet numbers; -o - for CSV on standard output."""
    opened = load(run)
    where = destination(out, opened, "samples")
    x = opened.sample(n, seed, mean=not noisy, label=label, temperature=temperature)
    given(x, opened, where, as_json, {"temperature": temperature, "label": label, "seed": seed})


def reconstruct(
    run: RunFolder,
    /,
    *examples: Annotated[str, Parameter(help="pictures, or one file or folder; held-out examples if not said")],
    out: Out = None,
    n: Annotated[int, Parameter(name=["-n", "--number"], help="how many held-out examples")] = SHOWN,
    labels: Annotated[str | None, Parameter(help="column, or .npy file, of labels for a conditioned model")] = None,
    as_json: Json = False,
) -> None:
    """Examples through the model and back: originals above reconstructions in a .png, or numbers in a file."""
    opened = load(run)
    where = destination(out, opened, "reconstructions")
    with files(examples) if examples else held_out(opened, n) as chosen:
        split = opened.read(chosen, labels)
    x_hat = opened.reconstruct(split)
    if where.suffix.lower() != ".png":
        given(x_hat, opened, where, as_json, {})
        return
    from vaekit.report import reconstructions

    x = split.batch(torch.arange(min(len(split), SHOWN)))["x"]
    figure = reconstructions(x.cpu(), x_hat[:SHOWN])
    save_figure(figure, where)
    announce({"file": str(where), "number": len(x), "of": len(split)}, as_json, where)


def encode(
    run: RunFolder,
    file: Annotated[
        str,
        Parameter(
            help="examples: a file, a folder of pictures, or - for CSV on standard input", allow_leading_hyphen=True
        ),
    ],
    /,
    *,
    out: Annotated[
        Path,
        Parameter(name=["-o", "--out"], allow_leading_hyphen=True, help="a .npy, .csv or .parquet file, or - for CSV"),
    ] = Path("codes.npy"),
    draws: Annotated[int | None, Parameter(help="so many draws of q(z|x) (.npy alone) instead of its mean")] = None,
    latent: Latent = None,
    labels: Annotated[str | None, Parameter(help="column, or .npy file, of labels for a conditioned model")] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Codes of examples: the mean of q(z|x), one row each, or draws of it."""
    check_table(out)
    if draws is not None and out.suffix != ".npy":
        raise ValueError(f"draws of codes have three axes and need an .npy file, got -o {out}")
    opened = load(run)
    with files([file]) as path:
        split = opened.read(path, labels)
        z = opened.encode(split, draws=draws, latent=latent, seed=seed)
    if out.suffix == ".npy":
        write_array(z.numpy(), out)
    else:
        columns = {f"z{i}": column for i, column in enumerate(z.flatten(1).T.numpy())}
        write_table(columns, out)
    announce({"file": str(out), "shape": list(z.shape)}, as_json, out)


def decode(
    run: RunFolder,
    file: Annotated[
        str, Parameter(help="codes, one row each: .npy, .csv or .parquet, or - for CSV", allow_leading_hyphen=True)
    ],
    /,
    *,
    out: Out = None,
    label: Label = None,
    as_json: Json = False,
) -> None:
    """The mean of p(x|z) at codes, as `encode` writes them."""
    opened = load(run)
    where = destination(out, opened, "decoded")
    given(opened.decode(codes_in(file), label=label), opened, where, as_json, {})


def interpolate(
    run: RunFolder,
    a: Annotated[str, Parameter(help="the number of a held-out example, or a file that holds one")],
    b: Annotated[str, Parameter(help="likewise")],
    /,
    *,
    steps: Annotated[int, Parameter(help="how many, the ends included")] = 10,
    path: Annotated[str, Parameter(help="spherical or straight")] = "spherical",
    out: Out = None,
    as_json: Json = False,
) -> None:
    """The way from one example to another through their codes."""
    opened = load(run)
    where = destination(out, opened, "interpolation")
    x = opened.interpolate(example(a), example(b), steps, path=path)
    given(x, opened, where, as_json, {"path": path}, columns=steps)


def traverse(
    run: RunFolder,
    start: Annotated[str, Parameter(help="the number of a held-out example, or a file that holds one")] = "0",
    /,
    *,
    dimensions: Annotated[
        tuple[int, ...] | None, Parameter(help="which; the ten that vary most if not said", consume_multiple=True)
    ] = None,
    steps: Annotated[int, Parameter(help="how many values of each")] = 9,
    span: Annotated[float, Parameter(help="from -span to span")] = 2.5,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """What each dimension of the latent does to an example: a row for each, from -span to span."""
    opened = load(run)
    where = destination(out, opened, "traversal")
    x = opened.traverse(example(start), dimensions=dimensions, steps=steps, span=span)
    given(x, opened, where, as_json, {"span": span}, columns=steps)


def score(
    run: RunFolder,
    file: Annotated[
        str,
        Parameter(
            help="examples: a file, a folder of pictures, or - for CSV on standard input", allow_leading_hyphen=True
        ),
    ],
    /,
    *,
    out: Annotated[
        Path | None,
        Parameter(name=["-o", "--out"], allow_leading_hyphen=True, help="a .csv, .parquet or .npy file, or -"),
    ] = None,
    samples: Annotated[int, Parameter(help="draws per example in the log-likelihood estimate")] = 100,
    top: Annotated[int, Parameter(help="how many of the most unusual examples to show")] = 10,
    labels: Annotated[str | None, Parameter(help="column, or .npy file, of labels for a conditioned model")] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """How likely each example is under the model, in nats: the lower, the more unusual. With -o, a row for each."""
    if out is not None:
        check_table(out)
    if top < 0:
        raise ValueError(f"top must be at least 0, got {top}")
    opened = load(run)
    with files([file]) as path:
        columns = opened.score(opened.read(path, labels), samples, seed)
    scored(columns, out, top, as_json)


def scored(columns: dict[str, Tensor], out: Path | None, top: int, as_json: bool) -> None:
    """Scores into a file, and the most unusual examples for people (or in JSON)."""
    ranking = columns.get("log_likelihood", columns.get("elbo", -columns["distortion"]))
    order = ranking.argsort()[:top].tolist()
    if out is not None:
        write_table({"row": torch.arange(len(ranking)).numpy(), **{n: c.numpy() for n, c in columns.items()}}, out)
    if out == STDOUT:
        return
    rows = [{"row": i, **{name: float(column[i]) for name, column in columns.items()}} for i in order]
    record = {"examples": len(ranking), "unit": "nats/example", "most_unusual": rows}
    if as_json:
        means = {name: float(column.mean()) for name, column in columns.items()}
        print(json.dumps({**record, "means": means, "file": None if out is None else str(out)}))
        return
    if rows:
        Console(soft_wrap=True, stderr=out is not None).print(unusual(rows, len(ranking)))
    announce(record, False, out)


def unusual(rows: list[dict[str, Any]], examples: int) -> Printed:
    """The most unusual examples, for people."""
    table = Printed(title=f"the most unusual of {examples:,} examples, nats (rows count from 0)")
    for name in rows[0]:
        table.add_column(name.replace("_", " "), justify="right")
    for row in rows:
        table.add_row(*(f"{value:,}" if isinstance(value, int) else f"{value:,.2f}" for value in row.values()))
    return table


def destination(out: Path | None, run: Run, name: str) -> Path:
    """Where events go: as said, else beside the caller under a fitting name; refused before any work."""
    where = default_for(run.spec, name) if out is None else out
    check_events(where, run.spec)
    return where


def given(x: Tensor, run: Run, where: Path, as_json: bool, record: dict[str, Any], columns: int | None = None) -> None:
    """Write events and say where."""
    write_events(x, run.spec, where, columns)
    announce({"file": str(where), "shape": list(x.shape), **record}, as_json, where)


def save_figure(figure: Any, where: Path) -> None:
    """A figure as a PNG, written whole."""
    from vaekit.cli.output import whole

    whole(where, lambda beside: figure.savefig(beside, format="png"))


def held_out(run: Run, n: int) -> Any:
    """The first n held-out examples."""
    from contextlib import nullcontext

    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}")
    split = run.split()[1]
    return nullcontext(split.first(min(n, len(split))))


USING: tuple[Callable[..., None], ...] = (evaluate, sample, reconstruct, encode, decode, interpolate, traverse, score)
