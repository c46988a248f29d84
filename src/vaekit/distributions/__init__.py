"""Distributions that torch lacks, their divergences, and functions of any distribution's parameters and elements."""

from vaekit.distributions.continuous_bernoulli import *  # noqa: F403
from vaekit.distributions.discretised_logistic import *  # noqa: F403
from vaekit.distributions.elements import *  # noqa: F403
from vaekit.distributions.logistic_mixture import *  # noqa: F403
from vaekit.distributions.optimal_normal import *  # noqa: F403
from vaekit.distributions.parameters import *  # noqa: F403
from vaekit.distributions.point_mass import *  # noqa: F403
