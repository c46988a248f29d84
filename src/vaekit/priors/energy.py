"""A prior that is a standard normal tilted by a network (Pang et al. 2020)."""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.distributions import Distribution

from vaekit.distributions.particles import tilted_particles
from vaekit.distributions.tilted import Tilted
from vaekit.priors.prior import Prior

__all__ = ["EnergyPrior", "weighted_chains"]

PARTICLES, SEED = 4096, 0


class EnergyPrior(Prior):
    """exp(f(z)) N(z; 0, I) / Z over a vector of `size`, f = m tanh(t / m) of a network t, `tilt`, from (N, D) to (N,); eq. 2.

    m, `most` nats, bounds what the tilt adds or takes: codes that flee to where no chain goes would else be given ever
    more, and the bound would have no bound. In training the gradient of -log p(z) is that of f under p less that at z
    (eq. 7), from `chains` Langevin chains of `steps` steps of length `step` that start in the normal. The paper takes their
    ends as they are, which near separate modes swings and does not settle; here they are weighted (`weighted_chains`).
    Their log Z is a little low on average. In evaluation it is estimated from 4,096 particles, once for the weights that
    there are and always with the same noise (`tilted_particles`).
    """

    def __init__(
        self, size: int, tilt: nn.Module, *, chains: int = 256, steps: int = 10, step: float = 0.4, most: float = 4.0
    ) -> None:
        super().__init__()
        for said, count, least in (("size", size, 1), ("chains", chains, 1), ("steps", steps, 0)):
            if not isinstance(count, int) or count < least:
                raise ValueError(f"{said} must be a whole number of at least {least}, got {count!r}")
        if not 0 < step < 2:
            raise ValueError(f"step must lie between 0 and 2, beyond which chains of a normal run away, got {step}")
        if not 0 < most < math.inf:
            raise ValueError(f"most must be a finite number of nats above 0, got {most}")
        self.event_shape, self.tilt, self.most = (size,), tilt, most
        self.chains, self.steps, self.step = chains, steps, step
        self.register_buffer("place", torch.zeros(()), persistent=False)
        self.place: Tensor
        self._known: tuple[object, Tensor] | None = None

    def forward(
        self, context: Tensor | None = None, *, posterior: Callable[..., Distribution] | None = None
    ) -> Distribution:
        """Batch shape ()."""
        log_z = self._followed() if self.training and torch.is_grad_enabled() else self.log_normaliser()
        return Tilted(log_z, self.bounded, self.event_shape[0], validate_args=False)

    def bounded(self, z: Tensor) -> Tensor:
        """f, (N, D) to (N,) nats between -most and most."""
        return self.most * torch.tanh(self.tilt(z) / self.most)

    def _followed(self) -> Tensor:
        """log Z with the gradient that the chains give it."""
        noise = self.place.new_empty(self.chains, *self.event_shape).normal_()
        ends, log_w = weighted_chains(self.bounded, noise, self.steps, self.step)
        slope = (log_w.softmax(0) * self.bounded(ends)).sum()
        return log_w.logsumexp(0) - math.log(self.chains) + slope - slope.detach()

    def log_normaliser(self) -> Tensor:
        """log Z (), nats, of the weights that there are now."""
        weights = sums_of(self.tilt)
        if self._known is None or self._known[0] != weights:
            generator = torch.Generator(self.place.device).manual_seed(SEED)
            noise = self.place.new_empty(PARTICLES, *self.event_shape).normal_(generator=generator)
            _, found = tilted_particles(self.bounded, noise, generator)
            self._known = weights, found.to(self.place.dtype)
        return self._known[1]


def sums_of(network: nn.Module) -> tuple[float, ...]:
    """What tells weights from others; torch's own counts of changes leave out those of fused optimisers."""
    each = [p.detach().double() for p in network.parameters()]
    return tuple(float(total) for p in each for total in (p.sum(), p.square().sum()))


def weighted_chains(
    tilt: Callable[[Tensor], Tensor], z: Tensor, steps: int, step: float
) -> tuple[Float[Tensor, "N D"], Float[Tensor, " N"]]:
    """Where `steps` Langevin steps lead from draws z (N, D) of the normal, and log w, E w = Z; no gradient goes through.

    A step z' = z + s^2/2 g_b(z) + s e follows the slope g_b of log f_b(z) = b f(z) - |z|^2/2, with b rising evenly to 1.
    w = f_1(end) / f_0(start) x prod_b N(z; z' + s^2/2 g_b(z'), s^2) / N(z'; z + s^2/2 g_b(z), s^2), so that weighted ends
    have the expectations of p(z) however rough the steps are; Neal 2001, sec. 2, with the kernels of Thin et al. 2021.
    Without steps w is exp(f(z)): plain importance sampling.
    """
    slope_of = torch.func.grad_and_value(lambda v: summed(tilt(v)), has_aux=True)
    with torch.no_grad():
        slope, (_, height) = slope_of(z)
        log_w = z.square().sum(1) / 2  # less log f_0
        for share in [(i + 1) / steps for i in range(steps)]:
            noise = torch.randn_like(z)
            there = z + step**2 / 2 * (share * slope - z) + step * noise
            slope, (_, height) = slope_of(there)
            back = (z - there - step**2 / 2 * (share * slope - there)) / step
            log_w = log_w + (noise.square() - back.square()).sum(1) / 2
            z = there
    return z, log_w + height - z.square().sum(1) / 2


def summed(values: Tensor) -> tuple[Tensor, Tensor]:
    """The sum, whose slope is that of every row, and the rows."""
    return values.sum(), values
