"""The variational autoencoder."""

from vaekit.data import DataSpec
from vaekit.recipes.families import PosteriorName, PriorName, posterior_named, prior_named
from vaekit.recipes.parts import (
    Activation,
    AggressiveOption,
    Dropout,
    Formula,
    FreeBits,
    HeldRateOption,
    Hidden,
    Latent,
    LikelihoodName,
    aggressive_phases,
    bound_with,
    flat_vae,
)
from vaekit.recipes.system import System

__all__ = ["vae"]


def vae(
    spec: DataSpec,
    *,
    latent: Latent = 16,
    hidden: Hidden = (512, 512),
    activation: Activation = "relu",
    dropout: Dropout = 0.0,
    posterior: PosteriorName = "gaussian",
    prior: PriorName = None,
    likelihood: LikelihoodName = None,
    objective: Formula = None,
    free_bits: FreeBits = 0.0,
    held_rate: HeldRateOption = 0.0,
    aggressive: AggressiveOption = False,
) -> System:
    """The variational autoencoder, fully connected: a good first model of anything (Kingma & Welling 2014)."""
    model = flat_vae(
        spec,
        latent=latent,
        hidden=hidden,
        activation=activation,
        likelihood_name=likelihood,
        dropout=dropout,
        posterior=posterior_named(posterior),
        prior=prior_named(prior, spec, latent, posterior),
    )
    bound = bound_with(free_bits, held_rate, objective)
    return System(model, bound, phases=aggressive_phases(model, bound, aggressive))
