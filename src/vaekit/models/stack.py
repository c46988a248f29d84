"""A stack of latents that is inferred from below, each from the one under it (Burda et al. 2016)."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from torch import Tensor, nn
from torch.distributions import Distribution

from vaekit.conditionals.conditional import Conditional, Parameters
from vaekit.models.model import Model
from vaekit.models.walk import Walk
from vaekit.priors.prior import Prior

__all__ = ["Stack"]


class Stack(Model):
    """p(z1) p(z2|z1) ... p(x|zL) with q(zL|x) q(z(L-1)|zL) ... q(z1|z2): z1 is the top, as in a `Hierarchy`.

    `prior`: p(z1). `priors`: p(z2|z1) to p(zL|z(L-1)). `posteriors`: q(z1|z2) to q(zL|x), one for each latent. `decoder`:
    zL to p(x|zL). Burda et al. 2016; trained as it is, its upper latents carry little (Sønderby et al. 2016).

    Raises ValueError where the numbers of priors and posteriors, or their shapes, do not fit each other.
    """

    def __init__(
        self, prior: Prior, priors: Sequence[Conditional], posteriors: Sequence[Conditional], decoder: Conditional
    ) -> None:
        super().__init__()
        check_fit([tuple(prior.event_shape), *(p.event_shape for p in priors)], [q.event_shape for q in posteriors])
        self.prior, self.priors = prior, nn.ModuleList(priors)
        self.posteriors, self.decoder = nn.ModuleList(posteriors), decoder
        self.event_shape = decoder.event_shape

    def walk(self, walk: Walk) -> None:
        """zL to z1 by their posteriors, where there is evidence; then z1 to zL under their priors, and x."""
        posteriors = self._upwards(walk) if walk.evidence is not None else [None] * len(self.posteriors)
        z = walk.latent("z1", self.prior(), posteriors[0])
        for i, (prior, posterior) in enumerate(zip(self.priors, posteriors[1:], strict=True), 2):
            z = walk.latent(f"z{i}", prior(z, leading=walk.leading), posterior)
        walk.likelihood("x", self.decoder(z, leading=walk.leading))

    def evidence(self, data: Mapping[str, Tensor], context: Tensor | None) -> Parameters:
        """The parameters of q(zL|x)."""
        return self.posteriors[-1].outputs(data["x"])  # type: ignore[operator]

    def _upwards(self, walk: Walk) -> list[Callable[[], Distribution]]:
        """Every latent's posterior, from the top, once all but the top one have their values from below."""
        lowest = self.posteriors[-1]
        found: list[Callable[[], Distribution]] = [lambda: lowest.distribution(**walk.evidence)]  # type: ignore[operator]
        for i in range(len(self.posteriors), 1, -1):
            z = walk.propose(f"z{i}", found[0], self.posteriors[i - 1].event_shape)  # type: ignore[arg-type]
            found.insert(0, partial(self.posteriors[i - 2], z, leading=walk.leading))
        return found


def check_fit(priors: list[tuple[int, ...]], posteriors: list[tuple[int, ...]]) -> None:
    """Raise ValueError unless there is a posterior for each prior, of the same shape."""
    if len(priors) != len(posteriors):
        raise ValueError(f"a stack needs a posterior for each latent, got {len(posteriors)} for {len(priors)} latents")
    for i, (p, q) in enumerate(zip(priors, posteriors, strict=True), 1):
        if p != q:
            raise ValueError(f"prior {i} draws z{i} of shape {p}, its posterior of shape {q}: they must be equal")
