"""Latents above latents: inferred and generated along one path from the top (Sønderby et al. 2016)."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from itertools import count

import torch
from torch import Tensor, nn

from vaekit.conditionals.conditional import Conditional
from vaekit.models.model import Model
from vaekit.models.walk import Walk
from vaekit.priors.prior import Prior

__all__ = ["Hierarchy", "Level"]


class Level(nn.Module, ABC):
    """One step of the way down: a latent whose prior is read from the state, and the state below it."""

    @abstractmethod
    def forward(self, walk: Walk, name: str, h: Tensor) -> Tensor:
        """Name the latent `name` in `walk`, with a prior made of the state h (*leading, ...); return the state below it.

        `walk.evidence` is what the bottom-up network made of x: a posterior reads its level's own part of it, and h.
        Naming a latent may open leading axes: h is then to be brought in by `walk.spread(h, leading)`.
        """

    def own_prior(self) -> Prior | None:
        """The prior of the level's latent, where another one may take its place."""
        return None

    def set_prior(self, prior: Prior) -> None:
        """Put another prior in its place."""


class Hierarchy(Model):
    """p(z1) p(z2|z1) ... p(x|z1, ..., zL): latents z1 (the top) to zL, each in a `Level`, along one state h.

    `bottom_up`: x (B, *event) to a dict of tensors (B, ...), the evidence of all levels. `start`: the shape of the
    state above z1, which is learned, from zeros; None where the top level reads no state. `levels`: from the top; plain
    modules among them map the state (B, ...) on its way (residual cells, a rise to a larger map). `decoder`: the last
    state to p(x|h).

    Raises ValueError where there is no level.

    Posterior and prior of a level read the same state, so inference and generation share the way down: q(z_l|x, h_l)
    beside p(z_l|h_l), where h_l holds all of z1, ..., z(l-1).
    """

    def __init__(
        self, bottom_up: nn.Module, start: Sequence[int] | None, levels: Sequence[nn.Module], decoder: Conditional
    ) -> None:
        super().__init__()
        if not any(isinstance(level, Level) for level in levels):
            raise ValueError("a hierarchy needs at least one level, got none")
        self.bottom_up, self.decoder = bottom_up, decoder
        self.start: Tensor
        if start is None:
            self.register_buffer("start", torch.zeros(0), persistent=False)
        else:
            self.start = nn.Parameter(torch.zeros(tuple(start)))
        self.levels = nn.ModuleList(levels)
        self.event_shape = decoder.event_shape

    def walk(self, walk: Walk) -> None:
        """z1 to zL, then x."""
        h = self.start.expand(*walk.axes.shape, *self.start.shape)
        names = (f"z{i}" for i in count(1))
        for part in self.levels:
            h = part(walk, next(names), h) if isinstance(part, Level) else walk.through(part, h)
        walk.likelihood("x", self.decoder(h, leading=walk.leading))

    def own_priors(self) -> dict[str, Prior]:
        """Those of levels that have one of their own."""
        return {name: prior for name, level in self._named() if (prior := level.own_prior()) is not None}

    def set_prior(self, name: str, prior: Prior, context: nn.Module | None = None) -> None:
        """That of a level, which sees the state above it and no context."""
        if name not in self.own_priors() or context is not None:
            return super().set_prior(name, prior, context)
        dict(self._named())[name].set_prior(prior)
        return None

    def _named(self) -> list[tuple[str, Level]]:
        levels = [part for part in self.levels if isinstance(part, Level)]
        return [(f"z{i}", level) for i, level in enumerate(levels, 1)]

    def evidence(self, data: Mapping[str, Tensor], context: Tensor | None) -> Mapping[str, Tensor]:
        """What the bottom-up network makes of x."""
        evidence: Mapping[str, Tensor] = self.bottom_up(data["x"])
        return evidence
