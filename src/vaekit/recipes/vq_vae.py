"""The VAE with a codebook."""

from typing import Annotated

from annotated_types import Ge
from typing_extensions import Doc

from vaekit.data import DataSpec
from vaekit.networks import Codebook
from vaekit.recipes.codes import Blocks, Channels, CodebookDecay, Commitment, Expiry, coded, decay_of
from vaekit.recipes.parts import LikelihoodName
from vaekit.recipes.system import System

__all__ = ["vq_vae"]


def vq_vae(
    spec: DataSpec,
    *,
    codes: Annotated[int, Ge(2), Doc("vectors in the codebook")] = 512,
    latent: Annotated[int, Ge(1), Doc("numbers of each vector")] = 32,
    channels: Channels = (32, 64),
    blocks: Blocks = 1,
    commitment: Commitment = 0.25,
    codebook_decay: CodebookDecay = 0.99,
    expiry: Expiry = 0.1,
    cosine: Annotated[bool, Doc("compare directions alone")] = False,
    rotate: Annotated[bool, Doc("turn the gradient with the vector instead of passing it straight through")] = False,
    likelihood: LikelihoodName = None,
) -> System:
    """A VAE whose latents are codes from a learned codebook, one for each patch (van den Oord et al. 2017)."""
    codebook = Codebook(
        codes,
        latent,
        commitment=commitment,
        decay=decay_of(codebook_decay),
        expiry=expiry,
        cosine=cosine,
        rotate=rotate,
    )
    return coded(spec, codebook, channels, blocks, likelihood)
