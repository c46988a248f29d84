"""Distributions that torch lacks, their divergences, and functions of any distribution's parameters and elements."""

from vaekit.distributions.autoregressive import *
from vaekit.distributions.bernoulli import *
from vaekit.distributions.bessel import *
from vaekit.distributions.coded import *
from vaekit.distributions.codes_of import *
from vaekit.distributions.continuous_bernoulli import *
from vaekit.distributions.discretised_logistic import *
from vaekit.distributions.draws import *
from vaekit.distributions.elements import *
from vaekit.distributions.flowing import *
from vaekit.distributions.full_normal import *
from vaekit.distributions.given import *
from vaekit.distributions.in_order import *
from vaekit.distributions.logistic_mixture import *
from vaekit.distributions.of_symbols import *
from vaekit.distributions.optimal_normal import *
from vaekit.distributions.parameters import *
from vaekit.distributions.point_mass import *
from vaekit.distributions.product import *
from vaekit.distributions.relaxed_codes import *
from vaekit.distributions.representative import *
from vaekit.distributions.tempered import *
from vaekit.distributions.uniform_integers import *
from vaekit.distributions.unit_normal import *
from vaekit.distributions.unmasking import *
