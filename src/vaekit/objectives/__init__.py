"""Objectives: weighted sums of terms, with schedules as weights."""

from vaekit.objectives.critics import *
from vaekit.objectives.objective import *
from vaekit.objectives.schedules import *
from vaekit.objectives.terms import *
