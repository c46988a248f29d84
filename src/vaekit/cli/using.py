"""What a trained run is asked: evaluate, sample, reconstruct, encode, decode, interpolate, traverse."""

import json
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import torch
from cyclopts import Parameter
from rich.console import Console
from torch import Tensor

from vaekit.cli.given import codes_in, example, files
from vaekit.cli.options import CODES, Codes, Examples, Json, Label, Labels, Out, Seed, Split, TableOut
from vaekit.cli.output import (
    announce,
    check_events,
    check_table,
    default_for,
    whole,
    write_array,
    write_events,
    write_table,
)
from vaekit.data import Split as Examined
from vaekit.runs import Run, load
from vaekit.runs.asking import context_of

__all__ = ["USING"]

Count = Annotated[int, Parameter(name=["-n", "--number"], help="how many")]
Latent = Annotated[str | None, Parameter(help="which latent, where the model has several")]
RunFolder = Annotated[Path, Parameter(help="the run's folder")]
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
    label: Annotated[
        str | None,
        Parameter(help="for a model conditioned on labels: which one, by number or name [default: every one in turn]"),
    ] = None,
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
    more = {} if not opened.on_labels else {"label": context_of(opened, n, label)}
    given(x, opened, where, as_json, {"temperature": temperature, "label": label, "seed": seed}, more=more)


def reconstruct(
    run: RunFolder,
    /,
    *examples: Annotated[str, Parameter(help="pictures, or one file or folder; held-out examples if not said")],
    out: Out = None,
    n: Annotated[int, Parameter(name=["-n", "--number"], help="how many held-out examples")] = SHOWN,
    labels: Labels = None,
    label: Label = None,
    as_json: Json = False,
) -> None:
    """Examples through the model and back: originals above reconstructions in a .png, or numbers in a file."""
    opened = load(run)
    where = destination(out, opened, "reconstructions")
    with files(examples) if examples else held_out(opened, n) as chosen:
        split = opened.read(chosen, labels, label=label)
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
    file: Examples,
    /,
    *,
    out: TableOut = CODES,
    draws: Annotated[int | None, Parameter(help="so many draws of q(z|x) (.npy alone) instead of its mean")] = None,
    latent: Latent = None,
    labels: Labels = None,
    label: Label = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Codes of examples: the mean of q(z|x), one row each, or draws of it."""
    check_table(out)
    if draws is not None and out.suffix != ".npy":
        raise ValueError(f"draws of codes have three axes and need an .npy file, got -o {out}")
    opened = load(run)
    with files([file]) as path:
        split = opened.read(path, labels, label=label)
        z = opened.encode(split, draws=draws, latent=latent, seed=seed)
    if out.suffix == ".npy":
        write_array(z.numpy(), out)
    else:
        columns = {f"z{i}": column for i, column in enumerate(z.flatten(1).T.numpy())}
        write_table(columns | labels_of(opened, split), out)
    announce({"file": str(out), "shape": list(z.shape)}, as_json, out)


def decode(
    run: RunFolder,
    file: Codes,
    /,
    *,
    out: Out = None,
    label: Label = None,
    as_json: Json = False,
) -> None:
    """The mean of p(x|z) at codes, as `encode` writes them."""
    opened = load(run)
    where = destination(out, opened, "decoded")
    codes, labels = codes_in(file)
    context = labels if opened.on_labels and label is None else None
    given(opened.decode(codes, context, label=label), opened, where, as_json, {})


def interpolate(
    run: RunFolder,
    a: Annotated[str, Parameter(help="the number of a held-out example, or a file that holds one")],
    b: Annotated[str, Parameter(help="likewise")],
    /,
    *,
    steps: Annotated[int, Parameter(help="how many, the ends included")] = 10,
    path: Annotated[str, Parameter(help="spherical or straight")] = "spherical",
    label: Label = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """The way from one example to another through their codes."""
    opened = load(run)
    where = destination(out, opened, "interpolation")
    x = opened.interpolate(example(a), example(b), steps, path=path, label=label)
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
    label: Label = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """What each dimension of the latent does to an example: a row for each, from -span to span."""
    opened = load(run)
    where = destination(out, opened, "traversal")
    x = opened.traverse(example(start), dimensions=dimensions, steps=steps, span=span, label=label)
    given(x, opened, where, as_json, {"span": span}, columns=steps)


def destination(out: Path | None, run: Run, name: str) -> Path:
    """Where events go: as said, else beside the caller under a fitting name; refused before any work."""
    where = default_for(run.spec, name) if out is None else out
    check_events(where, run.spec)
    return where


def given(
    x: Tensor,
    run: Run,
    where: Path,
    as_json: bool,
    record: dict[str, Any],
    *,
    columns: int | None = None,
    more: Mapping[str, Any] | None = None,
) -> None:
    """Write events, in tables with `more` columns, and say where."""
    write_events(x, run.spec, where, columns, more)
    announce({"file": str(where), "shape": list(x.shape), **record}, as_json, where)


def labels_of(run: Run, split: Examined) -> dict[str, Any]:
    """The column of labels that a conditioned model was given, so that `decode` finds it."""
    return {"label": split.context.numpy()} if run.on_labels and split.context is not None else {}


def save_figure(figure: Any, where: Path) -> None:
    """A figure as a PNG, written whole."""
    whole(where, lambda beside: figure.savefig(beside, format="png"))


def held_out(run: Run, n: int) -> Any:
    """The first n held-out examples."""
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}")
    split = run.split()[1]
    return nullcontext(split.first(min(n, len(split))))


USING: tuple[Callable[..., None], ...] = (evaluate, sample, reconstruct, encode, decode, interpolate, traverse)
