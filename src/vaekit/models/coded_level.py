"""A level of a hierarchy whose latent is a map of codes (Razavi et al. 2019, VQ-VAE-2)."""

from torch import Tensor, nn
from torch.distributions import Distribution

from vaekit.conditionals import Quantised
from vaekit.models.hierarchy import Level
from vaekit.models.walk import Walk
from vaekit.priors import PriorOverCodes
from vaekit.priors.prior import Prior

__all__ = ["CodedLevel"]


class CodedLevel(Level):
    """q(z|x, h) quantises what a network makes of the level's evidence and the state h; p(z|h) is over its codes.

    `source` names the level's part of the evidence. `posterior`: evidence and h, or the evidence alone at the top, to
    codes. `prior`: over them, given h below the top. `combine`: h and z, or z alone at the top, to the state below.
    """

    def __init__(
        self, source: str, posterior: Quantised, prior: PriorOverCodes, combine: nn.Module, *, top: bool
    ) -> None:
        super().__init__()
        self.source, self.posterior, self.prior, self.combine, self.top = source, posterior, prior, combine, top

    def forward(self, walk: Walk, name: str, h: Tensor) -> Tensor:
        """The state below."""
        leading, above = walk.leading, () if self.top else (h,)
        p = self.prior(*above, posterior=self.posterior)

        def q() -> Distribution:
            return self.posterior(walk.spread(walk.evidence[self.source]), *above, leading=leading)

        z = walk.latent(name, p, q)
        return walk.through(self.combine, *(walk.spread(t, leading) for t in above), z)

    def own_prior(self) -> Prior:
        """That over the codes."""
        return self.prior

    def set_prior(self, prior: Prior) -> None:
        """Another one over the same codes."""
        assert isinstance(prior, PriorOverCodes)
        self.prior = prior
