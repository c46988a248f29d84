"""How noisy estimators of the encoder's gradient are, at one posterior: the score function, the path, and relaxations."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import Distribution

from vaekit.data import Split
from vaekit.distributions import Flowing, PointMass, RelaxedCodes, parameters_of, with_parameters
from vaekit.evaluation.passes import batches, evaluating
from vaekit.models import Model, Set
from vaekit.objectives import leave_one_out

__all__ = ["Estimator", "GradientNoise", "estimators_of", "gradient_noise", "noise_of"]

Cost = Callable[[Tensor], Tensor]
Estimator = Callable[[Distribution, Cost, int], Tensor]
Baseline = Callable[[Tensor, Callable[[], Tensor]], Tensor]  # of the draws' costs, and of others if it asks for them
CONTEXT = "context"
TEMPERATURES = (1.0, 0.5, 0.1)
SCORE, OTHERS, AVERAGE = "score function", "score function, leave-one-out", "score function, mean baseline"
PATH = "pathwise"


@dataclass(frozen=True)
class GradientNoise:
    """Of one estimator: its `variance`, summed over q's parameters and averaged over examples, and the `signal` and `bias`.

    `signal` is the squared norm of the expected gradient, averaged likewise; `bias`, how far the estimator's own
    expectation lies from that gradient, as a share of its norm, None for an estimator without one.
    """

    variance: float
    signal: float
    bias: float | None

    @property
    def signal_to_noise(self) -> float:
        """Norm of the expected gradient over the standard deviation of an estimate."""
        return (self.signal / self.variance) ** 0.5 if self.variance > 0 else float("inf")


def gradient_noise(
    model: Model, split: Split, n: int = 64, *, draws: int = 4, repeats: int = 200, seed: int = 0
) -> dict[str, GradientNoise]:
    """Estimators of the gradient of E_q[-log p(x|z)] in the parameters of q(z|x), by name: each with its variance.

    Of the first `n` examples of a split. `model` has one latent; of a real one the score function and the path are
    compared, of codes the score function, relaxations at three temperatures and the straight-through gradient. Every
    estimate takes `draws` draws of each example, so as many passes of the decoder (the mean cost as baseline is that of as
    many others). Raises ValueError for other models, and for fewer than 2 draws or repeats.
    """
    for name, value, least in (("n", n, 1), ("draws", draws, 2), ("repeats", repeats, 2)):
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
    some = split.select(torch.arange(min(n, len(split))))
    with evaluating(model):
        batch = next(iter(batches(model, some, len(some), seed, None)))
        found = model.infer(batch.data, batch.context)
        latents = list(found.latents.values())
        if len(latents) != 1 or latents[0].timed or latents[0].posterior is None:
            raise ValueError(
                f"gradients are compared for models of one latent with a posterior, got latents {sorted(found.latents)}"
            )
        q, name = latents[0].posterior, latents[0].name

        def cost(z: Tensor) -> Tensor:
            data, context = repeated({**batch.data, CONTEXT: batch.context}, len(z))
            walked = model.infer(data, context, at={name: Set(z.flatten(0, 1))})
            return walked.distortion.unflatten(0, z.shape[:2])

        with torch.enable_grad():
            return noise_of(q, cost, estimators_of(q), draws=draws, repeats=repeats)


def repeated(named: Mapping[str, Tensor | None], times: int) -> tuple[dict[str, Tensor], Tensor | None]:
    """Data and context with their rows over and over."""
    more = {k: t.expand(times, *t.shape).flatten(0, 1) for k, t in named.items() if t is not None}
    return more, more.pop(CONTEXT, None)


def noise_of(
    q: Distribution, cost: Cost, estimators: Mapping[str, Estimator], *, draws: int, repeats: int
) -> dict[str, GradientNoise]:
    """The same for any q of batch shape (B,) and `cost` of draws (draws, B, *event), (draws, B).

    The expected gradient is that of the estimators without a bias, each weighed by how quiet it is.
    """
    means, variances = {}, {}
    for name, estimator in estimators.items():
        found = torch.stack([gradient_of(q, cost, estimator, draws) for _ in range(repeats)])  # (repeats, B, P)
        means[name], variances[name] = found.mean(0), found.var(0).sum(-1).mean()
    unbiased = [name for name in estimators if not biased(name)]
    weights = {name: 1 / variances[name].clamp_min(1e-30) for name in unbiased}
    share = {name: w / torch.stack(list(weights.values())).sum() for name, w in weights.items()}
    truth = torch.stack([share[name] * means[name] for name in unbiased]).sum(0)
    noise = 1 / torch.stack(list(weights.values())).sum() / repeats
    signal = (truth.square().sum(-1).mean() - noise).clamp_min(0)
    rows = {}
    for name, mean in means.items():
        apart = (mean - truth).square().sum(-1).mean() - variances[name] / repeats - noise
        bias = float(apart.clamp_min(0).sqrt() / signal.sqrt().clamp_min(1e-30)) if biased(name) else None
        rows[name] = GradientNoise(float(variances[name]), float(signal), bias)
    return rows


def gradient_of(q: Distribution, cost: Cost, estimator: Estimator, draws: int) -> Tensor:
    """One estimate, (B, P): of all tensors of q that have a gradient, side by side."""
    leaves = {name: p.detach().clone().requires_grad_(p.is_floating_point()) for name, p in parameters_of(q).items()}
    loss = estimator(with_parameters(q, leaves), cost, draws)
    slopes = torch.autograd.grad(loss.sum(), [p for p in leaves.values() if p.requires_grad])
    return torch.cat([slope.reshape(q.batch_shape[0], -1) for slope in slopes], 1)


def estimators_of(q: Distribution) -> dict[str, Estimator]:
    """Those that fit q, each from (q, cost, draws) to a loss (B,) with the gradient. ValueError where q has none."""
    scores: dict[str, Estimator] = {
        SCORE: scored(lambda own, others: torch.zeros_like(own)),
        OTHERS: scored(lambda own, others: leave_one_out(own)),
        AVERAGE: scored(lambda own, others: others().mean(0)),
    }
    if isinstance(q, RelaxedCodes):
        relaxed = {f"relaxed, temperature {t:g}": relaxation(t, through=False) for t in TEMPERATURES}
        return scores | relaxed | {"straight-through, temperature 1": relaxation(1.0, through=True)}
    if q.has_rsample and not isinstance(q, PointMass | Flowing):
        return scores | {PATH: pathwise}
    raise ValueError(
        f"a posterior with a density that draws along a path, or one of codes, is needed, got {type(q).__name__}"
    )


def biased(name: str) -> bool:
    """Whether an estimator's expectation is another one than the gradient."""
    return name.startswith(("relaxed", "straight"))


def scored(baseline: Baseline) -> Estimator:
    """(cost - baseline) log q(z) over draws without a path."""

    def loss(q: Distribution, cost: Cost, draws: int) -> Tensor:
        def charged(z: Tensor) -> Tensor:
            return cost(z).detach()

        z = without_path(q, draws)
        own = charged(z)
        return ((own - baseline(own, lambda: charged(without_path(q, draws)))) * q.log_prob(z)).mean(0)

    return loss


def pathwise(q: Distribution, cost: Cost, draws: int) -> Tensor:
    """The cost along z = T(noise; parameters of q)."""
    return cost(q.rsample((draws,))).mean(0)


def relaxation(temperature: float, through: bool) -> Estimator:
    """The cost of relaxed draws, or of hard ones with the gradient of the relaxed."""

    def loss(q: Distribution, cost: Cost, draws: int) -> Tensor:
        assert isinstance(q, RelaxedCodes)
        soft = RelaxedCodes(q.logits, temperature, through, q.positions, through=through)
        return cost(soft.rsample((draws,))).mean(0)

    return loss


def without_path(q: Distribution, draws: int) -> Tensor:
    """Draws as they come, hard ones of codes."""
    with torch.no_grad():
        return q.sample((draws,)) if not isinstance(q, RelaxedCodes) else hard(q).rsample((draws,))


def hard(q: RelaxedCodes) -> RelaxedCodes:
    """The same probabilities, drawn as codes."""
    return RelaxedCodes(q.logits, hard=True, positions=q.positions)
