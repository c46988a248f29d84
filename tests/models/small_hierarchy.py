"""A hierarchy of fully connected levels, small enough to be walked by hand."""

import torch
from torch import Tensor, nn

from vaekit.conditionals import Bernoulli, Gaussian
from vaekit.models import Hierarchy, Level, Walk
from vaekit.networks import MLP

STATE, EVIDENCE = 6, 5


class SmallLevel(Level):
    def __init__(self, latent: int) -> None:
        super().__init__()
        self.prior = Gaussian(MLP(STATE, 8), latent)
        self.posterior = Gaussian(MLP(((STATE,), EVIDENCE), 8), latent)
        self.below = MLP(((STATE,), latent), STATE)

    def forward(self, walk: Walk, name: str, h: Tensor) -> Tensor:
        leading = walk.leading
        prior = self.prior(h, leading=leading)
        z = walk.latent(name, prior, lambda: self.posterior(h, walk.spread(walk.evidence["x"]), leading=leading))
        return walk.through(self.below, walk.spread(h, leading), z)


class Upwards(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.network = MLP(size, EVIDENCE)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"x": self.network(x)}


def hierarchy(*latents: int, size: tuple[int, ...] = (1, 8, 8), seed: int = 0) -> Hierarchy:
    """z1 of the first size to the last; weights far enough from 0 that every level matters."""
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        levels = [SmallLevel(latent) for latent in latents]
        model = Hierarchy(Upwards(torch.Size(size).numel()), (STATE,), levels, Bernoulli(MLP(STATE, 8), size))
        for parameter in model.parameters():
            parameter.data += 0.3 * torch.randn_like(parameter)
    return model.eval()


@torch.no_grad()
def by_hand(
    model: Hierarchy, x: Tensor | None, given: dict[str, Tensor], n: int = 1
) -> tuple[Tensor, dict[str, Tensor]]:
    """The mean of p(x|z) and all latents: those given, else the posterior's means of x, else the prior's."""
    h = model.start.expand(n if x is None else len(x), STATE)
    evidence = None if x is None else model.bottom_up.network(x)
    found = {}
    for i, level in enumerate(model.levels, 1):
        name = f"z{i}"
        inferred = evidence is not None and name not in given
        z = level.posterior(h, evidence).mean if inferred else level.prior(h).mean
        found[name] = z if given.get(name) is None else given[name]
        h = level.below(h, found[name])
    return model.decoder(h).mean, found
