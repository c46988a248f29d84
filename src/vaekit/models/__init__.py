"""Models: graphs of named latents that infer and generate."""

from vaekit.models.axes import Axes
from vaekit.models.choices import Choice, Enumerate, FromPrior, Infer, Mean, Observe, Set
from vaekit.models.hierarchy import Hierarchy, Level
from vaekit.models.inference import Inference, Latent, Likelihood
from vaekit.models.model import Model
from vaekit.models.scan import Carry, Cell, Scan, over_time
from vaekit.models.vae import VAE
from vaekit.models.walk import Walk

__all__ = [
    "VAE",
    "Axes",
    "Carry",
    "Cell",
    "Choice",
    "Enumerate",
    "FromPrior",
    "Hierarchy",
    "Infer",
    "Inference",
    "Latent",
    "Level",
    "Likelihood",
    "Mean",
    "Model",
    "Observe",
    "Scan",
    "Set",
    "Walk",
    "over_time",
]
