"""Pictures of a run and its page: curves, reconstructions, samples, the latent space, and a verdict in plain words."""

from vaekit.report.by_level import *
from vaekit.report.comparison import *
from vaekit.report.completing import *
from vaekit.report.curves import *
from vaekit.report.film import *
from vaekit.report.findings import *
from vaekit.report.grids import *
from vaekit.report.latents import *
from vaekit.report.page import *
from vaekit.report.pictures import *
from vaekit.report.showpiece import *
from vaekit.report.subject import *
from vaekit.report.verdict import *
