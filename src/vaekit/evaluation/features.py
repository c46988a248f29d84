"""Features for a Fréchet distance where there are no weights of Inception: those of a classifier of the data's labels."""

import hashlib
import math

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, cross_entropy

from vaekit.data import Data, DataSpec, Domain, Split
from vaekit.evaluation.figure import Figure
from vaekit.evaluation.passes import check_count
from vaekit.networks import MLP, Conv, group_norm
from vaekit.training.noise import seed_at

__all__ = ["ClassifierFeatures", "classifier_features"]

FEATURES, BATCH, RATE = 64, 128, 2e-3
CHANNELS, HIDDEN, SIDE = (32, 64, 128), 256, 64
SEEN, FINGERPRINT = 2000, 256
ORDER, NOISE, TEST = 0, 1, 2  # streams of random numbers

TRAINED: dict[str, "ClassifierFeatures"] = {}


class ClassifierFeatures(nn.Module):
    """Examples (N, *event) to the last hidden activations (N, 64) of a small classifier that vaekit trained.

    `data` names the set, `accuracy` is the share of held-out examples whose label it gets right. Pictures go through
    convolutions, everything else through fully connected layers; inputs are standardised. The distances of two such
    networks, or of two sets, cannot be compared, and none of them is FID.
    """

    def __init__(self, data: str, shape: tuple[int, ...], classes: int) -> None:
        super().__init__()
        self.data, self.shape = data, shape
        self.accuracy = Figure(math.nan, "", "not trained yet")
        self.body = body_for(shape)
        self.last = nn.Linear(FEATURES, classes)
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("scale", torch.ones(()))
        self.mean: Tensor
        self.scale: Tensor

    def title(self, samples: int) -> str:
        """What a Fréchet distance of these features is called."""
        name = f"Fréchet distance (features of a classifier of {self.data}'s own labels; not FID)"
        return f"{name}, {samples:,} examples"

    def forward(self, x: Float[Tensor, "N *event"]) -> Float[Tensor, "N 64"]:
        """Examples to features, in float32, where the classifier is."""
        if tuple(x.shape[1:]) != self.shape:
            raise ValueError(f"x must have the shape (N, {', '.join(map(str, self.shape))}), got {tuple(x.shape)}")
        return self.body((x.to(self.mean) - self.mean) / self.scale)

    def logits(self, x: Float[Tensor, "N *event"]) -> Float[Tensor, "N classes"]:
        """Examples to the log-odds of their labels."""
        return self.last(self(x))


class Shrunk(nn.Module):
    """Pictures averaged over squares so that no side is above 64 pixels: large ones cost no more than small ones."""

    def __init__(self, size: tuple[int, ...]) -> None:
        super().__init__()
        self.times = max(1, math.ceil(max(size) / SIDE))
        self.size = tuple(math.ceil(side / self.times) for side in size)

    def forward(self, x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N C h w"]:
        """(N, C, H, W) -> (N, C, *size)."""
        return avg_pool2d(x, self.times, ceil_mode=True) if self.times > 1 else x


def classifier_features(data: Data, seed: int = 0, *, steps: int = 600) -> ClassifierFeatures:
    """A small classifier trained on the labels of `data.train`, and the features under its last layer.

    `steps` of Adam on 128 examples each: about twenty seconds for MNIST on two cores. Its accuracy is that on the test
    split, else on the validation split, else on a tenth of the training split that is then kept out of training. The
    same data, seed and steps give the same network, which is kept for as long as the process lives.

    Raises ValueError for data without labels of at least two classes, or of categories.
    """
    check_count("steps", steps)
    check_labels(data.spec, data.train)
    key = fingerprint(data, seed, steps)
    if key not in TRAINED:
        TRAINED[key] = trained(data, seed, steps)
    return TRAINED[key]


def check_labels(spec: DataSpec, split: Split) -> None:
    """A classifier needs classes to tell apart, and numbers to tell them by."""
    if spec.classes is None or spec.classes < 2 or split.labels is None:
        raise ValueError(f"a classifier needs data with labels of at least 2 classes, got {spec.describe()}")
    if spec.domain is Domain.CATEGORIES:
        raise ValueError(f"a classifier needs numbers, got {spec.describe()}")


def trained(data: Data, seed: int, steps: int) -> ClassifierFeatures:
    """A new network, trained and measured; the caller's random numbers and default type are left alone."""
    generator = torch.Generator().manual_seed(seed_at(seed, ORDER))
    rows = torch.randperm(len(data.train), generator=generator)
    rows = rows[is_known(data.train)[rows]]
    held = next((split for split in (data.test, data.valid) if split is not None and bool(is_known(split).any())), None)
    out = rows[:0] if held is not None else rows[: max(1, len(rows) // 10)]
    kept = rows if len(out) in (0, len(rows)) else rows[len(out) :]
    with torch.random.fork_rng([]), torch.enable_grad():
        torch.manual_seed(seed_at(seed, NOISE))
        assert data.spec.classes is not None
        network = ClassifierFeatures(data.spec.name, data.spec.shape, data.spec.classes).float()
        standardise(network, data.train, kept, generator)
        fit(network, data.train, kept, steps, generator)
    network.eval().requires_grad_(False)
    measured = (data.train, out) if held is None else (held, is_known(held).nonzero().flatten())
    network.accuracy = accuracy(network, *measured, torch.Generator().manual_seed(seed_at(seed, TEST)))
    return network


def is_known(split: Split) -> Bool[Tensor, " N"]:
    """Which examples have a label that is known."""
    assert split.labels is not None
    return (split.labels >= 0).cpu()


def standardise(network: ClassifierFeatures, split: Split, rows: Int[Tensor, " N"], generator: torch.Generator) -> None:
    """Mean and scale of up to 2,000 examples: of all elements of pictures together, else of each element."""
    x = split.batch(rows[:SEEN], generator)["x"].float()
    over = tuple(range(x.ndim)) if x.ndim == 4 else (0,)
    scale = x.std(over, correction=0)
    network.to(x.device)
    network.mean, network.scale = x.mean(over), scale.where(scale > 0, 1.0)


def fit(
    network: ClassifierFeatures, split: Split, rows: Int[Tensor, " N"], steps: int, generator: torch.Generator
) -> None:
    """Adam with its rate going down along a cosine, on rows drawn with replacement."""
    optimiser = torch.optim.Adam(network.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    order = rows[torch.randint(len(rows), (steps, BATCH), generator=generator)]
    for some in split.ahead(list(order)):
        batch = split.batch(some, generator)
        loss = cross_entropy(network.logits(batch["x"]), batch["labels"])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()


@torch.no_grad()
def accuracy(network: ClassifierFeatures, split: Split, rows: Int[Tensor, " N"], noise: torch.Generator) -> Figure:
    """The share of the rows whose label is the likeliest one; its error is that of a binomial share."""
    right = 0
    for some in split.ahead(rows.split(500)):
        batch = split.batch(some, noise)
        right += int((network.logits(batch["x"]).argmax(1) == batch["labels"]).sum())
    share = right / len(rows)
    what = f"share of {len(rows):,} held-out examples whose label the classifier of the features gets right"
    return Figure(share, "of 1", what, math.sqrt(share * (1 - share) / len(rows)))


def body_for(shape: tuple[int, ...]) -> nn.Module:
    """Everything under the last layer: strided convolutions for pictures, an MLP for the rest."""
    if len(shape) != 3 or max(shape[1:]) == 1:
        return MLP(shape, HIDDEN, FEATURES, activation=nn.SiLU)
    shrunk = Shrunk(shape[1:])
    halvings = min(len(CHANNELS), (max(shrunk.size) - 1).bit_length())
    conv = Conv((shape[0], *shrunk.size), *CHANNELS[:halvings], activation=nn.SiLU, norm=group_norm)
    return nn.Sequential(shrunk, conv, MLP(conv.out_shape, FEATURES, activation=nn.SiLU))


def fingerprint(data: Data, seed: int, steps: int) -> str:
    """What tells one training from another: the set's description, and 256 of its examples with their labels."""
    spread = torch.linspace(0, len(data.train) - 1, min(FINGERPRINT, len(data.train))).long()
    batch = data.train.batch(spread, torch.Generator().manual_seed(0))
    told = hashlib.sha256(repr((data.spec.name, data.spec.shape, data.spec.classes, len(data.train))).encode())
    told.update(repr((seed, steps, [None if s is None else len(s) for s in (data.valid, data.test)])).encode())
    for name in ("x", "labels"):
        told.update(batch[name].cpu().contiguous().numpy().tobytes())
    return told.hexdigest()
