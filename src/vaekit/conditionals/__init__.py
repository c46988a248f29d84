"""Conditionals: a network under a head, called to give a distribution."""

from vaekit.conditionals.bounded import *
from vaekit.conditionals.conditional import *
from vaekit.conditionals.continuous import *
from vaekit.conditionals.correlated import *
from vaekit.conditionals.deterministic import *
from vaekit.conditionals.discrete import *
from vaekit.conditionals.discretised import *
from vaekit.conditionals.gaussian import *
from vaekit.conditionals.quantised import *
from vaekit.conditionals.radial import *
from vaekit.conditionals.relaxed import *
from vaekit.conditionals.scales import *
from vaekit.conditionals.step_by_step import *
from vaekit.conditionals.von_mises_fisher import *
