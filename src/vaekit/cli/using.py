"""What a trained run is asked: evaluate, sample, reconstruct, levels, encode, decode, interpolate, traverse."""

import json
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import torch
from cyclopts import Parameter
from rich.console import Console
from torch import Tensor

from vaekit.cli.coding import for_codes, write_codes
from vaekit.cli.given import NOTHING, Beside, codes_in, examples_in, files, temperatures
from vaekit.cli.options import Codes, CodesOut, Context, Examples, Json, Label, Lengths, Out, Seed, Split
from vaekit.cli.output import (
    announce,
    check,
    check_events,
    default_for,
    is_picture,
    whole,
    write_array,
    write_events,
)
from vaekit.data import Split as Examined
from vaekit.evaluation import Annealing
from vaekit.runs import Run, load
from vaekit.runs.asking import context_of, originals
from vaekit.runs.codes import named
from vaekit.runs.labels import in_turn, is_told

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
    annealed: Annotated[
        int | None,
        Parameter(
            help="a tighter bound by annealed importance sampling in so many steps (500, say), and its gap; takes long: "
            "give --limit"
        ),
    ] = None,
    chains: Annotated[int, Parameter(help="of --annealed, for each example")] = 16,
    aggregate: Annotated[
        bool,
        Parameter(
            negative=(), help="what codes tell, how they hang together, how far they stray, each dimension, holes"
        ),
    ] = False,
    weights: Annotated[str, Parameter(help="best or last")] = "best",
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Bounds, the log-likelihood with its standard error, bits/dim, active units; kept in RUN/evaluation.json."""
    settings = None if annealed is None else Annealing(annealed, chains)
    opened = load(run, weights=weights)
    figures = opened.evaluate(samples, split, seed, limit, annealed=settings, aggregate=aggregate)
    found = opened.quality(split, inception=inception, seed=seed, limit=limit) if quality or inception else None
    more = {} if found is None else {"quality": found.to_dict()}
    record = opened.keep_evaluation(figures, opened.split(split)[0], seed, weights=weights, **more)
    if as_json:
        print(json.dumps(record))
        return
    console = Console(soft_wrap=True)
    console.print(figures.table())
    if figures.aggregate is not None and figures.aggregate.table() is not None:
        console.print(figures.aggregate.table())
    if found is not None:
        console.print(found.table())


def sample(
    run: RunFolder,
    /,
    *,
    n: Annotated[
        int | None,
        Parameter(name=["-n", "--number"], help="how many [default: 64, or one for each row of the context]"),
    ] = None,
    out: Out = None,
    label: Annotated[
        str | None,
        Parameter(
            help="for a model that generates by labels: which one, by number or name [default: every one in turn]"
        ),
    ] = None,
    context: Context = None,
    temperature: Annotated[
        tuple[str, ...],
        Parameter(
            help="spread of the prior, below 1 for more typical samples; of several latents one for each from the top on, "
            "or some by name, as z1=0.7",
            consume_multiple=True,
        ),
    ] = ("1.0",),
    top_k: Annotated[int | None, Parameter(help="of a prior over codes: draw each among so many likeliest")] = None,
    top_p: Annotated[
        float | None, Parameter(help="likewise among the fewest likeliest that have so much probability together")
    ] = None,
    noisy: Annotated[bool, Parameter(negative=(), help="draw x too, instead of showing the mean of p(x|z)")] = False,
    length: Annotated[int | None, Parameter(help="of sequences: how many steps [default: as the data have]")] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Draw from the model: a .png picture, or .npy, .csv, .parquet numbers; -o - for CSV on standard output."""
    opened = load(run)
    where = destination(out, opened, "samples")
    spread = temperatures(temperature)
    count = default_count(opened, label) if n is None and context is None else n
    x = opened.sample(
        count,
        seed,
        context,
        not noisy,
        label=label,
        temperature=spread,
        top_k=top_k,
        top_p=top_p,
        length=length,
    )
    more = {} if not opened.on_labels else {"label": context_of(opened, len(x), label)}
    columns = None
    if is_told(opened) and label is None:
        order, columns = by_class(opened, len(x))
        x, more = x[order], {"label": in_turn(opened, len(x))[order].cpu()}
    given(x, opened, where, as_json, {"temperature": spread, "label": label, "seed": seed}, columns=columns, more=more)


def reconstruct(
    run: RunFolder,
    /,
    *examples: Annotated[str, Parameter(help="pictures, or one file or folder; held-out examples if not said")],
    out: Out = None,
    n: Annotated[int, Parameter(name=["-n", "--number"], help="how many held-out examples")] = SHOWN,
    levels: Annotated[int | None, Parameter(help="from so many latents alone, from the top on")] = None,
    temperature: Annotated[
        float, Parameter(help="of the latents below --levels: 0 for their priors' means, above it for draws")
    ] = 0.0,
    beside: Beside = NOTHING,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Examples through the model and back: originals above (moving ones before) their copies, or numbers in a file.

    Of text every sentence stands in a line, and what comes back of it in the next.
    """
    opened = load(run)
    where = destination(out, opened, "reconstructions")
    with files(examples) if examples else held_out(opened, n) as chosen:
        split = beside.read(opened, chosen)
    x_hat = opened.reconstruct(split, levels=levels, temperature=temperature, seed=seed)
    if opened.spec.words and where.suffix.lower() != ".npy":
        x_hat = torch.stack([split.x[: len(x_hat)].to(x_hat), x_hat], 1)
    if where.suffix.lower() not in (".png", ".gif"):
        given(x_hat, opened, where, as_json, {})
        return
    x = originals(opened, split.first(min(len(split), SHOWN)))
    if opened.spec.clips:
        given(torch.stack([x, x_hat[:SHOWN]], 1), opened, where, as_json, {}, columns=8)
        return
    from vaekit.report import reconstructions

    save_figure(reconstructions(x, x_hat[:SHOWN]), where)
    announce({"file": str(where), "number": len(x), "of": len(split)}, as_json, where)


def levels(
    run: RunFolder,
    /,
    *examples: Annotated[str, Parameter(help="pictures, or one file or folder; held-out examples if not said")],
    out: Out = None,
    n: Annotated[int, Parameter(name=["-n", "--number"], help="how many held-out examples")] = 8,
    most: Annotated[int, Parameter(help="at most so many numbers of latents")] = 8,
    beside: Beside = NOTHING,
    as_json: Json = False,
) -> None:
    """What each latent of a hierarchy adds: examples from the top 1, 2, ... latents, in a .png or an .npy file."""
    opened = load(run)
    kinds = [".npy", *([".gif"] if opened.spec.clips else [".png"] if is_picture(opened.spec.shape) else [])]
    where = out or Path(f"levels{kinds[-1]}")
    check(where, kinds, "examples from each number of latents")
    with files(examples) if examples else held_out(opened, n) as chosen:
        split = beside.read(opened, chosen)
    split = split.first(min(n, len(split)))
    made = opened.by_level(split, most)
    if where.suffix.lower() == ".npy":
        write_array(torch.stack(list(made.values())).numpy(), where)
    elif opened.spec.clips:
        write_events(torch.stack([originals(opened, split), *made.values()]), opened.spec, where, len(split))
    else:
        from vaekit.report import level_by_level

        save_figure(level_by_level(originals(opened, split), made, list(opened.latents)), where)
    announce({"file": str(where), "number": len(split), "levels": list(made)}, as_json, where)


def encode(
    run: RunFolder,
    file: Examples,
    /,
    *,
    out: CodesOut = None,
    draws: Annotated[int | None, Parameter(help="so many draws of q(z|x) (.npy, .npz) instead of its mean")] = None,
    latent: Latent = None,
    beside: Beside = NOTHING,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Codes of examples: the mean of q(z|x), one row each, or draws of it; of several latents all in an .npz file."""
    opened = load(run)
    where = for_codes(out, list(opened.latents), latent, draws)
    with files([file]) as path:
        split = beside.read(opened, path)
        codes = opened.codes(split, draws=draws, seed=seed)
    chosen = codes if where.suffix == ".npz" and latent is None else {latent or "z": named(codes, latent)}
    write_codes(chosen, labels_of(opened, split), where)
    shapes = [list(z.shape) for z in chosen.values()]
    said = {"shape": shapes[0]} if len(chosen) == 1 else {"shapes": dict(zip(chosen, shapes, strict=True))}
    announce({"file": str(where), **said}, as_json, where)


def decode(
    run: RunFolder,
    file: Codes,
    /,
    *,
    out: Out = None,
    latent: Latent = None,
    label: Label = None,
    context: Context = None,
    as_json: Json = False,
) -> None:
    """The mean of p(x|z) at codes, as `encode` writes them; a latent that none are given of is its prior's mean."""
    opened = load(run)
    where = destination(out, opened, "decoded")
    codes, labels = codes_in(file)
    beside = labels if opened.on_labels and label is None and context is None else context
    given(opened.decode(codes, beside, latent=latent, label=label), opened, where, as_json, {})


def interpolate(
    run: RunFolder,
    a: Annotated[str, Parameter(help="the number of a held-out example, or a file that holds one")],
    b: Annotated[str, Parameter(help="likewise")],
    /,
    *,
    steps: Annotated[int, Parameter(help="how many, the ends included")] = 10,
    path: Annotated[str, Parameter(help="spherical, straight or geodesic")] = "spherical",
    label: Label = None,
    lengths: Lengths = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """The way from one example to another through their codes, all latents together."""
    opened = load(run)
    where = destination(out, opened, "interpolation")
    first, last = examples_in(opened, [a, b], label, lengths)
    x = opened.interpolate(first, last, steps, path=path, label=label)
    given(x, opened, where, as_json, {"path": path}, columns=steps)


def traverse(
    run: RunFolder,
    start: Annotated[str, Parameter(help="the number of a held-out example, or a file that holds one")] = "0",
    /,
    *,
    latent: Annotated[
        str | None, Parameter(help="which latent, where the model has several; that with the highest rate if not said")
    ] = None,
    dimensions: Annotated[
        tuple[int, ...] | None,
        Parameter(help="which; the ten of the highest KL if not said, those first", consume_multiple=True),
    ] = None,
    steps: Annotated[int, Parameter(help="how many values of each")] = 9,
    span: Annotated[float, Parameter(help="from -span to span standard deviations of the prior")] = 2.5,
    follow: Annotated[
        bool, Parameter(negative=(), help="latents below go to their priors' means; else they keep the example's codes")
    ] = False,
    label: Label = None,
    lengths: Lengths = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """What each dimension of a latent does to an example: a row for each, the others left alone."""
    opened = load(run)
    where = destination(out, opened, "traversal")
    (first,) = examples_in(opened, [start], label, lengths)
    x = opened.traverse(first, latent=latent, dimensions=dimensions, steps=steps, span=span, label=label, follow=follow)
    given(x, opened, where, as_json, {"span": span}, columns=x.shape[1])


def default_count(run: Run, label: str | None) -> int:
    """How many samples to draw: 64, or eight of each class where those come in turn."""
    return 8 * (run.spec.classes or 1) if is_told(run) and label is None else 64


def by_class(run: Run, n: int) -> tuple[Tensor, int | None]:
    """The order that puts samples whose classes come in turn class by class, and how many there are of each.

    As they come and None where classes have not all as many.
    """
    labels = in_turn(run, n).cpu()
    each, more = divmod(n, run.spec.classes or 1)
    return (torch.arange(n), None) if more else (labels.argsort(stable=True), each)


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


USING: tuple[Callable[..., None], ...] = (
    evaluate,
    sample,
    reconstruct,
    levels,
    encode,
    decode,
    interpolate,
    traverse,
)
