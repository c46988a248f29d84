"""Every recipe on small data: a new recipe is a row by itself, an option that builds other parts is one more line."""

from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from vaekit.data import DataSpec, Domain
from vaekit.recipes import System, recipe, recipes
from vaekit.training.step import Step

SPECS = {
    "binary": DataSpec("digits", (1, 8, 8), Domain.BINARY, classes=4, labelled=2 / 3),
    "levels": DataSpec("grey digits", (1, 8, 8), Domain.LEVELS, levels=16, classes=4),
    "vectors": DataSpec("vectors", (5,), Domain.REAL, classes=4),
    "counts": DataSpec("genes", (1, 8, 8), Domain.COUNTS, classes=4),
}
TEXT = {
    "words": DataSpec(
        "text", (6,), Domain.CATEGORIES, levels=5, classes=4, words=("<end>", "<unk>", "a", "b", "c"), unit="words"
    )
}
SEQUENCES = {
    "clips": DataSpec("clips", (3, 1, 8, 8), Domain.LEVELS, levels=16, classes=4, timed=True),
    "paths": DataSpec("paths", (4, 5), Domain.REAL, classes=4, timed=True, ragged=True),
}
CONTEXTS = {  # data that bring a context, for the recipes that take one
    "captions": replace(SPECS["binary"], name="captions", context=(3,), vocabulary=5),
    "features": replace(SPECS["levels"], name="features", context=(3, 2)),
    "measurements": replace(SPECS["vectors"], name="measurements", context=(2,)),
}
SMALL = {"latent": 2, "hidden": (8,), "style": 2, "upper": (8,), "channels": (3, 4), "samples": 3}
SMALL |= {"latents": (3, 2), "widths": (8, 6)}
SMALL |= {"width": 8, "groups": (1, 1)}
SMALL |= {"content": 3, "recurrent": 6}
SMALL |= {"codes": 5, "bits": 3}
SMALL |= {"critic_hidden": (8,), "flow_hidden": (8,), "inputs": 6}
SMALL |= {"tilt_hidden": (8,), "chains": 16, "langevin_steps": 2}
OF_SEQUENCES = {"dsvae", "vrnn"}
PICTURES_ALONE = {
    "conv-vae",
    "nvae",
    "vdvae",
    "vq-vae",
    "rvq-vae",
    "fsq-vae",
    "lfq-vae",
    "vq-vae-2",
    "pixel-vae",
    "dvae",
    "vae-gan",
}
OF_TEXT = {"text-vae"}
OF_GRIDS = {"pixel-vae"}
OF_NUMBERS = {"geometric-vae", "sigma-vae"}
DRAWS = {"pixel-vae", "text-vae"}  # what they reconstruct is a draw, or words
VARIANTS = {
    "cvae, learned prior": ("cvae", {"learned_prior": True}),
    "cvae, a quadrant, learned prior": ("cvae", {"observed_quadrants": 1}),
    "cvae, three quadrants, plain prior": ("cvae", {"observed_quadrants": 3, "learned_prior": False}),
    "conv-vae, residual": ("conv-vae", {"blocks": 1, "channels": (4,)}),
    "conv-vae, free bits": ("conv-vae", {"free_bits": 0.1}),
    "vae, free bits": ("vae", {"free_bits": 0.1}),
    "vae, dropout": ("vae", {"dropout": 0.2}),
    "vae, aggressive": ("vae", {"aggressive": True}),
    "m1, linear classifier": ("m1", {"upper": ()}),
    "m2, no hidden layer": ("m2", {"hidden": ()}),
    "ladder-vae, no batch norm": ("ladder-vae", {"batch_norm": False, "latents": (4, 3, 2), "widths": (8, 8, 8)}),
    "ladder-vae, free bits": ("ladder-vae", {"free_bits": 0.1}),
    "ladder-vae, one level": ("ladder-vae", {"latents": (3,), "widths": (8,)}),
    "stack-vae, no batch norm": ("stack-vae", {"batch_norm": False, "latents": (4, 3, 2), "widths": (8, 8, 8)}),
    "nvae, halved before its latents": (
        "nvae",
        {"patch": 1, "groups": (2,), "halvings": 1, "edge_cells": 2, "cells": 2},
    ),
    "vdvae, at every pixel": (
        "vdvae",
        {"patch": 1, "rates": (2, 4), "encoder_blocks": (1, 0, 1), "decoder_blocks": (1, 0, 2)},
    ),
    "fsq-vae, two numbers": ("fsq-vae", {"scalars": (4, 3)}),
    "lfq-vae, spherical": ("lfq-vae", {"spherical": True}),
    "vq-vae, moved by gradients": ("vq-vae", {"codebook_decay": 1.0}),
    "vq-vae, cosine, rotated": ("vq-vae", {"cosine": True, "rotate": True}),
    "text-vae, transformer": ("text-vae", {"decoder": "transformer"}),
    "text-vae, words left out": ("text-vae", {"word_dropout": 0.5}),
    "pixel-vae, levels as names": ("pixel-vae", {"order": "names", "blocks": 1, "channels": (4,)}),
    "pixel-vae, free bits in cycles": ("pixel-vae", {"free_bits": 0.1, "annealing_steps": 8, "cycles": 2}),
    "dip-vae, of draws, convolved": ("dip-vae", {"draws": True, "channels": (3, 4)}),
    "info-vae, no rate": ("info-vae", {"alpha": 1.0}),
    "wae-mmd, with noise": ("wae-mmd", {"deterministic": False, "kernel": "radial-basis"}),
    "aae, with noise, penalised": ("aae", {"deterministic": False, "r1": 1.0}),
    "wae-gan, with noise": ("wae-gan", {"deterministic": False}),
    "factor-vae, convolved": ("factor-vae", {"channels": (3, 4)}),
    "vae, full covariance, mixture": ("vae", {"posterior": "full", "prior": "mixture"}),
    "vae, low rank, vamp": ("vae", {"posterior": "low-rank", "prior": "vamp"}),
    "vae, flows": ("vae", {"posterior": "flow", "prior": "flow"}),
    "vae, splines": ("vae", {"posterior": "spline-flow"}),
    "vamp-vae, from data": ("vamp-vae", {"from_data": True, "channels": (3, 4), "annealing_steps": 3}),
    "vae, energy": ("vae", {"prior": "energy"}),
    "energy-prior-vae, importance sampling": ("energy-prior-vae", {"langevin_steps": 0, "channels": (3, 4)}),
    "vae, objective": (
        "vae",
        {"objective": "Distortion + MutualInformation + 6 * TotalCorrelation + Linear(0, 1, 9) * DimensionwiseKL"},
    ),
    "conv-vae, objective": ("conv-vae", {"objective": "Distortion + 0.5 * Rate + 10 * MMD"}),
    "vae, held rate": ("vae", {"held_rate": 3.0}),
    "vae, laplace": ("vae", {"posterior": "laplace"}),
    "vae, student-t, cauchy": ("vae", {"posterior": "student-t", "prior": "cauchy"}),
    "vae, cauchy": ("vae", {"posterior": "cauchy"}),
    "vae, uniform": ("vae", {"posterior": "uniform"}),
    "vae, gamma": ("vae", {"posterior": "gamma"}),
    "vae, beta": ("vae", {"posterior": "beta"}),
    "vae, dirichlet": ("vae", {"posterior": "dirichlet"}),
    "conv-vae, normal, laplace": ("conv-vae", {"prior": "laplace", "channels": (4,)}),
    "vae, no hidden layer": ("vae", {"hidden": ()}),
    "dsvae, factorised": ("dsvae", {"factorised": True}),
    "iwae, doubly reparameterised": ("iwae", {"gradient": "doubly-reparameterised"}),
    "iwae, sticking the landing": ("iwae", {"gradient": "sticking-the-landing"}),
    "dsvae, one frame": ("dsvae", {"one_frame": True, "content_weight": 3.0}),
    "gumbel-vae, straight-through, coins": ("gumbel-vae", {"gradient": "straight-through", "categories": 2}),
    "gumbel-vae, score function": ("gumbel-vae", {"gradient": "score-function"}),
    "gumbel-vae, leave-one-out": ("gumbel-vae", {"gradient": "leave-one-out", "learned_prior": True}),
    "gumbel-vae, learned baseline, convolved": (
        "gumbel-vae",
        {"gradient": "learned-baseline", "channels": (3, 4), "learned_prior": True},
    ),
    "sigma-vae, learned": ("sigma-vae", {"learned": True}),
    "geometric-vae, centres at once": ("geometric-vae", {"after": 1, "centres": 3}),
    "dsvae, recoloured": ("dsvae", {"recolour": 1.0, "factorised": True}),
    "dsvae, content of patches": ("dsvae", {"recolour": 0.5, "content_patch": 2, "one_frame": True}),
    "dsvae, free bits": ("dsvae", {"free_bits": 1e-6}),
    "vrnn, free bits": ("vrnn", {"free_bits": 1e-6}),
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
        options = recipe(self.recipe).options
        small = {name: value for name, value in SMALL.items() if name in options and options[name].default != ()}
        return recipe(self.recipe)(self.spec, **{**small, **self.options})

    def batch(self, system: System, size: int = 12, dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
        labels = torch.arange(size) % self.spec.classes
        if self.spec.labelled is not None:
            labels = torch.where(torch.arange(size) % 3 < 2, labels, -1)
        x = values(self.spec, size)
        batch = {"x": x.to(dtype) if x.is_floating_point() else x, "labels": labels}
        if self.spec.ragged:
            lengths = torch.arange(size) % self.spec.shape[0] + 1
            batch["mask"] = torch.arange(self.spec.shape[0]) < lengths[:, None]
        if system.on_labels:
            return batch | {"context": torch.arange(size) % self.spec.classes}
        return batch if self.spec.context is None else batch | {"context": contexts(self.spec, size)}


def values(spec: DataSpec, size: int) -> Tensor:
    shape = (size, *spec.shape)
    if spec.domain is Domain.BINARY:
        return torch.randint(2, shape).float()
    if spec.domain is Domain.LEVELS:
        return torch.randint(spec.levels, shape) / (spec.levels - 1)
    if spec.domain is Domain.CATEGORIES:
        ends = torch.arange(size) % (spec.shape[0] - 1) + 1
        return torch.where(torch.arange(spec.shape[0]) < ends[:, None], torch.randint(1, spec.levels, shape), 0)
    if spec.domain is Domain.COUNTS:
        return torch.poisson(torch.full(shape, 3.0))
    return torch.rand(shape) if spec.domain is Domain.UNIT else torch.randn(shape)


def contexts(spec: DataSpec, size: int) -> Tensor:
    """Tokens and rows of features with padding here and there, numbers for any other context."""
    if spec.vocabulary is not None:
        return torch.randint(-1, spec.vocabulary, (size, *spec.context))
    found = torch.randn(size, *spec.context)
    return torch.where(torch.rand(size, spec.context[0], 1) < 0.3, torch.nan, found) if found.ndim == 3 else found


def rows() -> dict[str, Row]:
    plain = {f"{name} on {kind}": Row(name, spec) for name in recipes() for kind, spec in fitting(name).items()}
    given = {f"cvae on {kind}": Row("cvae", spec) for kind, spec in CONTEXTS.items()}
    return plain | given | {name: Row(of, usual(of), options) for name, (of, options) in VARIANTS.items()}


def fitting(recipe: str) -> dict[str, DataSpec]:
    """The kinds of data that a recipe is for."""
    if recipe in OF_SEQUENCES:
        return SEQUENCES
    if recipe in OF_TEXT:
        return TEXT
    if recipe in OF_NUMBERS:
        return {"vectors": SPECS["vectors"]}
    unfit = {"vectors"} if recipe in PICTURES_ALONE else set()
    unfit |= {"counts"} if recipe in OF_GRIDS else set()
    return {kind: spec for kind, spec in SPECS.items() if kind not in unfit}


def usual(recipe: str) -> DataSpec:
    """The first of them."""
    return next(iter(fitting(recipe).values()))


def first_step(
    system: System, batch: dict[str, Tensor], step: torch.nn.Module | None = None, clock: int = 0
) -> dict[str, Tensor]:
    """Terms and loss of the first step of training, or with the weights of a later one, under the noise of seed 7."""
    objective = 1.0 * system.objective
    step = Step(system.model, objective, system.at) if step is None else step
    torch.manual_seed(7)
    return step(batch, objective.coefficients(clock))
