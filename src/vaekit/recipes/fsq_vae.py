"""The VAE with finite scalars."""

from typing import Annotated

from annotated_types import Ge
from typing_extensions import Doc

from vaekit.data import DataSpec
from vaekit.networks import FiniteScalar
from vaekit.recipes.codes import Blocks, Channels, coded
from vaekit.recipes.parts import LikelihoodName
from vaekit.recipes.system import System

__all__ = ["fsq_vae"]


def fsq_vae(
    spec: DataSpec,
    *,
    scalars: Annotated[
        tuple[int, ...], Ge(2), Doc("levels of each number of a vector; a code is one of their product")
    ] = (8, 5, 5, 5),
    channels: Channels = (32, 64),
    blocks: Blocks = 1,
    likelihood: LikelihoodName = None,
) -> System:
    """A VAE whose latents are vectors of a few numbers, each rounded: codes without a codebook (Mentzer et al. 2024)."""
    return coded(spec, FiniteScalar(scalars), channels, blocks, likelihood)
