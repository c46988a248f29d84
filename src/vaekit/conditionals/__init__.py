"""Conditionals: a network under a head, called to give a distribution."""

from vaekit.conditionals.conditional import *  # noqa: F403
from vaekit.conditionals.continuous import *  # noqa: F403
from vaekit.conditionals.deterministic import *  # noqa: F403
from vaekit.conditionals.discrete import *  # noqa: F403
from vaekit.conditionals.discretised import *  # noqa: F403
from vaekit.conditionals.gaussian import *  # noqa: F403
from vaekit.conditionals.scales import *  # noqa: F403
