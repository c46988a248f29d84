"""The conditional VAE."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Le
from torch import Tensor, nn
from typing_extensions import Doc

from vaekit.conditionals import Gaussian
from vaekit.data import DataSpec
from vaekit.models import VAE
from vaekit.networks import MLP, Attending, Elements, Numbers, OneHot, SequenceEncoder, Tokens, quadrants
from vaekit.objectives import Distortion, Rate
from vaekit.priors import StandardNormal
from vaekit.recipes.parts import ACTIVATIONS, Activation, Hidden, Latent, LikelihoodName, refuse_categories
from vaekit.recipes.parts import likelihood as likelihood_of
from vaekit.recipes.system import System

__all__ = ["cvae"]

QUERIES = 4

Network = Callable[..., nn.Module]  # of the shape of its input, () for none, and of widths


@dataclass(frozen=True)
class Conditioning:
    """How the parts see what they are given: `network` makes one that sees its input and the context.

    `embed`: from the caller's context to what parts see. `observed`: the elements of x that are the context.
    """

    embed: nn.Module | None
    network: Network
    on_labels: bool = False
    observed: Tensor | None = None
    learned_prior: bool = False


def cvae(
    spec: DataSpec,
    *,
    observed_quadrants: Annotated[
        int | None,
        Ge(1),
        Le(3),
        Doc(
            "complete pictures of which so many quadrants are given: the lower left, the left half, all but the lower right"
        ),
    ] = None,
    conditioning: Annotated[
        Literal["flat", "attention"] | None,
        Doc("how a context is read: as one vector of numbers, or looked up in as a sequence of tokens or of features"),
    ] = None,
    learned_prior: Annotated[
        bool | None, Doc("let the prior of z depend on the context too; if not said, for quadrants and sequences")
    ] = None,
    width: Annotated[int, Ge(4), Doc("features of each token of a sequence, a multiple of 4")] = 64,
    blocks: Annotated[int, Ge(0), Doc("rounds in which the tokens of a sequence look at each other")] = 2,
    latent: Latent = 16,
    hidden: Hidden = (512, 512),
    activation: Activation = "relu",
    likelihood: LikelihoodName = None,
) -> System:
    """A VAE conditioned on labels, on a context such as captions, or on a part of the picture (Sohn et al. 2015)."""
    refuse_categories(spec)
    kind = ACTIVATIONS[activation]
    if observed_quadrants is not None:
        how = on_quadrants(spec, observed_quadrants, kind)
    elif conditioning == "attention" or (conditioning is None and is_sequence(spec)):
        how = on_sequence(spec, width, blocks, kind)
    else:
        how = on_vector(spec, kind)
    prior = Gaussian(how.network((), *hidden), latent)
    encoder = (
        MLP(spec.shape, *hidden, activation=kind) if how.observed is not None else how.network(spec.shape, *hidden)
    )
    model = VAE(
        prior if (how.learned_prior if learned_prior is None else learned_prior) else StandardNormal(latent),
        Gaussian(encoder, latent),
        likelihood_of(spec, how.network((latent,), *reversed(hidden)), likelihood),
        context=how.embed,
        observed=how.observed,
    )
    return System(model, Distortion() + Rate(), on_labels=how.on_labels)


def on_vector(spec: DataSpec, kind: type[nn.Module]) -> Conditioning:
    """On labels, or on a context that is read as one vector: of whole numbers as they are, -1 too."""
    if spec.context is None or spec.context == ():
        if spec.classes is None:
            raise ValueError(f"cvae needs labels or a context, and {spec.name} has neither")
        return Conditioning(OneHot(spec.classes), beside((spec.classes,), kind), on_labels=True)
    return Conditioning(Numbers(spec.context), beside(spec.context, kind))


def on_quadrants(spec: DataSpec, observed: int, kind: type[nn.Module]) -> Conditioning:
    """On so many quadrants of the picture itself."""
    if len(spec.shape) != 3:
        raise ValueError(f"observed_quadrants needs pictures (channels, height, width), got events {spec.shape}")
    if spec.context is not None and spec.context != ():
        raise ValueError(f"observed_quadrants makes a picture its own context, but {spec.name} brings one")
    mask = quadrants(spec.shape, observed)
    elements = Elements(mask)
    return Conditioning(elements, beside(elements.out_shape, kind), observed=mask, learned_prior=True)


def on_sequence(spec: DataSpec, width: int, blocks: int, kind: type[nn.Module]) -> Conditioning:
    """On a sequence of tokens or of features, in which every part looks up what it needs."""
    if not is_sequence(spec) or spec.context is None:
        raise ValueError(
            f"attention needs a context of tokens (length,) or of features (length, features), {spec.name} has "
            f"{spec.context}"
        )
    if width % 4:
        raise ValueError(f"width must be a multiple of 4, got {width}")

    def network(shape: tuple[int, ...], *hidden: int) -> nn.Module:
        inner = beside((QUERIES * width,), kind)(shape, *hidden)
        return Attending(inner, width, asking=MLP(shape, width, activation=kind) if shape else None, queries=QUERIES)

    read = SequenceEncoder(width if spec.vocabulary is not None else spec.context[-1], width, blocks)
    embed = read if spec.vocabulary is None else nn.Sequential(Tokens(spec.vocabulary, width), read)
    return Conditioning(embed, network, learned_prior=True)


def beside(context: tuple[int, ...], kind: type[nn.Module]) -> Network:
    """Fully connected networks that see a context of this shape beside their input."""

    def network(shape: tuple[int, ...], *hidden: int) -> nn.Module:
        return MLP((shape, context) if shape else math.prod(context), *hidden, activation=kind)

    return network


def is_sequence(spec: DataSpec) -> bool:
    """Whether the context is one of tokens, or of rows of features."""
    return spec.context is not None and (len(spec.context) == 2 or spec.vocabulary is not None)
