"""Models: graphs of named latents that infer and generate."""

from vaekit.models.axes import Axes
from vaekit.models.choices import Choice, Draw, Enumerate, FromPrior, Infer, Mean, Observe, Set
from vaekit.models.coded_level import CodedLevel
from vaekit.models.direct import Direct
from vaekit.models.hierarchy import Hierarchy, Level
from vaekit.models.inference import Inference, Latent, Likelihood
from vaekit.models.labels import LabelAboveCode, LabelAndStyle, LabelFromCode
from vaekit.models.ladder import Rung, estimate_alone
from vaekit.models.levels import ResidualNormal, TopDown
from vaekit.models.model import Model
from vaekit.models.over_latent import OverLatent
from vaekit.models.recurrent import Recurrent
from vaekit.models.scan import Carry, Cell, Scan, over_time
from vaekit.models.sizes import parameter_counts
from vaekit.models.stack import Stack
from vaekit.models.static_dynamic import Drift, StaticDynamic
from vaekit.models.vae import VAE
from vaekit.models.walk import Walk

__all__ = [
    "VAE",
    "Axes",
    "Carry",
    "Cell",
    "Choice",
    "CodedLevel",
    "Draw",
    "Drift",
    "Direct",
    "Enumerate",
    "FromPrior",
    "Hierarchy",
    "Infer",
    "Inference",
    "LabelAboveCode",
    "LabelAndStyle",
    "LabelFromCode",
    "Latent",
    "Level",
    "Likelihood",
    "Mean",
    "Model",
    "Observe",
    "OverLatent",
    "Recurrent",
    "ResidualNormal",
    "Rung",
    "Scan",
    "Set",
    "StaticDynamic",
    "Stack",
    "TopDown",
    "Walk",
    "estimate_alone",
    "over_time",
    "parameter_counts",
]
