"""Pictures of a run: curves, reconstructions, samples and what the latent dimensions carry."""

from vaekit.report.curves import *
from vaekit.report.grids import *
from vaekit.report.latents import *
from vaekit.report.pictures import *
from vaekit.report.showpiece import *
