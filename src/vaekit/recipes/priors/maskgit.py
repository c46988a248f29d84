"""MaskGIT as a prior."""

from typing import Annotated

from annotated_types import Ge
from typing_extensions import Doc

from vaekit.networks import MaskedTransformer
from vaekit.priors import UnmaskedCodes
from vaekit.recipes.latent_spec import LatentSpec
from vaekit.recipes.priors.transformer import Blocks, Heads, Width

__all__ = ["maskgit"]


def maskgit(
    latent: LatentSpec,
    *,
    width: Width = 128,
    blocks: Blocks = 4,
    heads: Heads = 4,
    rounds: Annotated[int, Ge(1), Doc("rounds in which codes are uncovered")] = 12,
    noise: Annotated[
        float, Ge(0), Doc("how far chance, not certainty, decides what is uncovered first; it falls over the rounds")
    ] = 4.5,
) -> UnmaskedCodes:
    """Many codes at once in a few rounds; the rate is a bound of their length (Chang et al. 2022)."""
    network = MaskedTransformer(
        latent.of_codes("maskgit"), latent.positions, width=width, blocks=blocks, heads=heads, context=latent.context
    )
    return UnmaskedCodes(latent.event_shape, latent.sizes, network, latent.context, rounds=rounds, noise=noise)
