"""A mixture of normals as a prior that is fitted afterwards."""

from typing import Annotated

from annotated_types import Ge
from typing_extensions import Doc

from vaekit.priors import MixtureOfGaussians
from vaekit.recipes.latent_spec import LatentSpec

__all__ = ["mixture"]


def mixture(
    latent: LatentSpec, *, components: Annotated[int, Ge(1), Doc("normals, each with a variance for every number")] = 50
) -> MixtureOfGaussians:
    """Real numbers by a mixture of normals; the rate is exact (Ghosh et al. 2020, sec. 4)."""
    return MixtureOfGaussians(latent.of_numbers("mixture"), components)
