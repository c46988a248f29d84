"""(a) A residual two-level hierarchy whose posterior uses the prior's features; linear-Gaussian, so exact."""

import torch
from torch import Tensor, nn
from torch.distributions import Independent, Normal

from contracts.case import Case
from vaekit.models import Model, Walk
from vaekit.objectives import Distortion, ImportanceWeighted, Rate
from vaekit.priors import StandardNormal

D = 3


def normal(loc: Tensor, variance: Tensor) -> Independent:
    return Independent(Normal(loc, variance.sqrt().expand_as(loc), validate_args=False), 1, validate_args=False)


class ResidualHierarchy(Model):
    """top ~ N(0, 1), z ~ N(a top, q), x ~ N(w z, r), each over D independent columns with their own numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.prior = StandardNormal(D)
        self.a = nn.Parameter(torch.tensor([0.5, -1.2, 2.0]))
        self.w = nn.Parameter(torch.tensor([1.0, 0.7, -0.4]))
        self.q = nn.Parameter(torch.tensor([0.3, 1.0, 0.8]))
        self.r = nn.Parameter(torch.tensor([0.5, 0.2, 1.5]))

    def evidence(self, data, context):
        return {"x": data["x"]}

    def walk(self, walk: Walk) -> None:
        top = walk.latent("top", self.prior(), lambda: self.top_posterior(walk.evidence["x"]))
        p_z = normal(self.a * top, self.q)
        z = walk.latent("z", p_z, lambda: self.residual_posterior(walk.evidence["x"], p_z))
        walk.likelihood("x", normal(self.w * z, self.r))

    def top_posterior(self, x: Tensor) -> Independent:
        gain, noise = self.w * self.a, self.w**2 * self.q + self.r
        variance = 1 / (1 + gain**2 / noise)
        return normal(variance * gain / noise * x, variance)

    def residual_posterior(self, x: Tensor, p_z: Independent) -> Independent:
        """The prior's mean, moved by the gain times what it leaves unexplained; the prior's variance, shrunk."""
        prior_mean, prior_variance = p_z.mean, p_z.variance
        gain = prior_variance * self.w / (self.w**2 * prior_variance + self.r)
        return normal(prior_mean + gain * (x - self.w * prior_mean), (1 - gain * self.w) * prior_variance)


def cases() -> list[Case]:
    model = ResidualHierarchy().double()
    x = torch.linspace(-2, 2, 6 * D, dtype=torch.float64).reshape(6, D)
    with torch.no_grad():
        total = model.w**2 * (model.a**2 + model.q) + model.r
        evidence = normal(torch.zeros_like(x), total).log_prob(x)
    return [
        Case("hierarchy: every weight is the evidence", model, ImportanceWeighted(3), {"x": x}, -evidence),
        Case("hierarchy: distortion and rate of exact q", model, Distortion() + Rate(), {"x": x}, by_draw(model, x)),
    ]


@torch.no_grad()
def by_draw(model: ResidualHierarchy, x: Tensor) -> Tensor:
    """-log p(x|z) at the draws that seed 7 gives, plus both KLs by the formula of two normals; no vaekit in it."""
    torch.manual_seed(7)
    gain, noise = model.w * model.a, model.w**2 * model.q + model.r
    v = 1 / (1 + gain**2 / noise)
    m = v * gain / noise * x
    top = m + v.sqrt() * torch.randn_like(x)
    kl_top = 0.5 * (v + m**2 - 1 - v.log()).sum(-1)
    k = model.q * model.w / (model.w**2 * model.q + model.r)
    shift, ratio = k * (x - model.w * model.a * top), 1 - k * model.w
    z = model.a * top + shift + (ratio * model.q).sqrt() * torch.randn_like(x)
    kl_z = 0.5 * (ratio + shift**2 / model.q - 1 - ratio.log()).sum(-1)
    log_x = -0.5 * ((x - model.w * z) ** 2 / model.r + model.r.log() + torch.log(torch.tensor(2 * torch.pi))).sum(-1)
    return -log_x + kl_top + kl_z
