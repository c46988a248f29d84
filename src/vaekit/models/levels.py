"""Levels of a hierarchy whose latents are maps of normals: the residual one of NVAE, the top-down block of VDVAE."""

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal

from vaekit.conditionals.conditional import at_least_float32
from vaekit.models.hierarchy import Level
from vaekit.models.walk import Walk
from vaekit.priors import StandardNormal

__all__ = ["ResidualNormal", "TopDown"]

FLOOR = 0.01  # of the scale, Vahdat & Kautz 2020


class ResidualNormal(Level):
    """p(z|h) = N(m, s) and q(z|x, h) = N(m + dm, s exp(ds)): the posterior is told relative to the prior.

    Vahdat & Kautz 2020, sec. 3.2, eq. 3. Both means and both log-scales are softly clamped to (-5, 5) and 0.01 is added
    to the scales, as their code does. So KL(q||p) hardly depends on the prior, and vanishes where dm = ds = 0.

    `source` names the level's part of the evidence e. `shape` (D, H, W) is that of z. Networks: `prior`: h to m and
    log s, (2 D, H, W), or None for a standard normal; `posterior`: e and h to dm and ds, (2 D, H, W); `combine`: h and z
    to the state below.
    """

    def __init__(
        self, source: str, shape: tuple[int, ...], prior: nn.Module | None, posterior: nn.Module, combine: nn.Module
    ) -> None:
        super().__init__()
        self.source, self.shape, self.top = source, shape, StandardNormal(shape)
        self.prior, self.posterior, self.combine = prior, posterior, combine

    def forward(self, walk: Walk, name: str, h: Tensor) -> Tensor:
        """The state below: h and z combined."""
        leading = walk.leading
        raw = None if self.prior is None else walk.through(self.prior, h)
        p = self.top() if raw is None else clamped_normal(raw)
        z = walk.latent(name, p, lambda: self._posterior(walk, h, raw))
        return walk.through(self.combine, walk.spread(h, leading), z)

    def _posterior(self, walk: Walk, h: Tensor, raw: Tensor | None) -> Distribution:
        change = walk.through(self.posterior, walk.spread(walk.evidence[self.source]), h)
        return clamped_normal(change if raw is None else raw + change)


class TopDown(Level):
    """The block of a very deep VAE: q(z|x, h) and p(z|h) of h, a residual from the prior's network, z's part, a block.

    Child 2021, sec. 3.1, fig. 3: h <- h + r(h), then h <- h + project(z), then h <- refine(h). Its means and log-scales
    are free: no clamp, no floor. With a last layer of zeros in `prior`, every level starts at N(0, 1) and r at 0.

    `source` names the level's part of the evidence e. Networks: `prior`: h to the mean and the log-scale of p and to r,
    (2 D + C, H, W); `posterior`: h and e to those of q, (2 D, H, W); `project`: z to (C, H, W); `refine`: h to h.
    """

    def __init__(
        self, source: str, latent: int, prior: nn.Module, posterior: nn.Module, project: nn.Module, refine: nn.Module
    ) -> None:
        super().__init__()
        self.source, self.latent = source, latent
        self.prior, self.posterior, self.project, self.refine = prior, posterior, project, refine

    def forward(self, walk: Walk, name: str, h: Tensor) -> Tensor:
        """The state below: h with its residual, what z adds, and the block over both."""
        leading, found = walk.leading, walk.through(self.prior, h)  # (*leading, 2 D + C, H, W)
        raw, residual = found.split((2 * self.latent, found.shape[-3] - 2 * self.latent), dim=-3)
        z = walk.latent(name, free_normal(raw), lambda: self._posterior(walk, h))
        moved = walk.spread(h + residual, leading)
        return walk.through(self.refine, moved + walk.through(self.project, z))

    def _posterior(self, walk: Walk, h: Tensor) -> Distribution:
        return free_normal(walk.through(self.posterior, h, walk.spread(walk.evidence[self.source])))


def clamped_normal(raw: Tensor) -> Distribution:
    """Normals with mean c(m) and scale exp(c(l)) + 0.01 from maps m, l side by side; c(t) = 5 tanh(t / 5)."""
    loc, log_scale = (5 * torch.tanh(at_least_float32(raw) / 5)).chunk(2, dim=-3)
    return map_of_normals(loc, log_scale.exp() + FLOOR)


def free_normal(raw: Tensor) -> Distribution:
    """Normals with mean m and scale exp(l) from maps m, l side by side, (..., 2 D, H, W)."""
    loc, log_scale = at_least_float32(raw).chunk(2, dim=-3)
    return map_of_normals(loc, log_scale.exp())


def map_of_normals(loc: Tensor, scale: Tensor) -> Distribution:
    """Independent normals over (D, H, W)."""
    return Independent(Normal(loc, scale, validate_args=False), 3, validate_args=False)
