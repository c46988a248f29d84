"""The VAE with residual codebooks."""

from typing import Annotated

from annotated_types import Ge, Le
from typing_extensions import Doc

from vaekit.data import DataSpec
from vaekit.networks import Codebook, ResidualQuantiser
from vaekit.recipes.codes import Blocks, Channels, CodebookDecay, Commitment, Expiry, coded, decay_of
from vaekit.recipes.parts import LikelihoodName
from vaekit.recipes.system import System

__all__ = ["rvq_vae"]


def rvq_vae(
    spec: DataSpec,
    *,
    codebooks: Annotated[int, Ge(1), Doc("how many, each for what those before it leave")] = 4,
    codes: Annotated[int, Ge(2), Doc("vectors in each codebook")] = 256,
    latent: Annotated[int, Ge(1), Doc("numbers of each vector")] = 32,
    channels: Channels = (32, 64),
    blocks: Blocks = 1,
    quantiser_dropout: Annotated[
        float, Ge(0), Le(1), Doc("share of training examples of which only the first few levels are used")
    ] = 0.5,
    commitment: Commitment = 0.25,
    codebook_decay: CodebookDecay = 0.99,
    expiry: Expiry = 0.1,
    likelihood: LikelihoodName = None,
) -> System:
    """A VAE whose latents are sums of codes, level by level, each finer than the last (Zeghidour et al. 2021)."""
    books = [
        Codebook(codes, latent, commitment=commitment, decay=decay_of(codebook_decay), expiry=expiry)
        for _ in range(codebooks)
    ]
    return coded(spec, ResidualQuantiser(books, dropout=quantiser_dropout), channels, blocks, likelihood)
