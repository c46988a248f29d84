"""The shortest way from one value of a latent to another, as long as what it decodes to changes on it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy.interpolate import CubicSpline
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree
from torch import Tensor

from vaekit.latent.paths import shares

__all__ = ["Geodesic", "geodesic", "path_length"]

Embedding = Callable[[Tensor], Tensor]

POINTS, KNOTS, ROUNDS = 64, 10, 60  # of a curve, what moves it, and steps of L-BFGS
NEIGHBOURS, NODES, BETWEEN = 8, 300, 4  # of the graph that a second start is found on


@dataclass(frozen=True)
class Geodesic:
    """`path` (S, D) at even lengths, its `length` under the metric, that of the straight line, and the starts' lengths."""

    path: Float[Tensor, "S D"]
    length: float
    straight: float
    tried: tuple[float, ...]


def geodesic(
    embed: Embedding,
    a: Float[Tensor, " D"],
    b: Float[Tensor, " D"],
    steps: int,
    codes: Float[Tensor, "N D"] | None = None,
) -> Geodesic:
    """The shortest curve from a to b under G(z) = J(z)^T J(z) with J that of `embed`, (N, D) to (N, E).

    With embed = (mean, deviation) of a decoder it is the expected metric that it pulls back, J_m^T J_m + J_s^T J_s
    (Arvanitidis et al. 2018, eq. 7). A cubic spline is moved to where the curve's energy, the sum of squared steps of
    embed along it, is least: from the straight line and, where `codes` are given, from the shortest way through their
    graph of neighbours, which may pass a hole on the other side; the shorter one is taken.
    """
    shares(a, b, steps)
    ends = torch.stack([a, b]).double()
    starts = [straight_knots(ends)]
    if codes is not None and len(codes) > NEIGHBOURS:
        starts.append(through_graph(embed, ends, codes.double(), a.dtype))
    curves = [settled(embed, ends, knots, a.dtype) for knots in starts]
    lengths = [path_length(embed, curve.to(a.dtype)) for curve in curves]
    best = curves[int(np.argmin(lengths))]
    line = ends[0] + torch.linspace(0, 1, POINTS, dtype=torch.float64)[:, None] * (ends[1] - ends[0])
    path = at_even_lengths(embed, best.to(a.dtype), steps)
    return Geodesic(path, min(lengths), path_length(embed, line.to(a.dtype)), tuple(lengths))


@torch.no_grad()
def path_length(embed: Embedding, path: Float[Tensor, "S D"]) -> float:
    """The length of a path under the metric: of its straight pieces, each taken in a few steps."""
    share = torch.arange(BETWEEN, dtype=path.dtype) / BETWEEN
    fine = (path[:-1, None] + share[:, None] * (path[1:] - path[:-1])[:, None]).flatten(0, 1)
    return float(embed(torch.cat([fine, path[-1:]])).double().diff(dim=0).norm(dim=-1).sum())


def straight_knots(ends: Tensor) -> Tensor:
    """Knots between the ends, (KNOTS - 2, D)."""
    share = torch.linspace(0, 1, KNOTS, dtype=ends.dtype)[1:-1, None]
    return ends[0] + share * (ends[1] - ends[0])


def basis() -> Tensor:
    """Of a natural cubic spline through KNOTS even knots at POINTS even places, (POINTS, KNOTS)."""
    spline = CubicSpline(np.linspace(0, 1, KNOTS), np.eye(KNOTS), bc_type="natural")
    return torch.from_numpy(spline(np.linspace(0, 1, POINTS)))


def settled(embed: Embedding, ends: Tensor, knots: Tensor, dtype: torch.dtype) -> Tensor:
    """The curve (POINTS, D) of least energy that is found from these knots."""
    through, inner = basis(), knots.clone().requires_grad_()
    optimiser = torch.optim.LBFGS([inner], max_iter=ROUNDS, line_search_fn="strong_wolfe")

    def curve() -> Tensor:
        return through @ torch.cat([ends[:1], inner, ends[1:]])

    def closure() -> Tensor:
        optimiser.zero_grad()
        energy = (POINTS - 1) * embed(curve().to(dtype)).double().diff(dim=0).square().sum()
        energy.backward()
        return energy

    with torch.enable_grad():
        optimiser.step(closure)
    return curve().detach()


def through_graph(embed: Embedding, ends: Tensor, codes: Tensor, dtype: torch.dtype) -> Tensor:
    """Knots on the shortest way from end to end over neighbouring codes, under the metric."""
    some = codes[torch.linspace(0, len(codes) - 1, min(NODES, len(codes))).long()]
    nodes = torch.cat([ends, some])
    _, near = cKDTree(nodes.numpy()).query(nodes.numpy(), k=min(NEIGHBOURS + 1, len(nodes)))
    here = torch.arange(len(nodes)).repeat_interleave(near.shape[1] - 1)
    there = torch.from_numpy(near[:, 1:].astype(np.int64)).flatten()
    share = torch.linspace(0, 1, BETWEEN + 1, dtype=torch.float64)[:, None, None]
    pieces = nodes[here] + share * (nodes[there] - nodes[here])  # (BETWEEN + 1, edges, D)
    with torch.no_grad():
        seen = torch.stack([embed(piece.to(dtype)).double() for piece in pieces])
    weights = seen.diff(dim=0).norm(dim=-1).sum(0) + 1e-12
    graph = csr_matrix((weights.numpy(), (here.numpy(), there.numpy())), shape=(len(nodes), len(nodes)))
    _, before = dijkstra(graph, directed=False, indices=0, return_predecessors=True)
    way = [1]
    while way[-1] != 0 and before[way[-1]] >= 0:
        way.append(int(before[way[-1]]))
    if way[-1] != 0:
        return straight_knots(ends)
    line = nodes[torch.tensor(way[::-1])]
    passed = torch.cat([torch.zeros(1, dtype=line.dtype), line.diff(dim=0).norm(dim=-1).cumsum(0)])
    return interpolated(line, passed / passed[-1], torch.linspace(0, 1, KNOTS, dtype=line.dtype))[1:-1]


@torch.no_grad()
def at_even_lengths(embed: Embedding, path: Tensor, steps: int) -> Tensor:
    """`steps` points of a path between which it is equally long under the metric."""
    passed = torch.cat([path.new_zeros(1), embed(path).diff(dim=0).norm(dim=-1).cumsum(0)]).double()
    share = passed / passed[-1].clamp_min(1e-30)
    return interpolated(path.double(), share, torch.linspace(0, 1, steps, dtype=torch.float64)).to(path.dtype)


def interpolated(line: Tensor, places: Tensor, wanted: Tensor) -> Tensor:
    """Values of a polyline (N, D) whose points stand at rising `places`, at others."""
    columns = [np.interp(wanted.numpy(), places.numpy(), column.numpy()) for column in line.T]
    return torch.from_numpy(np.stack(columns, 1))
