"""A noisy ring in 20 dimensions: the geodesic between two of its points, with the decoder's variance and without.

    python benchmarks/geometry.py            # a minute on one thread; also draws docs/images/geodesic.png

`geometric-vae` on 3,000 points of a circle of radius 1 in a plane of R^20, with noise of 0.05 in every direction. Two
points 2.51 radians apart: the arc between them is 2.51 long, the chord passes the middle at 0.31. Measured in the data's
plane, where the decoder's mean puts each path: its length and how far it strays from the radius. Arvanitidis et al. 2018.
"""

import argparse
import math
import tempfile
import time
from pathlib import Path

import torch
from matplotlib.figure import Figure
from record import write
from torch import Tensor

import vaekit as vk
from vaekit.latent import geodesic, straight
from vaekit.report.style import BLUE, FAINT, SOFT, VERMILION, dress, new_figure, styled

ANGLE, NOISE, POINTS, STEPS = 2.51, 0.05, 3000, 8000
PICTURE = Path(__file__).parent.parent / "docs" / "images" / "geodesic.png"


def main() -> None:
    """Train, find both ways, write them down and draw them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    torch.set_num_threads(1)
    found = {seed: measured(seed) for seed in parser.parse_args().seeds}
    for seed, (figures, _) in found.items():
        print(seed, figures, flush=True)
    draw(*next(iter(found.values()))[1]).savefig(PICTURE)
    settings = {"angle": ANGLE, "noise": NOISE, "points": POINTS, "steps": STEPS}
    print(write("geometry", {"settings": settings, "seeds": {seed: figures for seed, (figures, _) in found.items()}}))


def measured(seed: int) -> tuple[dict, tuple[Tensor, dict[str, Tensor], Tensor]]:
    """Lengths and strays of the straight line and of both geodesics, and the latent plane they lie in."""
    generator = torch.Generator().manual_seed(seed)
    plane = torch.linalg.qr(torch.randn(20, 2, generator=generator)).Q
    turn = 2 * math.pi * torch.rand(POINTS, generator=generator)
    x = on_ring(turn) @ plane.T + NOISE * torch.randn(POINTS, 20, generator=generator)
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        data = vk.data.open(x.numpy(), seed=seed)
        run = vk.train("geometric-vae", data, folder=f"{folder}/run", steps=STEPS, seed=seed, report=vk.Silent())
        model, codes = run.model.eval(), run.encode(run.split("train")[1])
        ends = run.encode((on_ring(torch.tensor([0.0, ANGLE])) @ plane.T).numpy())
    trained = time.process_time() - began

    def mean(z: Tensor) -> Tensor:
        return model.decode(z).mean

    def both(z: Tensor) -> Tensor:
        d = model.decode(z)
        return torch.cat([d.mean, d.stddev], -1)

    paths = {"straight line": straight(*ends, 50)}
    for name, embed in (("geodesic", both), ("geodesic without the variance", mean)):
        paths[name] = geodesic(embed, *ends, 50, codes).path
    figures = {"arc": ANGLE, "train_cpu_seconds": trained}
    with torch.no_grad():
        for name, path in paths.items():
            shown = mean(path) @ plane
            stray = (shown.norm(dim=1) - 1).abs().max()
            figures[name] = {"length": float(shown.diff(dim=0).norm(dim=1).sum()), "stray": float(stray)}
        grid = torch.cartesian_prod(*[torch.linspace(-2.6, 2.6, 120)] * 2)
        doubt = model.decode(grid).stddev.mean(1).log10().reshape(120, 120)
    return figures, (codes, paths, doubt)


def on_ring(turn: Tensor) -> Tensor:
    """Points of the circle, (N, 2)."""
    return torch.stack([turn.cos(), turn.sin()], -1)


@styled
def draw(codes: Tensor, paths: dict[str, Tensor], doubt: Tensor) -> Figure:
    """The latent plane: codes, how sure the decoder is, and the three ways."""
    figure = new_figure(6.6, 5.2)
    axes = figure.subplots()
    shade = axes.imshow(doubt.T, origin="lower", extent=(-2.6, 2.6, -2.6, 2.6), cmap="Greys", alpha=0.55)
    axes.scatter(*codes.T, s=3, color=FAINT, linewidths=0)
    styles = {"straight line": (SOFT, ":"), "geodesic": (BLUE, "-"), "geodesic without the variance": (VERMILION, "--")}
    for name, path in paths.items():
        colour, line = styles[name]
        axes.plot(*path.T, color=colour, linestyle=line, linewidth=2.2, label=name)
    axes.set_aspect("equal")
    axes.set(xlabel="z1", ylabel="z2")
    dress(axes)
    axes.grid(False)
    figure.colorbar(shade, ax=axes, shrink=0.8, label="log10 of the decoder's deviation")
    figure.legend(loc="outside upper left", ncols=3)
    return figure


if __name__ == "__main__":
    main()
