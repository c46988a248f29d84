"""Objectives: weighted sums of terms, with schedules as weights."""

from vaekit.objectives.adversaries import *
from vaekit.objectives.balance import *
from vaekit.objectives.covariance import *
from vaekit.objectives.critics import *
from vaekit.objectives.decomposition import *
from vaekit.objectives.discrepancy import *
from vaekit.objectives.held_rate import *
from vaekit.objectives.importance import *
from vaekit.objectives.introspection import *
from vaekit.objectives.labels import *
from vaekit.objectives.objective import *
from vaekit.objectives.references import *
from vaekit.objectives.schedules import *
from vaekit.objectives.score_function import *
from vaekit.objectives.spectral import *
from vaekit.objectives.terms import *
