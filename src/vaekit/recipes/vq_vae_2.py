"""The VAE with two levels of codes."""

from typing import Annotated

from annotated_types import Ge
from torch import nn
from typing_extensions import Doc

from vaekit.conditionals import Quantised
from vaekit.data import DataSpec
from vaekit.models import CodedLevel, Hierarchy
from vaekit.networks import Beside, Codebook, MapDecoder, ResidualBlock, ResNetEncoder, Stages
from vaekit.networks.initialisation import initialise
from vaekit.objectives import Distortion, Penalty, Rate
from vaekit.priors import UniformCodes
from vaekit.recipes.codes import Blocks, Channels, CodebookDecay, Commitment, Expiry, decay_of
from vaekit.recipes.parts import LikelihoodName, refuse_all_but_pictures
from vaekit.recipes.parts import likelihood as likelihood_of
from vaekit.recipes.system import System
from vaekit.training import Plan

__all__ = ["vq_vae_2"]


def vq_vae_2(
    spec: DataSpec,
    *,
    codes: Annotated[int, Ge(2), Doc("vectors in each of the two codebooks")] = 512,
    latent: Annotated[int, Ge(1), Doc("numbers of each vector")] = 32,
    channels: Channels = (32, 64),
    blocks: Blocks = 1,
    commitment: Commitment = 0.25,
    codebook_decay: CodebookDecay = 0.99,
    expiry: Expiry = 0.1,
    likelihood: LikelihoodName = None,
) -> System:
    """A VAE with codes for what a picture is like as a whole, and others for its details (Razavi et al. 2019)."""
    refuse_all_but_pictures(spec)
    fine = ResNetEncoder(spec.shape, *channels, blocks=blocks)
    wide, *size = fine.out_shape
    coarse = ResNetEncoder(fine.out_shape, wide, blocks=blocks)

    def codebook() -> Codebook:
        return Codebook(codes, latent, commitment=commitment, decay=decay_of(codebook_decay), expiry=expiry)

    shapes = [(latent, *coarse.out_shape[1:]), (latent, *size)]
    both = Beside(nn.Sequential(initialise(nn.Conv2d(2 * wide, wide, 3, padding=1)), ResidualBlock(wide)))
    top = CodedLevel(
        "coarse",
        Quantised(nn.Identity(), shapes[0], codebook(), features=coarse.out_shape),
        UniformCodes(shapes[0], (codes,)),
        MapDecoder(shapes[0], size, wide, blocks=blocks),
        top=True,
    )
    below = CodedLevel(
        "fine",
        Quantised(both, shapes[1], codebook(), features=fine.out_shape),
        UniformCodes(shapes[1], (codes,), fine.out_shape),
        Beside(nn.Identity()),
        top=False,
    )
    decoder = MapDecoder((wide + latent, *size), spec.shape[1:], *reversed(channels), blocks=blocks)
    model = Hierarchy(
        Stages({"fine": fine, "coarse": coarse}), None, [top, below], likelihood_of(spec, decoder, likelihood)
    )
    return System(model, Distortion() + Rate() + Penalty(), Plan(patience=10))
