"""The VAE with an inverse autoregressive flow."""

from functools import partial

from vaekit.data import DataSpec
from vaekit.objectives import Distortion, Rate
from vaekit.recipes.families import FlowHidden, Layers, Spline, flow_posterior
from vaekit.recipes.parts import Activation, Convolved, FreeBits, Hidden, Latent, LikelihoodName, flat_vae
from vaekit.recipes.system import System

__all__ = ["iaf_vae"]


def iaf_vae(
    spec: DataSpec,
    *,
    layers: Layers = 2,
    flow_hidden: FlowHidden = (256,),
    spline: Spline = False,
    latent: Latent = 16,
    hidden: Hidden = (512, 512),
    channels: Convolved = (),
    activation: Activation = "relu",
    likelihood: LikelihoodName = None,
    free_bits: FreeBits = 0.0,
) -> System:
    """A VAE whose posterior is normal noise through inverse autoregressive maps (Kingma et al. 2016)."""
    model = flat_vae(
        spec,
        latent=latent,
        hidden=hidden,
        channels=channels,
        activation=activation,
        likelihood_name=likelihood,
        posterior=partial(flow_posterior, layers=layers, hidden=flow_hidden, spline=spline),
    )
    return System(model, Distortion() + Rate(free_bits=free_bits))
