"""Every recipe on small data: a new recipe is a row by itself, an option that builds other parts is one more line."""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from vaekit.data import DataSpec, Domain
from vaekit.recipes import System, recipe, recipes
from vaekit.training.step import Step

SPECS = {
    "binary": DataSpec("digits", (1, 8, 8), Domain.BINARY, classes=4),
    "levels": DataSpec("grey digits", (1, 8, 8), Domain.LEVELS, levels=16, classes=4),
    "vectors": DataSpec("vectors", (5,), Domain.REAL, classes=4),
    "counts": DataSpec("genes", (1, 8, 8), Domain.COUNTS, classes=4),
}
SMALL = {"latent": 2, "hidden": (8,), "channels": (3, 4), "samples": 3}
PICTURES_ALONE = {"conv-vae"}
VARIANTS = {
    "cvae, learned prior": ("cvae", {"learned_prior": True}),
    "conv-vae, residual": ("conv-vae", {"blocks": 1, "channels": (4,)}),
    "conv-vae, free bits": ("conv-vae", {"free_bits": 0.1}),
    "vae, free bits": ("vae", {"free_bits": 0.1}),
    "vae, dropout": ("vae", {"dropout": 0.2}),
    "vae, aggressive": ("vae", {"aggressive": True}),
    "vae, no hidden layer": ("vae", {"hidden": ()}),
    "denoising-autoencoder, gaussian": ("denoising-autoencoder", {"corruption": "gaussian"}),
    "denoising-autoencoder, salt-and-pepper": ("denoising-autoencoder", {"corruption": "salt-and-pepper"}),
}


@dataclass
class Row:
    recipe: str
    spec: DataSpec
    options: dict[str, Any] = field(default_factory=dict)

    def system(self, seed: int = 0) -> System:
        torch.manual_seed(seed)
        small = {name: value for name, value in SMALL.items() if name in recipe(self.recipe).options}
        return recipe(self.recipe)(self.spec, **{**small, **self.options})

    def batch(self, system: System, size: int = 12, dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
        batch = {"x": values(self.spec, size).to(dtype)}
        return batch | {"context": torch.arange(size) % self.spec.classes} if system.on_labels else batch


def values(spec: DataSpec, size: int) -> Tensor:
    shape = (size, *spec.shape)
    if spec.domain is Domain.BINARY:
        return torch.randint(2, shape).float()
    if spec.domain is Domain.LEVELS:
        return torch.randint(spec.levels, shape) / (spec.levels - 1)
    if spec.domain is Domain.COUNTS:
        return torch.poisson(torch.full(shape, 3.0))
    return torch.rand(shape) if spec.domain is Domain.UNIT else torch.randn(shape)


def rows() -> dict[str, Row]:
    fitting = [(name, kind) for name in recipes() for kind in SPECS if kind != "vectors" or name not in PICTURES_ALONE]
    plain = {f"{name} on {kind}": Row(name, SPECS[kind]) for name, kind in fitting}
    return plain | {name: Row(of, SPECS["binary"], options) for name, (of, options) in VARIANTS.items()}


def first_step(system: System, batch: dict[str, Tensor], step: torch.nn.Module | None = None) -> dict[str, Tensor]:
    """Terms and loss of the first step of training, under the noise of seed 7."""
    objective = 1.0 * system.objective
    step = Step(system.model, objective, system.at) if step is None else step
    torch.manual_seed(7)
    return step(batch, objective.coefficients(0))
