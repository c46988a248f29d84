"""The autoregressive transformer as a prior."""

from typing import Annotated

from annotated_types import Ge, Lt
from typing_extensions import Doc

from vaekit.networks import CausalTransformer
from vaekit.priors import AutoregressiveCodes
from vaekit.recipes.latent_spec import LatentSpec

__all__ = ["Blocks", "Heads", "Width", "transformer"]

Width = Annotated[int, Ge(2), Doc("features of each place")]
Blocks = Annotated[int, Ge(1), Doc("blocks of attention and feed-forward layers")]
Heads = Annotated[int, Ge(1), Doc("heads of each attention, which divide the width")]


def transformer(
    latent: LatentSpec,
    *,
    width: Width = 128,
    blocks: Blocks = 4,
    heads: Heads = 4,
    dropout: Annotated[float, Ge(0), Lt(1), Doc("share of what each block adds that is dropped in training")] = 0.1,
) -> AutoregressiveCodes:
    """Codes one after the other by a causal transformer; the rate is their exact length (Vaswani et al. 2017)."""
    network = CausalTransformer(
        latent.of_codes("transformer"),
        latent.positions,
        width=width,
        blocks=blocks,
        heads=heads,
        dropout=dropout,
        context=latent.context,
    )
    return AutoregressiveCodes(latent.event_shape, latent.sizes, network, latent.context)
