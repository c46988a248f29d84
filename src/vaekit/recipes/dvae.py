"""The discrete VAE."""

from typing import Annotated

from annotated_types import Ge, Gt
from torch import nn
from typing_extensions import Doc

from vaekit.conditionals import RelaxedCategorical
from vaekit.data import DataSpec
from vaekit.models import VAE
from vaekit.networks import Chain, MapDecoder, ResNetEncoder
from vaekit.networks.initialisation import initialise
from vaekit.objectives import Cosine, Distortion, Rate
from vaekit.priors import UniformCodes
from vaekit.recipes.codes import Blocks, Channels
from vaekit.recipes.parts import LikelihoodName, refuse_all_but_pictures
from vaekit.recipes.parts import likelihood as likelihood_of
from vaekit.recipes.system import System
from vaekit.training import Plan

__all__ = ["dvae"]


def dvae(
    spec: DataSpec,
    *,
    codes: Annotated[int, Ge(2), Doc("how many there are")] = 128,
    latent: Annotated[int, Ge(1), Doc("numbers that stand for each code in the decoder")] = 32,
    channels: Channels = (32, 64),
    blocks: Blocks = 1,
    temperature: Annotated[float, Gt(0), Doc("of the relaxed draws at first")] = 1.0,
    end_temperature: Annotated[float, Gt(0), Doc("and at last")] = 1 / 16,
    cooling_steps: Annotated[int, Ge(1), Doc("steps from one to the other, along half a cosine")] = 5000,
    beta: Annotated[float, Ge(0), Doc("weight of the rate at last; 1 for the bound itself")] = 1.0,
    annealing_steps: Annotated[int, Ge(1), Doc("steps in which it rises from 0, along half a cosine")] = 1000,
    likelihood: LikelihoodName = None,
) -> System:
    """A VAE with drawn codes, one for each patch, relaxed while it is trained (Ramesh et al. 2021)."""
    refuse_all_but_pictures(spec)
    encoder = ResNetEncoder(spec.shape, *channels, blocks=blocks)
    shape = (codes, *encoder.out_shape[1:])
    cooling = Cosine(temperature, end_temperature, cooling_steps)
    wide = MapDecoder((latent, *shape[1:]), spec.shape[1:], *reversed(channels), blocks=blocks)
    decoder = Chain(wide.out_shape, initialise(nn.Conv2d(codes, latent, 1, bias=False), codes**0.5), wide)
    model = VAE(
        UniformCodes(shape, (codes,)),
        RelaxedCategorical(encoder, shape, temperature=cooling),
        likelihood_of(spec, decoder, likelihood),
    )
    return System(model, Distortion() + Cosine(0.0, beta, annealing_steps) * Rate(), Plan(patience=10))
