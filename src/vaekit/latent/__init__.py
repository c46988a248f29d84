"""In latent space: what a value decodes to, the way from one to another, and what each dimension does."""

from vaekit.latent.decoding import decoded, encoded, typical
from vaekit.latent.paths import quantile_grid, spherical, straight, traversal

__all__ = ["decoded", "encoded", "quantile_grid", "spherical", "straight", "traversal", "typical"]
