"""A Gaussian head that is sure of its mean where codes lie, and of nothing elsewhere."""

from collections.abc import Sequence

import torch
from sklearn.cluster import KMeans
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal

from vaekit.conditionals.conditional import Conditional, Parameters
from vaekit.conditionals.scales import Optimal, positive
from vaekit.networks import AfterStep, whole_batch

__all__ = ["RadialGaussian"]

KEPT = 4096  # codes that the centres are placed among
SPREAD = 1.25  # of a centre's bump, in mean distances of its codes
LEAST_RADIUS = 1e-3


class RadialGaussian(Conditional, AfterStep):
    """p(x|z) = N(m(z), s(z)^2) with 1 / s(z)^2 = sum_k w_k exp(-l_k |z - c_k|^2) + `floor`, w_k for each element of x.

    Arvanitidis et al. 2018, sec. 4: away from the codes the deviation grows, up to 1 / sqrt(floor), which the mean's own
    network never says. Until `after` steps of training the deviation is the batch's own best. Then `centres` are placed by
    k-means among the latest codes, l_k = (1.25 r_k)^-2 / 2 with r_k the mean distance of those of centre k, and the weights
    are learned. `latent`: the numbers of z, a vector, which the network reads alone. Raises ValueError for nonsense.
    """

    def __init__(
        self,
        network: nn.Module,
        event_shape: int | Sequence[int],
        latent: int,
        *,
        centres: int = 64,
        after: int = 1000,
        floor: float = 1e-3,
        features: int | Sequence[int] | None = None,
    ) -> None:
        super().__init__(network, event_shape, per_element=1, features=features)
        for name, value in (("latent", latent), ("centres", centres), ("after", after)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")
        self.after, self.floor = after, positive(floor, "floor")
        self.early = Optimal()
        self.log_weight = nn.Parameter(torch.zeros(centres, *self.event_shape))
        for name, shape in (("centres", (centres, latent)), ("slope", (centres,)), ("latest", (KEPT, latent))):
            self.register_buffer(name, torch.zeros(shape))
        for name in ("taken", "noted"):
            self.register_buffer(name, torch.zeros((), dtype=torch.long))
        self.register_buffer("placed", torch.zeros((), dtype=torch.bool))
        self.centres: Tensor
        self.slope: Tensor
        self.latest: Tensor
        self.taken: Tensor
        self.noted: Tensor
        self.placed: Tensor
        self.done = False  # `placed`, known without looking at a tensor
        self.register_load_state_dict_post_hook(looked_at)

    def parametrise(self, h: Tensor) -> Parameters:
        """`loc` alone, (B, *event): the deviation is of z, not of features."""
        return {"loc": self.last(h)}

    def start_at(self, mean: Tensor) -> None:
        """Start `loc` at the mean."""
        self.last.start_at(mean)

    def distribution(self, **parameters: Tensor) -> Distribution:
        """Independent(Normal) over the event's axes."""
        normal = Normal(**parameters, validate_args=False) if self.done else self.early.normal(**parameters)
        return Independent(normal, len(self.event_shape), validate_args=False)

    def deviation(self, z: Tensor) -> Tensor:
        """s(z), (B, *event), for z (B, latent)."""
        bumps = (-self.slope * (z[:, None] - self.centres).square().sum(-1)).exp()  # (B, K)
        precision = (bumps @ self.log_weight.exp().flatten(1) + self.floor).unflatten(1, self.event_shape)
        return precision.rsqrt() if self.done else self.early(precision, None)

    def after_step(self) -> None:
        """One more step; at the one that is told, the centres."""
        self.taken += 1
        if int(self.taken) >= self.after and not self.done and int(self.noted) >= len(self.centres):
            self.place()

    def forget(self) -> None:
        """Codes that were noted stay noted."""

    @torch.no_grad()
    def place(self) -> None:
        """Centres among the latest codes, with weights that give the deviation there was."""
        z = self.latest[: min(int(self.noted), KEPT)]
        found = KMeans(len(self.centres), n_init=1, random_state=0).fit(z.double().cpu().numpy())
        centres, own = (torch.as_tensor(t, device=z.device) for t in (found.cluster_centers_, found.labels_))
        distance = (z - centres.to(z)[own.long()]).norm(dim=-1)
        sums = torch.zeros_like(self.slope).index_add(0, own.long(), distance)
        radius = (sums / own.long().bincount(minlength=len(self.centres)).clamp_min(1)).clamp_min(LEAST_RADIUS)
        self.centres.copy_(centres)
        self.slope.copy_(0.5 / (SPREAD * radius).square())
        bumps = (-self.slope * (z[:, None] - self.centres).square().sum(-1)).exp().sum(1).mean()
        self.log_weight.fill_(-float(torch.log(self.early.mean_square * bumps)))
        self.placed.fill_(True)
        self.done = True

    def _outputs(self, *inputs: Tensor) -> Parameters:
        z = inputs[0]
        if self.training and not self.done:
            self.note(whole_batch(z.detach()))
        found = super()._outputs(*inputs)
        return found | {"scale": self.deviation(z.to(found["loc"])).expand_as(found["loc"])}

    def note(self, z: Tensor) -> None:
        """Keep codes, the latest in the place of the oldest."""
        rows = (torch.arange(len(z), device=z.device) + self.noted) % KEPT
        self.latest[rows[-KEPT:]] = z[-KEPT:].to(self.latest)
        self.noted += len(z)


def looked_at(head: nn.Module, _: object) -> None:
    """Whether the centres are placed, after weights were loaded."""
    assert isinstance(head, RadialGaussian)
    head.done = bool(head.placed)
