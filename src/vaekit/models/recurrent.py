"""A latent at every step of a sequence, under a recurrent state that sees everything before (Chung et al. 2015)."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from vaekit.conditionals.conditional import Conditional
from vaekit.models.scan import Carry, Cell
from vaekit.models.walk import Walk

__all__ = ["Recurrent"]


class Recurrent(Cell):
    """p(z_t|h), p(x_t|z_t, h), q(z_t|x_t, h) and h' = update(x_t, z_t, h): Chung et al. 2015, eqs. 5 to 9.

    Networks: `see`: x_t (B, *event) to features (B, F); `feel`: z_t to features (B, G); `update`: the two side by side
    and h (B, H) to the next h. Conditionals: `prior` of h; `posterior` of the features of x_t, and h; `decoder` of
    those of z_t, and h. The first h is zero.
    """

    def __init__(
        self,
        see: nn.Module,
        feel: nn.Module,
        update: nn.Module,
        hidden: int,
        *,
        prior: Conditional,
        posterior: Conditional,
        decoder: Conditional,
    ) -> None:
        super().__init__()
        self.see, self.feel, self.update, self.hidden = see, feel, update, hidden
        self.prior, self.posterior, self.decoder = prior, posterior, decoder

    def initial(self, batch: int) -> Carry:
        """A state of zeros."""
        return {"h": next(self.update.parameters()).new_zeros(batch, self.hidden)}

    def evidence(self, data: Mapping[str, Tensor], context: Tensor | None) -> Mapping[str, Tensor]:
        """Features of all steps at once, (B, T, F)."""
        x = data["x"]
        return {"seen": self.see(x.flatten(0, 1)).unflatten(0, x.shape[:2])}

    def step(self, walk: Walk, carry: Carry) -> Carry:
        """z_t, then x_t, then the next state."""
        h, leading = carry["h"], walk.leading
        z = walk.latent("z", self.prior(h, leading=leading), lambda: self._posterior(walk, h), 1)
        felt = walk.through(self.feel, z)
        x = walk.likelihood("x", self.decoder(felt, h, leading=leading))
        seen = walk.through(self.see, x) if walk.evidence is None else walk.spread(walk.evidence["seen"])
        return {"h": walk.through(self.update, torch.cat([seen, felt], dim=-1), h)}

    def start_at(self, mean: Tensor) -> None:
        """The decoder's biases, from the data's mean."""
        self.decoder.start_at(mean)

    def _posterior(self, walk: Walk, h: Tensor) -> torch.distributions.Distribution:
        return self.posterior(walk.spread(walk.evidence["seen"]), h, leading=walk.leading)
