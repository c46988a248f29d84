"""Sentences with a known latent of two dimensions: how a VAE of text collapses, and what each remedy really buys.

    python benchmarks/collapse.py train            # every remedy, three seeds; goes on where it was stopped
    python benchmarks/collapse.py train --remedy "free bits" --seed 1
    python benchmarks/collapse.py score

The corpus follows He et al. 2019, sec. 3: z from a mixture of four normals in the plane, an LSTM of 100 units with fixed
random weights that reads z at every step, 1,000 words, 10 words a sentence; 16,000 sentences to train, 2,000 to validate
and 2,000 to test. `text-vae` with two latent dimensions, an LSTM of 50 units, no dropout, equal updates of the decoder.
--corpus ptb takes sentences of the Penn treebank instead (../shared/data/text; those that are its validation part train).

Tabled: KL, mutual information and active units, and -log p(x) by 100 importance samples of every test sentence, beside
that of the plain model with the same seed: a remedy that buys KL without likelihood is said to. The truth's own -log p(x)
is estimated by importance sampling; that of the words given their z is the floor of the distortion.
"""

import argparse
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import record
import torch
from clock import Clock, finished, spent, told
from torch import Tensor, nn

import vaekit as vk
from vaekit.evaluation import bound, latent_use, log_likelihood
from vaekit.training.validation import information

RUNS = Path("runs/collapse-benchmark")
WORDS, LENGTH, HIDDEN, EMBEDDED = 1000, 10, 100, 100
SIZES = {"train": 16_000, "valid": 2000, "test": 2000}
SAMPLES, TRUE_DRAWS, TRUE_SENTENCES, NEAR = 100, 200, 500, 0.1
SPREAD = 0.5  # of each of the four normals
PLAN = {"batch_size": 32, "lr": 1e-3, "clip": 5.0, "patience": 0, "steps": 3000}
NETWORK = {
    "generated": {"latent": 2, "embedding": 50, "recurrent": 50, "dropout": 0.0},
    "ptb": {"latent": 16, "embedding": 64, "recurrent": 128, "dropout": 0.3},
}
REMEDIES: dict[str, dict[str, Any]] = {
    "plain": {},
    "annealed": {"annealing_steps": 1500},
    "cyclical": {"annealing_steps": 3000, "cycles": 4},
    "free bits": {"free_bits": 0.5},
    "free bits, annealed": {"free_bits": 0.5, "annealing_steps": 1500},
    "word dropout": {"word_dropout": 0.5},
    "lagging": {"aggressive": True},
}


class Truth(nn.Module):
    """Where the generated sentences come from."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.words, self.first = nn.Embedding(WORDS, EMBEDDED), torch.zeros(EMBEDDED)
        self.cell, self.last = nn.LSTMCell(EMBEDDED + 2, HIDDEN), nn.Linear(HIDDEN, WORDS)
        self.begin = nn.Linear(2, HIDDEN)
        for p in self.parameters():
            nn.init.uniform_(p, -1, 1)
        for part, wide in ((self.begin, 5), (self.last, 2.2)):
            for p in part.parameters():
                nn.init.uniform_(p, -wide, wide)
        self.centres = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]]) * 2

    @torch.no_grad()
    def draw(self, n: int) -> tuple[Tensor, Tensor]:
        """Latents (n, 2) and sentences (n, LENGTH)."""
        z = self.latents(n)
        strings: list[Tensor] = []
        for logits in self.steps(z, strings):
            strings.append(torch.distributions.Categorical(logits=logits).sample())
        return z, torch.stack(strings, 1)

    def latents(self, n: int) -> Tensor:
        """Draws of z, (n, 2)."""
        return self.centres[torch.randint(4, (n,))] + SPREAD * torch.randn(n, 2)

    def log_prior(self, z: Tensor) -> Tensor:
        """log p(z), nats."""
        each = torch.distributions.Normal(self.centres, SPREAD).log_prob(z[..., None, :]).sum(-1)
        return each.logsumexp(-1) - math.log(4)

    def steps(self, z: Tensor, strings: list[Tensor]) -> Any:
        """Logits of each word, given those that are in `strings` by then."""
        h, c = self.begin(z).tanh(), torch.zeros(len(z), HIDDEN)
        for t in range(LENGTH):
            shown = self.first.expand(len(z), -1) if t == 0 else self.words(strings[t - 1])
            h, c = self.cell(torch.cat([shown, z], 1), (h, c))
            yield self.last(h)

    @torch.no_grad()
    def log_prob(self, strings: Tensor, z: Tensor) -> Tensor:
        """log p(x|z), (n,) nats."""
        columns = list(strings.unbind(1))
        found = torch.zeros(len(z))
        for t, logits in enumerate(self.steps(z, columns)):
            found = found + logits.log_softmax(1).gather(1, columns[t][:, None])[:, 0]
        return found


def generated() -> tuple[dict[str, Tensor], dict[str, Tensor], Truth]:
    """Sentences and their latents by split, and what they come from."""
    truth = Truth()
    torch.manual_seed(1)
    z, strings = truth.draw(sum(SIZES.values()))
    parts = list(SIZES.values())
    return (
        dict(zip(SIZES, strings.split(parts), strict=True)),
        dict(zip(SIZES, z.split(parts), strict=True)),
        truth,
    )


def data(corpus: str) -> vk.data.Data:
    """The corpus as sentences."""
    if corpus == "ptb":
        return vk.data.open("../shared/data/text/ptb.valid.txt", longest=40, seed=0)
    strings, _, _ = generated()
    lines = [" ".join(f"w{word}" for word in row) for part in ("train", "valid") for row in strings[part].tolist()]
    return vk.data.open(lines, vocabulary=WORDS + 2, valid=SIZES["valid"], seed=0)


def test_split(corpus: str, spec: vk.data.DataSpec) -> vk.data.Split:
    """Sentences that no part of training saw."""
    if corpus == "ptb":
        lines = Path("../shared/data/text/ptb.test.txt").read_text().splitlines()
        kept = [line for line in lines if 0 < len(line.split()) < spec.shape[0]]
        return vk.data.read(kept, spec)
    strings, _, _ = generated()
    return vk.data.read([" ".join(f"w{word}" for word in row) for row in strings["test"].tolist()], spec)


def place_of(corpus: str, remedy: str, seed: int) -> Path:
    """The folder of a run."""
    return RUNS / f"{corpus}-{remedy.replace(', ', '+').replace(' ', '_')}-{seed}"


def train(corpus: str, remedy: str, seed: int) -> None:
    """One run, or the rest of it."""
    place = place_of(corpus, remedy, seed)
    if (place / "run.json").exists() and json.loads((place / "run.json").read_text())["status"] == "finished":
        return
    found, clock = data(corpus), [Clock(place)]
    if (place / "run.json").exists():
        vk.resume(place, data=found, callbacks=clock)
        return
    arguments = NETWORK[corpus] | REMEDIES[remedy]
    vk.train("text-vae", found, folder=place, arguments=arguments, seed=seed, callbacks=clock, **PLAN)


def score(place: Path, corpus: str) -> dict[str, Any]:
    """KL, mutual information, active units and -log p(x) of the test sentences."""
    kept, each = place / "score.json", place / "log_p.npy"
    if kept.exists():
        return json.loads(kept.read_text())
    run = vk.load(place, weights="last")
    split = test_split(corpus, run.spec)
    parts, use = bound(run.model, split, seed=0), latent_use(run.model, split, seed=0)["z"]
    estimate = log_likelihood(run.model, split, SAMPLES, seed=0)
    np.save(each, estimate.per_example.values.numpy())
    assert parts.elbo is not None
    assert parts.rate is not None
    torch.manual_seed(0)
    found = {
        **told(run),
        "kl_nats": parts.rate.mean,
        "mutual_information_nats": information(run.model, split),
        "active_units": use.active,
        "negative_elbo_nats": -parts.elbo.mean,
        "nll_nats": -estimate.mean,
        "standard_error": estimate.standard_error,
        "cpu_seconds": spent(place),
    }
    kept.write_text(json.dumps(found))
    return found


def beside_plain(corpus: str, remedy: str, seed: int) -> dict[str, float] | None:
    """How much lower -log p(x) is than that of the plain model of the same seed, sentence by sentence."""
    mine, plain = place_of(corpus, remedy, seed) / "log_p.npy", place_of(corpus, "plain", seed) / "log_p.npy"
    if remedy == "plain" or not plain.exists():
        return None
    gain = np.load(mine) - np.load(plain)
    return {"gain_nats": float(gain.mean()), "gain_standard_error": float(gain.std(ddof=1) / len(gain) ** 0.5)}


def verdict(kl: float, gain: dict[str, float] | None) -> str:
    """What a remedy bought, in words."""
    if gain is None:
        return "collapsed" if kl < 0.1 else "not collapsed"
    if kl < 0.1:
        return "still collapsed"
    sure = abs(gain["gain_nats"]) > 2 * gain["gain_standard_error"]
    return "KL and likelihood" if sure and gain["gain_nats"] > 0 else "KL, likelihood lost" if sure else "KL alone"


def truths() -> dict[str, float]:
    """-log p(x|z) of the test sentences at their own z, and their -log p(x), under what they come from.

    The second by importance sampling, half from p(z) and half from around the z that a sentence was made with.
    """
    strings, z, truth = generated()
    few, own = strings["test"][:TRUE_SENTENCES], z["test"][:TRUE_SENTENCES]
    torch.manual_seed(2)
    near = torch.distributions.Normal(own, NEAR)
    drawn = torch.stack([truth.latents(len(few)) if k % 2 else near.sample() for k in range(TRUE_DRAWS)])
    log_q = torch.stack([near.log_prob(drawn).sum(-1), truth.log_prior(drawn)]).logsumexp(0) - math.log(2)
    log_w = torch.stack([truth.log_prob(few, one) for one in drawn]) + truth.log_prior(drawn) - log_q
    marginal = log_w.logsumexp(0) - math.log(TRUE_DRAWS)
    return {
        "distortion_floor_nats": -float(truth.log_prob(strings["test"], z["test"]).mean()),
        "nll_nats": -float(marginal.mean()),
        "nll_standard_error": float(marginal.std() / len(few) ** 0.5),
        "sentences": len(few),
        "draws": TRUE_DRAWS,
    }


def main() -> None:
    """Train what is missing, or score what is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["train", "score"])
    parser.add_argument("--remedy", choices=REMEDIES)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--corpus", choices=NETWORK, default="generated")
    given = parser.parse_args()
    torch.set_num_threads(1)
    remedies = REMEDIES if given.remedy is None else [given.remedy]
    if given.what == "train":
        for seed in range(3) if given.seed is None else [given.seed]:
            for remedy in remedies:
                train(given.corpus, remedy, seed)
        return
    found: dict[str, Any] = {}
    done = set(finished(RUNS))
    for corpus in NETWORK:
        for remedy in REMEDIES:
            for seed in range(3):
                place = place_of(corpus, remedy, seed)
                if place not in done:
                    continue
                scored = score(place, corpus)
                gain = beside_plain(corpus, remedy, seed)
                said = {"verdict": verdict(scored["kl_nats"], gain), **(gain or {})}
                found[place.name] = {"corpus": corpus, "remedy": remedy, "seed": seed, **scored, **said}
                print(
                    place.name, {k: v for k, v in found[place.name].items() if isinstance(v, float | str)}, flush=True
                )
    settings = {"plan": PLAN, "network": NETWORK, "remedies": REMEDIES, "samples": SAMPLES}
    print(record.write("collapse", {"settings": settings, "truth": truths(), "runs": found}))


if __name__ == "__main__":
    main()
