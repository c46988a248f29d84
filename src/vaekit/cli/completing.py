"""`vaekit complete`: the hidden part of examples, drawn several times."""

from pathlib import Path
from typing import Annotated

import torch
from cyclopts import Parameter

from vaekit.cli.given import NOTHING, Beside, files
from vaekit.cli.options import Json, Seed
from vaekit.cli.output import announce, check, write_array
from vaekit.cli.using import save_figure
from vaekit.data import Split
from vaekit.runs import Run, load

__all__ = ["complete"]

SHOWN = 8


def complete(
    run: Annotated[Path, Parameter(help="the run's folder")],
    /,
    *examples: Annotated[
        str, Parameter(help="numbers of held-out examples, or pictures, or one file or folder; the first 8 if not said")
    ],
    n: Annotated[int, Parameter(name=["-n", "--number"], help="how many completions of each")] = 8,
    out: Annotated[Path, Parameter(name=["-o", "--out"], help="a .png, or .npy (examples, completions, ...)")] = Path(
        "completions.png"
    ),
    noisy: Annotated[bool, Parameter(negative=(), help="draw x too, instead of showing the mean of p(x|z)")] = False,
    beside: Beside = NOTHING,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Complete examples of which a part is observed: that part, several completions and the truth side by side."""
    check(out, [".png", ".npy"], "completions")
    opened = load(run)
    split = chosen(opened, examples, beside)
    made = opened.complete(split, n, seed=seed, mean=not noisy)
    if out.suffix.lower() == ".npy":
        write_array(made.numpy(), out)
    else:
        draw(opened, split, made, out)
    announce({"file": str(out), "shape": list(made.shape), "seed": seed}, as_json, out)


def chosen(run: Run, examples: tuple[str, ...], beside: Beside) -> Split:
    """Held-out examples by their numbers, or examples from files."""
    held_out = run.split()[1]
    if not examples:
        return beside.read(run, held_out.first(SHOWN))
    if not all(given.lstrip("-").isdigit() for given in examples):
        with files(examples) as there:
            return beside.read(run, there)
    numbers = [int(given) for given in examples]
    if wrong := [number for number in numbers if not 0 <= number < len(held_out)]:
        raise ValueError(f"examples must be numbers of {len(held_out)} held-out examples, from 0, got {wrong[0]}")
    return beside.read(run, held_out.select(torch.tensor(numbers)))


def draw(run: Run, split: Split, made: torch.Tensor, out: Path) -> None:
    """The picture, as a PNG."""
    from vaekit.report import completions

    mask = run.model.known()
    assert mask is not None
    x = split.all(torch.Generator().manual_seed(0))["x"]
    save_figure(completions(x.cpu(), made, mask.cpu()), out)
