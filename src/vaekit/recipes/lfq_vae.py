"""The VAE with codes of bits."""

from typing import Annotated

from annotated_types import Ge, Gt, Le
from typing_extensions import Doc

from vaekit.data import DataSpec
from vaekit.networks import Bits
from vaekit.recipes.codes import Blocks, Channels, Commitment, coded
from vaekit.recipes.parts import LikelihoodName
from vaekit.recipes.system import System

__all__ = ["lfq_vae"]


def lfq_vae(
    spec: DataSpec,
    *,
    bits: Annotated[int, Ge(1), Le(62), Doc("bits of a code")] = 10,
    channels: Channels = (32, 64),
    blocks: Blocks = 1,
    commitment: Commitment = 0.25,
    entropy: Annotated[float, Ge(0), Doc("weight of what each vector's bits leave open, nats")] = 0.1,
    diversity: Annotated[float, Ge(0), Doc("weight of the bits' entropy over the batch, which is to be large")] = 0.1,
    temperature: Annotated[float, Gt(0), Doc("softness of the bits in both entropies")] = 1.0,
    spherical: Annotated[bool, Doc("vectors and codes of length 1: binary spherical quantisation")] = False,
    likelihood: LikelihoodName = None,
) -> System:
    """A VAE whose latents are signs of numbers: a codebook of all corners of a cube (Yu et al. 2024; Zhao et al. 2024)."""
    quantiser = Bits(
        bits,
        commitment=commitment,
        entropy=entropy,
        diversity=diversity,
        temperature=temperature,
        spherical=spherical,
    )
    return coded(spec, quantiser, channels, blocks, likelihood)
