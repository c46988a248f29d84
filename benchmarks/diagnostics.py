"""Annealing and the terms of the aggregate posterior against closed forms: how far off, by how many steps or examples.

python benchmarks/diagnostics.py

The first: x in 20 dimensions from 5, exactly normal, so that log p(x) is known (Tipping & Bishop 1999). The second: x ~
N(0, I) and q(z|x) = N(W x, v I), so that q(z) is a normal and I(x; z), the total correlation and the dimension-wise KL are
known; over all N = 10,000 examples, and from minibatches of B of them by both estimators of Chen et al. 2018.
"""

import math
import time
from typing import Any

import torch
from record import write
from torch import Tensor
from torch.distributions import Independent, Normal

from vaekit.conditionals import Gaussian, Shared
from vaekit.data import Split
from vaekit.distributions import log_aggregate_and_marginals, log_minibatch_weights, log_stratified_weights
from vaekit.evaluation import Annealing, annealed_likelihood, bidirectional, log_likelihood, ppca
from vaekit.models import VAE
from vaekit.networks import MLP
from vaekit.priors import StandardNormal

N, BATCHES = 10_000, (64, 256, 1024)
CASES = {"posteriors that overlap": (4, 0.25), "sharp ones": (4, 0.01), "too sharp for N": (10, 0.0025)}  # D and v
ESTIMATORS = {"weighted": log_minibatch_weights, "stratified": log_stratified_weights}
FLOOR = 1e-4  # of `Shared` and of a scale per element


def main() -> None:
    """Both, on one thread."""
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    print(write("diagnostics", {"annealing": annealing(), "aggregate": {name: terms(*c) for name, c in CASES.items()}}))


def annealing(examples: int = 40, chains: int = 16) -> dict[str, Any]:
    """By steps: the lower bound less the truth and the gap between both bounds, nats per example."""
    torch.manual_seed(0)
    loading = torch.randn(5, 20)
    exact = ppca(torch.randn(500, 5) @ loading + 0.7 * torch.randn(500, 20), 5)
    model = linear_vae(exact.weight, exact.noise, exact.mean)
    split = Split(
        (torch.randn(examples, 5) @ exact.weight.T + exact.noise**0.5 * torch.randn(examples, 20) + exact.mean).float()
    )
    truth, found = exact.log_likelihood(split.x), {}
    for samples in (100, 10_000):
        off = log_likelihood(model, split, samples).per_example.values - truth
        found[f"importance sampling from q, {samples:,} samples"] = {"below": float(off.mean())}
    for steps in (10, 100, 1000):
        began, settings = time.perf_counter(), Annealing(steps, chains)
        lower = annealed_likelihood(model, split, settings)
        seconds = time.perf_counter() - began
        both = bidirectional(model, split, settings, n=examples)
        off = lower.per_example.values - truth
        found[f"annealing, {steps:,} steps"] = {
            "below": float(off.mean()),
            "error": float(off.std()) / math.sqrt(examples),
            "gap": both.gap.mean,
            "gap_error": both.gap.standard_error,
            "acceptance": float(lower.acceptance.mean()),
            "seconds": seconds,
        }
    return {"examples": examples, "chains": chains, "found": found}


def linear_vae(weight: Tensor, noise: float, mean: Tensor) -> VAE:
    """N(weight z + mean, noise) with a q of the prior's width about the origin."""
    d, k = weight.shape
    model = VAE(StandardNormal(k), Gaussian(MLP(d), k), Gaussian(MLP(k), d, scale=Shared()))
    q, p = model.encoder.last.layer, model.decoder.last.layer
    with torch.no_grad():
        q.weight.zero_()
        q.bias.zero_()
        p.weight.copy_(weight)
        p.bias.copy_(mean)
        model.decoder.scale.log_scale.fill_(math.log(noise**0.5 - FLOOR))
    return model


def terms(dimensions: int, variance: float) -> dict[str, Any]:
    """Information, total correlation and dimension-wise KL: in closed form, and how far each estimate is off."""
    torch.manual_seed(1)
    weight = 0.5 * (torch.randn(dimensions, dimensions) + torch.eye(dimensions))
    truth = in_closed_form(weight, variance)
    loc = torch.randn(N, dimensions) @ weight.T
    whole = torch.cat([mean_terms(loc, variance, None, rows) for rows in torch.randperm(N)[:2000].split(500)])
    found = {"all": off(whole, truth)}
    for batch in BATCHES:
        for name, weights in ESTIMATORS.items():
            log_w = weights(batch, N)
            minibatches = [mean_terms(loc[torch.randperm(N)[:batch]], variance, log_w) for _ in range(8192 // batch)]
            found[f"{name}, B = {batch:,}"] = off(torch.stack([part.mean(0) for part in minibatches]), truth)
    return {"dimensions": dimensions, "variance": variance, "closed_form": truth.tolist(), "off": found}


def in_closed_form(weight: Tensor, variance: float) -> Tensor:
    """Of q(z) = N(0, C), C = W W^T + v I: log|C| / v^D / 2, (sum log C_dd - log|C|) / 2 and KL of each to N(0, 1)."""
    covariance = weight @ weight.T + variance * torch.eye(len(weight))
    log_det, each = covariance.logdet(), covariance.diagonal()
    information = (log_det - len(weight) * math.log(variance)) / 2
    return torch.stack([information, (each.log().sum() - log_det) / 2, (each - 1 - each.log()).sum() / 2])


def mean_terms(loc: Tensor, variance: float, log_weights: Tensor | None, rows: Tensor | None = None) -> Tensor:
    """The three terms at a draw of each posterior (or of those of `rows`), (M, 3)."""
    q = Independent(Normal(loc, math.sqrt(variance)), 1)
    own = q if rows is None else Independent(Normal(loc[rows], math.sqrt(variance)), 1)
    z = own.sample()
    joint, each = log_aggregate_and_marginals(q, z, log_weights)
    departure = (each - Normal(0.0, 1.0).log_prob(z)).sum(1)
    return torch.stack([own.log_prob(z) - joint, joint - each.sum(1), departure], 1)


def off(found: Tensor, truth: Tensor) -> dict[str, list[float]]:
    """How far the mean of some values lies from the truth, and its standard error."""
    return {"bias": (found.mean(0) - truth).tolist(), "error": (found.std(0) / math.sqrt(len(found))).tolist()}


if __name__ == "__main__":
    main()
