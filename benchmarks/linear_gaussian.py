"""A linear VAE against its closed form: does training reach the maximum that is known?

python benchmarks/linear_gaussian.py [--data-dir ../shared/data]

A VAE of linear maps with a normal decoder of one learned variance is probabilistic PCA: its best ELBO is the maximum of
the log-likelihood (Tipping & Bishop 1999; Lucas et al. 2019). Trained by vaekit's own Trainer on the ordinary bound:
decoder weights start at random with the data's mean as bias, the encoder starts at zero, where q is the prior. Nothing
else is taken from the data. Results are appended to benchmarks/results/linear_gaussian.json, one entry for each run.
"""

import argparse
import json
import math
import platform
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vaekit.conditionals import Gaussian, Shared
from vaekit.data import Data
from vaekit.data import open as open_data
from vaekit.evaluation import PPCA, bound, log_likelihood, ppca
from vaekit.models import VAE
from vaekit.networks import MLP
from vaekit.objectives import Distortion, Rate
from vaekit.priors import StandardNormal
from vaekit.training import Adam, Phase, Plan, Trainer

RESULTS = Path(__file__).parent / "results" / "linear_gaussian.json"
FLOOR = 1e-4  # of `Shared`


def correlated(n: int = 2000, d: int = 20, k: int = 5, seed: int = 0) -> Tensor:
    """x = z W + 0.3 e + 1, with variances along the principal axes about 9, 4.8, 2.6, 1.4 and 0.8."""
    g = torch.Generator().manual_seed(seed)
    axes = torch.linalg.qr(torch.randn(d, k, generator=g, dtype=torch.float64)).Q
    spread = torch.logspace(math.log10(3.0), math.log10(0.9), k, dtype=torch.float64)
    z, e = (torch.randn(n, size, generator=g, dtype=torch.float64) for size in (k, d))
    return (z * spread @ axes.T + 0.3 * e + 1).float()


def without_holdout(source: Any, **options: Any) -> Data:
    """All training examples in one split."""
    return open_data(source, valid=0, **options)


def linear_vae(mean: Tensor, latent: int, seed: int) -> VAE:
    """Linear encoder (with a scale per dimension, also linear in x) and linear decoder with one learned scale."""
    shape = tuple(mean.shape)
    torch.manual_seed(seed)
    encoder = Gaussian(MLP(shape), latent)
    decoder = Gaussian(MLP(latent), shape, scale=Shared())
    with torch.no_grad():
        nn.init.zeros_(encoder.last.layer.weight)
        nn.init.zeros_(encoder.last.layer.bias)
        decoder.last.layer.bias.copy_(mean.flatten())
    return VAE(StandardNormal(latent), encoder, decoder)


def noise_of(model: VAE) -> float:
    """The decoder's variance."""
    return float(model.decoder.scale.log_scale.detach().double().exp() + FLOOR) ** 2


@torch.no_grad()
def exact_elbo(model: VAE, x: Tensor) -> Tensor:
    """E_q log p(x|z) - KL in closed form, (N,) nats in float64: no draws."""
    q, p = model.encode(x.to(model.decoder.last.layer.weight.dtype)), model.decoder.last.layer
    mean, variance = q.mean.double(), q.variance.double()
    noise = noise_of(model)
    weight, rows = p.weight.double(), x.double().flatten(1)
    residual = (rows - mean @ weight.T - p.bias.double()).square().sum(-1) + variance @ weight.square().sum(0)
    distortion = (rows.shape[1] * math.log(2 * math.pi * noise) + residual / noise) / 2
    return -distortion - (mean.square() + variance - 1 - variance.log()).sum(-1) / 2


@torch.no_grad()
def marginal(model: VAE, x: Tensor) -> Tensor:
    """log p(x) of the trained decoder, N(bias, W W^T + sigma^2), (N,) nats in float64."""
    p = model.decoder.last.layer
    noise = noise_of(model)
    axes, singular, _ = torch.linalg.svd(p.weight.double(), full_matrices=False)
    return PPCA(p.bias.double(), axes, singular.square() + noise, noise).log_likelihood(x)


def largest_angle(model: VAE, exact: PPCA) -> float:
    """Between the decoder's columns and the principal subspace, degrees."""
    ours = torch.linalg.qr(model.decoder.last.layer.weight.detach().double()).Q
    sines = torch.linalg.svdvals(ours - exact.axes @ (exact.axes.T @ ours))
    return math.degrees(math.asin(min(1.0, float(sines.max()))))


def trained(data: Data, latent: int, plan: Plan) -> tuple[VAE, float]:
    """The linear VAE after the plan (its averaged weights, where the plan asks for them), and the seconds it took."""
    seen = data.train.batch(torch.arange(len(data.train)))["x"]
    model = linear_vae(seen.mean(0), latent, plan.seed)
    phase = Phase("main", Distortion() + Rate(), [model], plan.optimiser)
    began = time.perf_counter()
    trainer = Trainer(model, [phase], data, plan)
    trainer.run()
    if trainer.ema is not None:
        trainer.ema.swap()
    return model.eval(), time.perf_counter() - began


def compared(data: Data, latent: int, plan: Plan, within: float) -> dict[str, Any]:
    """Train, and compare with the closed form on the same examples. All figures in nats per example."""
    x = data.train.batch(torch.arange(len(data.train)))["x"]
    exact = ppca(x, latent)
    model, seconds = trained(data, latent, plan)
    best, elbo = float(exact.log_likelihood(x).mean()), float(exact_elbo(model, x).mean())
    found = {
        "closed_form": {
            "noise_variance": exact.noise,
            "log_likelihood": best,
            "rate": float(exact.rate(x).mean()),
        },
        "trained": {
            "elbo_exact": elbo,
            "log_likelihood": float(marginal(model, x).mean()),
            "noise_variance": noise_of(model),
            "largest_principal_angle_degrees": largest_angle(model, exact),
            **estimated(model, data),
        },
        "gap": best - elbo,
        "wanted_gap": within,
        "reached": best - elbo <= within,
    }
    if data.test is not None:
        t = data.test.batch(torch.arange(len(data.test)))["x"]
        found["closed_form"]["log_likelihood_test"] = float(exact.log_likelihood(t).mean())
        found["trained"]["elbo_exact_test"] = float(exact_elbo(model, t).mean())
    return found | {
        "start": "decoder random, bias at the mean; encoder zero",
        "settings": {**asdict(plan), "latent": latent, "examples": len(x)},
        "seconds": round(seconds, 1),
        "versions": versions(),
    }


def estimated(model: VAE, data: Data) -> dict[str, float]:
    """vaekit's own estimates, which must agree with the closed forms within the noise of their draws."""
    few = data.train.first(1000)
    x = few.batch(torch.arange(len(few)))["x"]
    elbo = bound(model, few, draws=100).elbo
    assert elbo is not None
    weighted = log_likelihood(model, few, 100)
    return {
        "bound_minus_exact_elbo_first_1000_100_draws": elbo.mean - float(exact_elbo(model, x).mean()),
        "estimate_minus_log_likelihood_first_1000_100_samples": weighted.mean - float(marginal(model, x).mean()),
    }


def versions() -> dict[str, Any]:
    """What it ran on."""
    return {"python": platform.python_version(), "torch": torch.__version__, "threads": torch.get_num_threads()}


def record(name: str, found: dict[str, Any]) -> None:
    """Append to the results, and print what matters."""
    RESULTS.parent.mkdir(exist_ok=True)
    results = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    results.setdefault(name, []).append(found)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    closed, ours = found["closed_form"], found["trained"]
    print(f"{name}: {found['seconds']} s of training")
    print(f"  closed form  {closed['log_likelihood']:+.6f} nats/example, sigma^2 {closed['noise_variance']:.8f}")
    print(f"  linear VAE   {ours['elbo_exact']:+.6f} nats/example (ELBO), sigma^2 {ours['noise_variance']:.8f}")
    angle = ours["largest_principal_angle_degrees"]
    print(f"  gap {found['gap']:.5f} nats (wanted {found['wanted_gap']}), largest principal angle {angle:.3f} degrees")
    if "log_likelihood_test" in closed:
        print(f"  test: closed form {closed['log_likelihood_test']:+.6f}, ELBO {ours['elbo_exact_test']:+.6f}")


def main() -> None:
    """Both comparisons."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, default=Path("../shared/data"))
    parser.add_argument("--only", choices=("synthetic", "mnist"))
    parser.add_argument("--epochs", type=int, default=300)
    parser.add_argument("--batch-size", type=int, default=500)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--beta2", type=float, default=0.99)
    parser.add_argument("--ema", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.only != "mnist":
        adam = Adam(1e-2, decay=True)
        plan = Plan(epochs=3000, batch_size=200, optimiser=adam, seed=given.seed, compile=True, accelerator="cpu")
        record("synthetic", compared(without_holdout(correlated(), test=0), 5, plan, within=0.01))
    if given.only != "synthetic":
        adam = Adam(given.lr, betas=(0.9, given.beta2), warmup=20, decay=True)
        plan = Plan(
            epochs=given.epochs,
            batch_size=given.batch_size,
            optimiser=adam,
            ema=given.ema or None,
            seed=given.seed,
            compile=True,
            accelerator="cpu",
        )
        data = without_holdout("mnist", folder=given.data_dir / "mnist")
        record("mnist", compared(data, 32, plan, within=0.1))


if __name__ == "__main__":
    main()
