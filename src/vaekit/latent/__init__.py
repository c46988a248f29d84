"""In latent space: what a value decodes to, the way from one to another, what each dimension and each level does."""

from vaekit.latent.decoding import blanked, completed, decoded, encoded, typical
from vaekit.latent.exchange import exchanged
from vaekit.latent.geodesic import Geodesic, geodesic, path_length
from vaekit.latent.levels import from_priors, in_words, worth_showing
from vaekit.latent.paths import halfway, quantile_grid, spherical, straight, traversal

__all__ = [
    "Geodesic",
    "blanked",
    "completed",
    "decoded",
    "encoded",
    "exchanged",
    "from_priors",
    "geodesic",
    "halfway",
    "in_words",
    "path_length",
    "quantile_grid",
    "spherical",
    "straight",
    "traversal",
    "typical",
    "worth_showing",
]
