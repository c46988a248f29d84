"""The sides that run here: vaekit, the loop that a careful person writes by hand, and the bare decoder."""

import json
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from turns import Clock

LATENT, WIDTH, PIXELS = 16, 512, 784


def by_hand(clock: Clock, x: Tensor, task: dict[str, Any]) -> None:
    """Pixels as bytes, indexed; log-variance posterior; Bernoulli pixels; the sum of losses kept as a tensor."""
    torch.manual_seed(0)
    encoder = nn.Sequential(nn.Linear(PIXELS, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 2 * LATENT))
    decoder = nn.Sequential(nn.Linear(LATENT, WIDTH), nn.ReLU(), nn.Linear(WIDTH, PIXELS))
    parameters = [*encoder.parameters(), *decoder.parameters()]
    optimiser = torch.optim.Adam(parameters, lr=1e-3, fused=task["fused"])

    def epoch() -> Mapping[str, float]:
        total = torch.zeros(())
        for rows in torch.randperm(len(x)).split(task["batch"]):
            batch = x.index_select(0, rows).to(torch.float32).div_(255).flatten(1)
            loc, log_variance = encoder(batch).chunk(2, -1)
            z = loc + torch.randn_like(loc) * (0.5 * log_variance).exp()
            distortion = F.binary_cross_entropy_with_logits(decoder(z), batch, reduction="sum")
            rate = 0.5 * (loc.square() + log_variance.exp() - 1 - log_variance).sum()
            loss = (distortion + rate) / len(rows)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += loss.detach() * len(rows)
        return {"loss": float(total) / len(x)}

    clock.forever(epoch)


def model_of_vaekit() -> nn.Module:
    """The same networks in vaekit's parts."""
    from vaekit.conditionals import Bernoulli, Gaussian
    from vaekit.models import VAE
    from vaekit.networks import MLP
    from vaekit.priors import StandardNormal

    torch.manual_seed(0)
    encoder = Gaussian(MLP(PIXELS, WIDTH), LATENT)
    return VAE(StandardNormal(LATENT), encoder, Bernoulli(MLP(LATENT, WIDTH), (1, 28, 28)))


def by_vaekit(clock: Clock, x: Tensor, task: dict[str, Any]) -> None:
    """The trainer as it is, without a folder and without validation; the clock listens where a progress bar would."""
    from vaekit.data import open as open_data
    from vaekit.objectives import Distortion, Rate
    from vaekit.training.loop import Trainer
    from vaekit.training.optimiser import Adam
    from vaekit.training.phases import Phase
    from vaekit.training.plan import Plan
    from vaekit.training.progress import Silent

    class Listener(Silent):
        def start(self, *_: Any, **__: Any) -> None:
            clock.start()

        def epoch(self, epoch: int, row: Mapping[str, float]) -> None:
            clock.stop(loss=row["train/loss"])
            clock.start()

    model, adam = model_of_vaekit(), Adam(1e-3, fused=task["fused"])
    plan = Plan(
        epochs=1_000_000,
        batch_size=task["batch"],
        optimiser=adam,
        compile=task["compile"],
        precision=task["precision"],
        accelerator="cpu",
    )
    data = open_data(x.numpy(), valid=0, test=0)
    phase = Phase("vae", Distortion() + Rate(), [model], adam)
    Trainer(model, [phase], data, plan, report=Listener()).run()  # type: ignore[arg-type]


def weighed_by_vaekit(clock: Clock, x: Tensor, task: dict[str, Any]) -> None:
    """log p(x) of every image, with `samples` draws of each."""
    from vaekit.data import open as open_data
    from vaekit.evaluation.likelihood import log_likelihood

    model, split = model_of_vaekit(), open_data(x.numpy(), domain="levels", valid=0, test=0).train
    clock.forever(
        lambda: {"mean": log_likelihood(model, split, task["samples"], compile=task["compile"]).mean}  # type: ignore[arg-type]
    )


def decoded_only(clock: Clock, x: Tensor, task: dict[str, Any]) -> None:
    """Logits from as many rows of z as the estimate needs, and nothing else: what no estimate can do without."""
    torch.manual_seed(0)
    decoder = nn.Sequential(nn.Linear(LATENT, WIDTH), nn.ReLU(), nn.Linear(WIDTH, PIXELS))
    z = torch.randn(task["rows_at_once"], LATENT)
    rows = len(x) * task["samples"]

    @torch.no_grad()
    def decode() -> Mapping[str, int]:
        for first in range(0, rows, len(z)):
            decoder(z[: min(len(z), rows - first)])
        return {"rows": rows}

    clock.forever(decode)


SIDES = {"hand": by_hand, "vaekit": by_vaekit, "weighed": weighed_by_vaekit, "decoder": decoded_only}

if __name__ == "__main__":
    clock, task = Clock(), json.loads(sys.argv[1])
    torch.set_num_threads(task["threads"])
    SIDES[task["side"]](clock, torch.from_numpy(np.load(task["images"])), task)
