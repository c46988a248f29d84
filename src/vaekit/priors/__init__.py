"""Priors: distributions over a latent, called to be had."""

from vaekit.priors.prior import Prior
from vaekit.priors.standard_normal import StandardNormal

__all__ = ["Prior", "StandardNormal"]
