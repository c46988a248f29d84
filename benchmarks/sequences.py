"""Content and motion told apart: dsvae on generated sprites, judged by classifiers that have seen real clips alone.

    python benchmarks/sequences.py train --seed 0        # about 15 CPU minutes on one thread; again to go on
    python benchmarks/sequences.py score                 # every run that is trained, beside the judges' own errors
    python benchmarks/sequences.py fresh --run NAME      # a run on 3,000 more clips, on which nothing was chosen
    python benchmarks/sequences.py memory --seed 0       # vrnn beside a VAE that sees one frame at a time

Swapped clips take the content of one held-out clip and the motion of another. A judge of each colour and one of the
motion, trained on 3,000 other real clips, say what they see: the colours must be those of the first, the motion that of
the second. A probe (logistic regression) on the latents says what each of them gives away of the other's part.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import record
import torch
from clock import Clock, finished, spent, told
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

import vaekit as vk
from vaekit.evaluation import bound
from vaekit.latent import encoded, typical
from vaekit.models import Draw, FromPrior, Mean, Set
from vaekit.recipes import frames

RUNS = Path("runs/sequences-benchmark")
PARTS = {"model": slice(0, 3000), "judges": slice(3000, 6000), "held": slice(6000, 6600)}  # of clips that all differ
PARTS |= {"fresh": slice(6600, 9600)}  # on which nothing was chosen
PAIRS = 1003  # the seed that chooses which clip is swapped with which
PLAN = {"batch_size": 16, "lr": 2e-3, "decay": True, "patience": 0}
NETWORK = {"latent": 16, "channels": (16, 32, 64)}
MEMORY = {"data": "moving-digits:2000x12", "vrnn": {"batch_size": 16}, "frames": {"batch_size": 192}}


def place_of(seed: int, steps: int, arguments: dict) -> Path:
    """The folder of a run."""
    said = "".join(f"-{name}-{value}" for name, value in arguments.items())
    return RUNS / f"dsvae-{steps}-{seed}{said}".replace(" ", "")


def clips(part: str) -> vk.data.Sequences:
    """The model's own, the judges', or those that neither has seen."""
    whole, rows = vk.data.sprites(PARTS[part].stop, seed=0), PARTS[part]
    content = {name: y[rows] for name, y in whole.content.items()}
    return replace(whole, x=whole.x[rows], content=content, motion=whole.motion[rows], origin=None)


def train(place: Path, seed: int, steps: int, arguments: dict) -> None:
    """Train into runs/, or go on there; CPU seconds are kept beside the run."""
    clock, chosen = [Clock(place)], clips("model")
    data = vk.data.open(chosen.x, timed=True, levels=chosen.levels, test=0, seed=0)
    if (place / "run.json").exists():
        vk.resume(place, data=data, callbacks=clock)
    else:
        vk.train("dsvae", data, folder=place, arguments=arguments, steps=steps, seed=seed, callbacks=clock, **PLAN)


class Judge(nn.Module):
    """Names every attribute of clips (B, T, 3, 32, 32) in [0, 1], and the motion."""

    def __init__(self, classes: dict[str, int], steps: int) -> None:
        super().__init__()
        self.look = nn.Sequential(
            nn.Conv2d(3, 12, 5, stride=2, padding=2),
            nn.ReLU(),
            nn.Conv2d(12, 24, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(24 * 64, 64),
            nn.ReLU(),
        )
        self.name = nn.ModuleDict(
            {name: nn.Sequential(nn.Linear(64 * steps, 64), nn.ReLU(), nn.Linear(64, n)) for name, n in classes.items()}
        )

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Logits by attribute."""
        seen = self.look(x.flatten(0, 1)).unflatten(0, x.shape[:2]).flatten(1)
        return {name: head(seen) for name, head in self.name.items()}


def judge(clips: vk.data.Sequences, epochs: int = 4) -> Judge:
    """Trained on real clips."""
    factors = factors_of(clips)
    torch.manual_seed(0)
    made = Judge({name: len(clips.names[name]) for name in factors}, clips.x.shape[1])
    optimiser = torch.optim.Adam(made.parameters(), 1e-3)
    for _ in range(epochs):
        for rows in torch.randperm(len(clips)).split(32):
            logits = made(as_unit(clips.x[rows.numpy()]))
            losses = [nn.functional.cross_entropy(logits[name], y[rows]) for name, y in factors.items()]
            optimiser.zero_grad()
            sum(losses).backward()
            optimiser.step()
    return made.eval()


def factors_of(clips: vk.data.Sequences) -> dict[str, Tensor]:
    """Every attribute and the motion, (N,) each."""
    return {name: torch.from_numpy(y) for name, y in (*clips.content.items(), ("motion", clips.motion))}


def as_unit(x: np.ndarray) -> Tensor:
    """Levels as models see them."""
    return torch.from_numpy(x).float() / 7


@torch.no_grad()
def named(by: Judge, x: Tensor, truth: dict[str, Tensor]) -> dict[str, float]:
    """The share of clips whose attribute is named as it should be; "content" is all of the colours at once."""
    said = {name: torch.cat([by(part)[name] for part in x.split(100)]).argmax(1) for name in truth}
    right = {name: said[name] == truth[name] for name in truth}
    whole = torch.stack([r for name, r in right.items() if name != "motion"]).all(0)
    return {name: float(r.double().mean()) for name, r in {**right, "content": whole}.items()}


@torch.no_grad()
def made(model: vk.Model, a: Tensor, b: Tensor, how: str) -> Tensor:
    """The content of a and the motion of b, each by its own clip, as `how` says."""
    default = Draw() if how == "drawn" else Mean()
    own = {"content": model.infer(a, default=default), "motion": model.infer(b, default=default)}
    at = {name: Set(found.latents[name].value) for name, found in own.items()}
    if how.endswith("from the prior"):
        at[how.split()[0]] = FromPrior()
    return typical(model.infer(b, at=at)).clamp(0, 1)


def swapped(model: vk.Model, held: vk.data.Sequences, by: Judge, how: str) -> dict[str, float]:
    """How often the content of each clip and the motion of another are named rightly of the two together."""
    x, factors = as_unit(held.x), factors_of(held)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(PAIRS))
    other = order.roll(1)[order.argsort()]  # every clip has another one, none itself
    truth = {name: y[other] if name == "motion" else y for name, y in factors.items()}
    torch.manual_seed(0)
    parts = [made(model, x[rows], x[other[rows]], how) for rows in torch.arange(len(x)).split(100)]
    return named(by, torch.cat(parts), truth)


def score(place: Path, by: Judge, held: vk.data.Sequences) -> dict:
    """Everything that is measured of a run."""
    run = vk.load(place, weights="last")
    x, factors = as_unit(held.x), factors_of(held)
    ways = ("mean", "drawn", "content from the prior", "motion from the prior")
    found = {how: swapped(run.model, held, by, how) for how in ways}
    split = vk.data.read(held.x, run.spec)
    figures = bound(run.model, split, seed=0)
    return {
        **told(run),
        "train_cpu_seconds": spent(place),
        "swapped": found,
        "reconstructed": named(by, run.reconstruct(split).clamp(0, 1), factors),
        "leak": leaks(run.model, x, factors),
        "negative_elbo_nats": -figures.elbo.mean,
        "rates_nats": {name: rate.mean for name, rate in figures.rates.items()},
    }


@torch.no_grad()
def leaks(model: vk.Model, x: Tensor, factors: dict[str, Tensor]) -> dict:
    """What a linear probe tells of every factor from each latent's posterior mean, on the half it has not seen."""
    parts = [encoded(model, part) for part in x.split(100)]
    codes = {name: torch.cat([part[name] for part in parts]).flatten(1).numpy() for name in parts[0]}
    half = len(x) // 2
    found: dict = {"chance": {name: float(torch.bincount(y[half:]).max() / half) for name, y in factors.items()}}
    for latent, z in codes.items():
        scaled = (z - z[:half].mean(0)) / (z[:half].std(0) + 1e-6)
        found[latent] = {}
        for name, y in factors.items():
            probe = LogisticRegression(max_iter=500, C=0.1).fit(scaled[:half], y[:half])
            found[latent][name] = float(probe.score(scaled[half:], y[half:]))
    return found


def memory(seed: int, steps: int) -> dict:
    """-ELBO of held-out clips of moving digits: vrnn, and a VAE of single frames with its networks, as many of them."""
    data = vk.data.open(MEMORY["data"], seed=0)
    found: dict = {"data": MEMORY["data"], "seed": seed, "steps": steps}
    for name, trained in (("vrnn", with_memory), ("frames", without_memory)):
        place = RUNS / f"{name}-{steps}-{seed}"
        plan = {"lr": 2e-3, "decay": True, "patience": 0, "steps": steps, "seed": seed, **MEMORY[name]}
        run = trained(data, place, plan)
        test = data.test if name == "vrnn" else vk.data.read(flat(data.test), run.spec)
        per_clip = bound(run.model, test, seed=0).elbo.values.reshape(len(data.test), -1).sum(1)
        found[name] = {
            "negative_elbo_nats_per_clip": -float(per_clip.mean()),
            "standard_error": float(per_clip.std() / len(per_clip) ** 0.5),
            "parameters": run.record["parameters"],
            "cpu_seconds": spent(place),
        }
    return found


def with_memory(data: vk.data.Data, place: Path, plan: dict) -> vk.Run:
    """vrnn at its last weights, trained where it is not."""
    if not (place / "last.safetensors").exists():
        vk.train("vrnn", data, folder=place, arguments=NETWORK, callbacks=[Clock(place)], **plan)
    return vk.load(place, weights="last")


def without_memory(data: vk.data.Data, place: Path, plan: dict) -> vk.Run:
    """A VAE of frames with the networks that vrnn has for them, at its last weights, trained where it is not."""
    single = vk.data.open(flat(data.train), levels=data.spec.levels, valid=0, test=0)
    single = replace(single, valid=vk.data.read(flat(data.valid), single.spec))
    torch.manual_seed(plan["seed"])
    latent, channels = NETWORK["latent"], NETWORK["channels"]
    model = vk.VAE(
        vk.StandardNormal(latent),
        vk.Gaussian(frames.seeing(single.spec, channels, 128), latent, features=128),
        frames.likelihood(single.spec, frames.showing(single.spec, channels, latent), None),
    )
    model.start_at(single.train.mean())
    if not (place / "last.safetensors").exists():
        vk.fit(model, vk.Distortion() + vk.Rate(), single, folder=place, callbacks=[Clock(place)], **plan)
    return vk.load(place, model=model, weights="last")


def flat(split: vk.data.Split) -> np.ndarray:
    """Every frame of every clip, (N T, C, H, W)."""
    return split.x.flatten(0, 1).numpy()


def main() -> None:
    """Train a run, score all that are trained, or compare with a model without memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["train", "score", "fresh", "memory"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--run", default="", help="the name of a folder of runs, for fresh")
    parser.add_argument("--set", nargs=2, action="append", default=[], metavar=("OPTION", "VALUE"), help="of dsvae")
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.what == "train":
        arguments = {name: json.loads(value) for name, value in given.set}
        return train(place_of(given.seed, given.steps, arguments), given.seed, given.steps, arguments)
    kept = record.RESULTS / "sequences.json"
    before = json.loads(kept.read_text()) if kept.exists() else {}
    if given.what == "fresh":
        run = vk.load(RUNS / given.run, weights="last")
        found = {"fresh": {given.run: swapped(run.model, clips("fresh"), judge(clips("judges")), "mean")}}
    elif given.what == "memory":
        found = {"memory": {**before.get("memory", {}), str(given.seed): memory(given.seed, given.steps)}}
    else:
        held, by = clips("held"), judge(clips("judges"))
        found = {"judges": named(by, as_unit(held.x), factors_of(held)), "runs": dict(before.get("runs", {}))}
        for place in finished(RUNS, "dsvae-*"):
            found["runs"][place.name] = score(place, by, held)
            print(json.dumps({place.name: found["runs"][place.name]}, indent=1), flush=True)
    rows = {part: [rows.start, rows.stop] for part, rows in PARTS.items()}
    print(record.write("sequences", {**before, **found, "clips": rows}))
    return None


if __name__ == "__main__":
    main()
