"""A flow as a prior that is fitted afterwards."""

from typing import Annotated

from annotated_types import Ge
from typing_extensions import Doc

from vaekit.priors import FlowPrior
from vaekit.recipes.families import FlowHidden, Spline, flow_prior
from vaekit.recipes.latent_spec import LatentSpec

__all__ = ["flow"]


def flow(
    latent: LatentSpec,
    *,
    layers: Annotated[int, Ge(1), Doc("maps in the flow, each in the reverse order of the one before")] = 4,
    flow_hidden: FlowHidden = (128, 128),
    spline: Spline = False,
) -> FlowPrior:
    """Real numbers by a masked autoregressive flow; the rate is exact (Papamakarios et al. 2017)."""
    return flow_prior(latent.of_numbers("flow"), layers, flow_hidden, spline)
