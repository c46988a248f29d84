"""What recipes with codes share: networks from a picture to a map of vectors and back, under any quantiser."""

from typing import Annotated

from annotated_types import Ge, Le, Lt
from typing_extensions import Doc

from vaekit.conditionals import Quantised
from vaekit.data import DataSpec
from vaekit.models import VAE
from vaekit.networks import MapDecoder, Quantiser, ResNetEncoder
from vaekit.objectives import Distortion, Penalty, Rate
from vaekit.priors import UniformCodes
from vaekit.recipes.parts import likelihood as likelihood_of
from vaekit.recipes.parts import refuse_all_but_pictures
from vaekit.recipes.system import System
from vaekit.training import Plan

__all__: list[str] = []

Channels = Annotated[
    tuple[int, ...], Ge(1), Doc("channels after each halving of the picture; the decoder mirrors them")
]
Blocks = Annotated[int, Ge(1), Doc("residual blocks at each size")]
CodebookDecay = Annotated[
    float, Ge(0), Le(1), Doc("of the averages that a codebook follows; 1 lets the gradient move it instead")
]
Expiry = Annotated[
    float, Ge(0), Lt(1), Doc("a code with less than this share of an even one is dead and is replaced; 0 keeps it")
]
Commitment = Annotated[float, Ge(0), Doc("weight of the squared distance from the encoder's vectors to their codes")]


def decay_of(codebook_decay: float) -> float | None:
    """The option as `Codebook` has it."""
    return None if codebook_decay == 1 else codebook_decay


def coded(
    spec: DataSpec, quantiser: Quantiser, channels: tuple[int, ...], blocks: int, likelihood: str | None
) -> System:
    """Residual convolutions down to a map of vectors that are quantised, and back; codes are priced as equally likely."""
    refuse_all_but_pictures(spec)
    encoder = ResNetEncoder(spec.shape, *channels, blocks=blocks)
    shape = (quantiser.dim, *encoder.out_shape[1:])
    decoder = MapDecoder(shape, spec.shape[1:], *reversed(channels), blocks=blocks)
    model = VAE(
        UniformCodes(shape, quantiser.sizes),
        Quantised(encoder, shape, quantiser),
        likelihood_of(spec, decoder, likelihood),
    )
    return System(model, Distortion() + Rate() + Penalty(), Plan(patience=10))
