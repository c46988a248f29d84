"""The gated PixelCNN as a prior."""

from typing import Annotated

from annotated_types import Ge
from typing_extensions import Doc

from vaekit.networks import PixelCNN
from vaekit.priors import AutoregressiveCodes
from vaekit.recipes.latent_spec import LatentSpec

__all__ = ["pixelcnn"]


def pixelcnn(
    latent: LatentSpec,
    *,
    width: Annotated[int, Ge(2), Doc("features of each position")] = 64,
    layers: Annotated[int, Ge(1), Doc("gated layers")] = 8,
    kernel: Annotated[int, Ge(3), Doc("side of the convolutions, an odd number")] = 3,
) -> AutoregressiveCodes:
    """Codes of a map row by row by a gated PixelCNN; the rate is their exact length (van den Oord et al. 2016)."""
    sizes = latent.of_codes("pixelcnn")
    if len(latent.positions) != 2:
        raise ValueError(f"a PixelCNN reads codes that lie in a map, those of {latent.name} lie in {latent.positions}")
    network = PixelCNN(sizes, latent.positions, width=width, layers=layers, kernel=kernel, context=latent.context)
    return AutoregressiveCodes(latent.event_shape, sizes, network, latent.context)
