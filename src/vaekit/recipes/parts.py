"""Parts that recipes share: their common options, and the encoder, decoder and prior of a flat model."""

import inspect
import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge, Lt
from torch import nn
from typing_extensions import Doc

from vaekit import conditionals
from vaekit.conditionals import Conditional, Gaussian, Shared
from vaekit.data import DataSpec, Domain
from vaekit.models import VAE, Hierarchy
from vaekit.networks import MLP, Conv, ConvTranspose, ResNetDecoder, ResNetEncoder
from vaekit.objectives import Distortion, HeldRate, Objective, Rate
from vaekit.priors import Prior, StandardNormal
from vaekit.recipes.formula import objective_from
from vaekit.training import Aggressive, Phase

__all__ = [
    "Activation",
    "AggressiveOption",
    "Coded",
    "Convolved",
    "Dropout",
    "Formula",
    "FreeBits",
    "Hidden",
    "Latent",
    "LikelihoodName",
    "Patch",
    "aggressive_phases",
    "likelihood",
    "likelihoods",
    "flat_vae",
]

Latent = Annotated[int, Ge(1), Doc("size of the latent vector z")]
Hidden = Annotated[tuple[int, ...], Ge(1), Doc("widths of the encoder's hidden layers; the decoder mirrors them")]
Channels = Annotated[tuple[int, ...], Ge(1), Doc("channels after each halving of the image; the decoder mirrors them")]
Patch = Annotated[int, Ge(1), Doc("the largest map has one pixel for so many by so many of the picture's")]
Convolved = Annotated[
    tuple[int, ...],
    Ge(1),
    Doc("channels after each halving of pictures, by convolutions; none for --hidden's networks"),
]
Coded = Annotated[bool, Doc("no noise in the code; it then has no rate, and no likelihood by importance sampling")]
Activation = Annotated[Literal["relu", "tanh", "silu", "gelu", "softplus"], Doc("nonlinearity of the hidden layers")]
Dropout = Annotated[float, Ge(0), Lt(1), Doc("share of hidden units dropped in training")]
LikelihoodName = Annotated[
    str | None, Doc("p(x|z) by name, such as bernoulli or discretised-logistic; chosen from the data if not said")
]
FreeBits = Annotated[float, Ge(0), Doc("nats below which the rate of a latent dimension is not pushed")]
HeldRateOption = Annotated[
    float, Ge(0), Doc("nats that the whole rate is held to, by a weight that is found while training; 0 to leave it")
]
Formula = Annotated[
    str | None,
    Doc(
        'a sum of terms in the place of distortion and rate, such as "Distortion + MutualInformation + 6 * '
        'TotalCorrelation + DimensionwiseKL"'
    ),
]
AggressiveOption = Annotated[
    bool, Doc("train the encoder to convergence before each step of the rest, while that gains (He et al. 2019)")
]

Posterior = Callable[[nn.Module, Any], Conditional]

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
    "softplus": nn.Softplus,
}


def likelihoods() -> dict[str, type[Conditional]]:
    """Every head by its name in kebab case: those that `vaekit.conditionals` holds."""
    heads = [h for h in vars(conditionals).values() if inspect.isclass(h) and issubclass(h, Conditional)]
    return {kebab(head.__name__): head for head in heads if not inspect.isabstract(head)}


def fitting_likelihoods(domain: Domain) -> list[str]:
    """Heads with a density for such values, those made for them first, then by name."""
    fitting = {name: head.domains.index(domain) for name, head in likelihoods().items() if domain in head.domains}
    return sorted(fitting, key=lambda name: (fitting[name], name))


def likelihood(spec: DataSpec, network: nn.Module, name: str | None) -> Conditional:
    """p(x|z) over `network`: the head of that name, or the one that fits the data's domain.

    Raises ValueError where the head has no density for such values, and for sequences with lengths of their own.
    """
    if spec.ragged:
        raise ValueError(
            f"this recipe takes whole examples and cannot heed where each ends, got {spec.describe()}: choose one for sequences"
        )
    if name is None:
        return default_likelihood(spec, network)
    known, fitting = likelihoods(), fitting_likelihoods(spec.domain)
    if name not in fitting:
        raise ValueError(f"likelihood {name!r} does not fit {spec.domain} data: {hint(spec, fitting)}")
    wanted = inspect.signature(known[name]).parameters
    sizes: dict[str, Any] = {"levels": spec.levels, "classes": spec.levels}
    return known[name](network, spec.shape, **{k: v for k, v in sizes.items() if k in wanted and v is not None})


def default_likelihood(spec: DataSpec, network: nn.Module) -> Conditional:
    """The plainest head with a density for the data: real values get one learned scale for all elements."""
    if spec.domain is Domain.REAL:
        return Gaussian(network, spec.shape, scale=Shared())
    fitting = fitting_likelihoods(spec.domain)
    if not fitting:
        raise ValueError(f"no likelihood for {spec.domain} yet: open the data with domain real")
    return likelihood(spec, network, fitting[0])


def hint(spec: DataSpec, fitting: list[str]) -> str:
    """What to use instead."""
    instead = f"use {' or '.join(fitting)}" if fitting else "there is none yet"
    grey = spec.domain in (Domain.LEVELS, Domain.UNIT)
    return f"{instead}, or binarise the data for bernoulli" if grey else instead


def bound_with(free_bits: float, held_rate: float, formula: str | None = None) -> Objective:
    """Distortion and rate, the second with its free bits or held to a number of nats; or what a formula says instead."""
    if formula is not None and (free_bits or held_rate):
        raise ValueError(
            "an objective that is written out says itself what its rate has: Rate(free_bits=0.5), HeldRate(10)"
        )
    if formula is not None:
        return objective_from(formula)
    if held_rate and free_bits:
        raise ValueError(f"a rate has either free_bits or held_rate, got {free_bits} and {held_rate}")
    bound = Distortion() + Rate(free_bits=free_bits)
    return bound + HeldRate(held_rate) if held_rate else bound


def flat_vae(
    spec: DataSpec,
    *,
    latent: int | tuple[int, ...],
    hidden: tuple[int, ...],
    channels: tuple[int, ...] = (),
    activation: str = "relu",
    likelihood_name: str | None = None,
    dropout: float = 0.0,
    posterior: Posterior = Gaussian,
    prior: Prior | None = None,
) -> VAE:
    """One latent: fully connected networks, or convolutions where `channels` are given; the prior is normal if not said."""
    kind = ACTIVATIONS[activation]
    if channels:
        encoder, decoder = conv_networks(spec, latent, channels, 0)
    else:
        refuse_categories(spec)
        encoder = MLP(spec.shape, *hidden, activation=kind, dropout=dropout)
        decoder = MLP(latent, *reversed(hidden), activation=kind, dropout=dropout)
    return VAE(
        StandardNormal(latent) if prior is None else prior,
        posterior(encoder, latent),
        likelihood(spec, decoder, likelihood_name),
    )


def conv_networks(
    spec: DataSpec, latent: int | tuple[int, ...], channels: tuple[int, ...], blocks: int, context: int = 0
) -> tuple[nn.Module, nn.Module]:
    """Encoder and decoder networks for pictures: plain convolutions, or residual with `blocks` per size."""
    refuse_all_but_pictures(spec)
    size, back = spec.shape[1:], tuple(reversed(channels))
    if blocks:
        return (
            ResNetEncoder(spec.shape, *channels, blocks=blocks, context=context),
            ResNetDecoder(latent, size, *back, blocks=blocks, context=context),
        )
    return Conv(spec.shape, *channels, context=context), ConvTranspose(latent, size, *back, context=context)


def aggressive_phases(model: VAE, objective: Objective, wanted: bool) -> list[Phase]:
    """The inference network's own phase, where it is wanted."""
    return [Phase("encoder", objective, [model.encoder], rule=Aggressive())] if wanted else []


def refuse_categories(spec: DataSpec) -> None:
    """Raise ValueError for data of categories, which an encoder cannot read as they are."""
    if spec.domain is Domain.CATEGORIES:
        raise ValueError(
            f"this recipe reads numbers, not categories: {'choose text-vae' if spec.words else 'give it one-hot columns'}"
        )


def refuse_all_but_pictures(spec: DataSpec) -> None:
    """Raise ValueError for data that convolutions cannot read."""
    refuse_categories(spec)
    if len(spec.shape) != 3:
        raise ValueError(f"a convolutional model needs pictures (channels, height, width), got events {spec.shape}")


def channels_last(model: Hierarchy) -> Hierarchy:
    """The model with the channels of its weights last in memory, which convolutions on small maps are faster with."""
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def picture_likelihood(spec: DataSpec, network: nn.Module, name: str | None) -> Conditional:
    """As `likelihood`, with a mixture of ten discretised logistics as the default for pictures of levels."""
    mixture = name is None and spec.domain is Domain.LEVELS
    return likelihood(spec, network, "discretised-logistic-mixture" if mixture else name)


def kebab(name: str) -> str:
    """DiscretisedLogistic as discretised-logistic."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()
