"""Codes and their priors: how many are used, what keeps them alive, and honest bits of a VQ-VAE with a fitted prior.

    python benchmarks/codes.py usage      # CIFAR images, vq-vae with its defaults: codes in use of 512
    python benchmarks/codes.py dead       # MNIST: expiry off and a bad start, the default, FSQ and LFQ
    python benchmarks/codes.py bits       # MNIST in 8 bits: a VQ-VAE under each fitted prior beside the flat conv-vae
    python benchmarks/codes.py score

Each piece is one process with one thread, goes on where it was stopped, and is kept under runs/codes-benchmark. Bits are
of test images under the same discretised logistic likelihood; those of a VQ-VAE count -log p(x|code) and the code's exact
length under its prior (for maskgit a bound of it), those of the flat VAE are importance-sampled. A bad start is a codebook
far from the encoder's vectors: normal draws with a standard deviation of 10, and no k-means.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import record
import torch
from clock import Clock, finished, spent, told

import vaekit as vk
from vaekit.data import Split
from vaekit.evaluation import bound, log_likelihood
from vaekit.evaluation.passes import evaluating, walks
from vaekit.models.code_statistics import CodeStatistics

RUNS = Path("runs/codes-benchmark")
CIFAR, MNIST = "../shared/data/cifar10", "../shared/data/mnist"
USAGE = {"steps": 4000, "batch_size": 100, "patience": 0}
DEAD = {"steps": 1500, "batch_size": 100, "patience": 0}
SMALL: dict[str, Any] = {"channels": (16, 32)}
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "vq, bad start, no expiry": ("vq-vae", {"expiry": 0.0, **SMALL}),
    "vq, bad start, expiry": ("vq-vae", SMALL),
    "vq, k-means, no expiry": ("vq-vae", {"expiry": 0.0, **SMALL}),
    "vq, default": ("vq-vae", SMALL),
    "fsq": ("fsq-vae", SMALL),
    "lfq": ("lfq-vae", SMALL),
}
LIKELIHOOD = "discretised-logistic"
BITS = {
    "vq-vae": ("vq-vae", {"likelihood": LIKELIHOOD, "codes": 256, "channels": (16, 32)}),
    "flat": ("conv-vae", {"likelihood": LIKELIHOOD, "latent": 32, "channels": (16, 32), "blocks": 1}),
}
BITS_PLAN = {"steps": 5000, "batch_size": 100, "lr": 1e-3, "decay": True, "patience": 0}
ATTENTION = {"width": 64, "blocks": 3, "heads": 4}
PRIORS: dict[str, dict[str, Any]] = {
    "transformer": {"steps": 4000, "arguments": ATTENTION},
    "pixelcnn": {"steps": 4000, "arguments": {"width": 32, "layers": 6}},
    "maskgit": {"steps": 4000, "arguments": ATTENTION},
}


def mnist(**options: Any) -> vk.data.Data:
    """60,000 digits in 8 bits, 5,000 of them held out, and the 10,000 of the test."""
    return vk.data.open("mnist", folder=MNIST, seed=0, **options)


def used(model: vk.Model, split: Split) -> dict[str, Any]:
    """Codes in use and their perplexity over a split."""
    statistics = CodeStatistics()
    with evaluating(model):
        for inference in walks(model, split, 1, 0, 250, None):
            statistics.add(inference)
    found = statistics.usage()["z"]
    share = found.used / found.size
    return {
        "used": found.used,
        "of": found.size,
        "digits": found.digits,
        "share": share,
        "perplexity": found.perplexity,
    }


def train_usage(seed: int) -> None:
    """One run with the defaults on CIFAR images."""
    place = RUNS / f"usage-{seed}"
    if (place / "run.json").exists():
        vk.resume(place, callbacks=[Clock(place)])
        return
    vk.train("vq-vae", vk.data.open(CIFAR, seed=0), folder=place, seed=seed, callbacks=[Clock(place)], **USAGE)


def train_dead(kind: str, seed: int) -> None:
    """One of the six on MNIST; a bad start is made by hand, as `fit` starts no codebook on data."""
    place, (recipe, arguments) = RUNS / f"dead-{kind.replace(', ', '-').replace(' ', '_')}-{seed}", KINDS[kind]
    if (place / "run.json").exists():
        return
    digits, clock = mnist(), [Clock(place)]
    if "bad start" not in kind:
        vk.train(recipe, digits, folder=place, arguments=arguments, seed=seed, callbacks=clock, **DEAD)
        return
    torch.manual_seed(seed)
    system = vk.recipe(recipe)(digits.spec, **arguments)
    system.model.start_at(digits.train.mean())
    book = system.model.encoder.quantiser
    with torch.no_grad():
        book.vectors.normal_(0.0, 10.0)
    vk.fit(system.model, system.objective, digits, folder=place, seed=seed, callbacks=clock, **DEAD)


def train_bits(piece: str, seed: int) -> None:
    """The VQ-VAE, the flat VAE, or a prior over the codes of the first."""
    place = RUNS / f"bits-{piece}-{seed}"
    if piece in BITS:
        recipe, arguments = BITS[piece]
        if (place / "run.json").exists():
            vk.resume(place, callbacks=[Clock(place)])
        else:
            vk.train(
                recipe, mnist(), folder=place, arguments=arguments, seed=seed, callbacks=[Clock(place)], **BITS_PLAN
            )
        return
    of = copied(RUNS / f"bits-vq-vae-{seed}", place)
    run = vk.load(of)
    vk.fit_prior(run, piece, seed=seed, callbacks=[Clock(place)], **PRIORS[piece])
    run.report()


def copied(source: Path, place: Path) -> Path:
    """A copy of a finished run for a prior of its own, where there is none yet."""
    import shutil

    if not place.exists():
        shutil.copytree(source, place, ignore=shutil.ignore_patterns("checkpoint", "prior", "*.html"))
    return place


def score_usage(place: Path) -> dict[str, Any]:
    """Usage on the test images, and what was trained."""
    run = vk.load(place, weights="last")
    assert run.data.test is not None
    return {**told(run), **used(run.model, run.data.test), "cpu_seconds": spent(place)}


def score_dead(place: Path, kind: str) -> dict[str, Any]:
    """Usage, distortion and code length on the test digits."""
    recipe, arguments = KINDS[kind]
    digits = mnist()
    model = vk.recipe(recipe)(digits.spec, **arguments).model if "bad start" in kind else None
    run = vk.load(place, model=model, weights="last")
    assert digits.test is not None
    return {**used(run.model, digits.test), "distortion_nats": bound(run.model, digits.test).distortion.mean}


def score_bits(place: Path, piece: str, images: int) -> dict[str, Any]:
    """Bits per dimension of test images, and the length of their codes."""
    run, digits = vk.load(place), mnist()
    assert digits.test is not None
    test = digits.test.first(images)
    parts, dims = bound(run.model, test, seed=0), 784 * 0.6931471805599453
    assert parts.elbo is not None
    assert parts.rate is not None
    found = {
        "images": len(test),
        "distortion_nats": parts.distortion.mean,
        "rate_nats": parts.rate.mean,
        "rate_is_a_bound": bool(parts.bounded),
        "bits_per_dim_bound": -parts.elbo.mean / dims,
        "standard_error": parts.elbo.standard_error / dims,
        "parameters": run.record["parameters"],
        "cpu_seconds": spent(place),
    }
    if piece == "flat":
        estimate = log_likelihood(run.model, test, 100, seed=0)
        found |= {"bits_per_dim": -estimate.mean / dims, "samples": 100}
    return found


def score(images: int) -> None:
    """Everything that is trained."""
    found: dict[str, Any] = {"usage": {}, "dead": {}, "bits": {}}
    for place in finished(RUNS):
        what, _, rest = place.name.partition("-")
        piece, _, seed = rest.rpartition("-")
        kept = place / f"score-{images}.json"
        if not kept.exists():
            kind = next((k for k in KINDS if k.replace(", ", "-").replace(" ", "_") == piece), "")
            scored = (
                score_usage(place)
                if what == "usage"
                else score_dead(place, kind)
                if what == "dead"
                else score_bits(place, piece, images)
            )
            kept.write_text(json.dumps(scored))
        name = next((k for k in KINDS if k.replace(", ", "-").replace(" ", "_") == piece), piece)
        found[what][f"{name}, seed {seed or rest}".lstrip(", ")] = json.loads(kept.read_text())
    settings = {"usage": USAGE, "dead": DEAD, "bits": BITS_PLAN, "priors": PRIORS, "likelihood": LIKELIHOOD}
    print(json.dumps(found, indent=1))
    print(record.write("codes", {"settings": settings, **found}))


def main() -> None:
    """Train a part, or score all that is trained."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["usage", "dead", "bits", "score"])
    parser.add_argument("--piece", help="of dead or bits, that alone")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--images", type=int, default=2000)
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.what == "usage":
        train_usage(given.seed)
    elif given.what == "dead":
        for kind in KINDS if given.piece is None else [given.piece]:
            train_dead(kind, given.seed)
    elif given.what == "bits":
        for piece in [*BITS, *PRIORS] if given.piece is None else [given.piece]:
            train_bits(piece, given.seed)
    else:
        score(given.images)


if __name__ == "__main__":
    main()
