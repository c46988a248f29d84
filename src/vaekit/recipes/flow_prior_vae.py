"""The VAE with a flow for a prior."""

from vaekit.data import DataSpec
from vaekit.objectives import Distortion, Rate
from vaekit.recipes.families import FlowHidden, Layers, Spline, flow_prior
from vaekit.recipes.parts import Activation, Convolved, Hidden, Latent, LikelihoodName, flat_vae
from vaekit.recipes.system import System

__all__ = ["flow_prior_vae"]


def flow_prior_vae(
    spec: DataSpec,
    *,
    layers: Layers = 4,
    flow_hidden: FlowHidden = (256,),
    spline: Spline = False,
    latent: Latent = 16,
    hidden: Hidden = (512, 512),
    channels: Convolved = (),
    activation: Activation = "relu",
    likelihood: LikelihoodName = None,
) -> System:
    """A VAE whose prior is learned too: normal noise through autoregressive maps (Chen et al. 2017)."""
    model = flat_vae(
        spec,
        latent=latent,
        hidden=hidden,
        channels=channels,
        activation=activation,
        likelihood_name=likelihood,
        prior=flow_prior(latent, layers, flow_hidden, spline),
    )
    return System(model, Distortion() + Rate())
