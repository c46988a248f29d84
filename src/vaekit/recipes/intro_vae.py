"""The introspective VAE in its soft form."""

import math
from typing import Annotated

from annotated_types import Ge, Gt
from typing_extensions import Doc

from vaekit.conditionals import Gaussian
from vaekit.data import DataSpec, Domain
from vaekit.models import VAE
from vaekit.networks import MLP
from vaekit.objectives import After, Distortion, DistortionOf, Introspection, Rate, RateOf, generated, rebuilt
from vaekit.priors import StandardNormal
from vaekit.recipes.adversarial import steering
from vaekit.recipes.parts import Channels, Hidden, Latent, LikelihoodName, conv_networks, refuse_categories
from vaekit.recipes.parts import likelihood as likelihood_of
from vaekit.recipes.system import System
from vaekit.training import Adam, Phase, Plan

__all__ = ["intro_vae"]

RESEMBLES = 1e-8  # weight of the made examples' own distortion in the decoder, as published


def intro_vae(
    spec: DataSpec,
    *,
    latent: Latent = 32,
    channels: Channels = (32, 64),
    hidden: Hidden = (256, 256),
    beta_rec: Annotated[float, Gt(0), Doc("weight of the distortion")] = 1.0,
    beta_kl: Annotated[float, Gt(0), Doc("weight of the rate")] = 1.0,
    beta_neg: Annotated[float, Gt(0), Doc("weight of the rate of what was made, in the encoder")] = 256.0,
    warm_up: Annotated[int, Ge(0), Doc("steps as an ordinary VAE first")] = 500,
    likelihood: LikelihoodName = None,
) -> System:
    """A VAE whose encoder gives what its decoder makes away, and whose decoder will not have it (Daniel & Tamar 2021)."""
    refuse_categories(spec)
    on_pictures = len(spec.shape) == 3
    encoder, decoder = (
        conv_networks(spec, latent, channels, 0)
        if on_pictures
        else (MLP(spec.shape, *hidden), MLP(latent, *reversed(hidden)))
    )
    fixed = spec.domain is Domain.REAL and likelihood is None
    p_x = Gaussian(decoder, spec.shape, scale=math.sqrt(0.5)) if fixed else likelihood_of(spec, decoder, likelihood)
    model = VAE(StandardNormal(latent), Gaussian(encoder, latent), p_x)
    s, fakes = 1 / math.prod(spec.shape), (rebuilt, generated)
    good = (s * beta_rec) * steering(Distortion())
    giving_away = Introspection(fakes, s, distortion=beta_rec, rate=beta_neg)
    encoding = (
        good
        + (s * beta_kl) * Rate()
        + After(0.5, warm_up) * giving_away
        + 0.0 * RateOf([generated], "rate-of-generated")
    )
    # the rate last: its own draw is not needed where the rate is a closed form, and a compiler leaves it out
    decoding = good + (s * beta_rec * RESEMBLES) * DistortionOf(fakes) + After(s * beta_kl, warm_up) * RateOf(fakes)
    adam = Adam(lr=2e-4)
    phase = Phase("encoder", encoding, [model.encoder], adam)
    return System(model, decoding, Plan(optimiser=adam, patience=0), [phase], moves=[model.decoder])
