"""Log-densities and divergences before independence is summed away."""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal, kl_divergence

from vaekit.distributions.coded import Coded
from vaekit.distributions.point_mass import PointMass, code_length, code_of
from vaekit.distributions.unit_normal import UnitNormal, kl_to_unit_normal

__all__ = ["kl_per_element", "log_prob_per_element", "log_ratio", "without_independence"]


def without_independence(d: Distribution) -> Distribution:
    """The distribution inside any number of `Independent`; of a prior over codes, that of one digit."""
    while isinstance(d, Independent | Coded):
        d = d.base_dist
    return d


def log_prob_per_element(d: Distribution, value: Tensor) -> Float[Tensor, "*elements"]:
    """log d(value) per independent element, nats: sums to d.log_prob(value) over the axes that `Independent` joined."""
    inner = without_independence(d)
    return inner.log_prob(d.code_of(value) if isinstance(d, Coded) else value)


def kl_per_element(q: Distribution, p: Distribution) -> Float[Tensor, "*elements"] | None:
    """KL(q||p) per independent element, nats; None where no closed form is registered.

    Elements are those that are independent on both sides; where the two disagree, the whole KL (*batch,). The KL of a
    code is its length, per element of the prior.
    """
    if isinstance(q, PointMass):
        return -log_prob_per_element(p, code_of(q))
    q_element, p_element = without_independence(q), without_independence(p)
    if len(q_element.event_shape) == len(p_element.event_shape):
        return closed_form_kl(q_element, p_element)
    return closed_form_kl(q, p)


def closed_form_kl(q: Distribution, p: Distribution) -> Float[Tensor, "*batch"] | None:
    """KL(q||p) in nats where torch has a rule for the pair, else None."""
    own = OWN.get((type(q), type(p)))
    if own is not None:
        return own(q, p)
    if not has_rule(type(q), type(p)):
        return None
    try:
        return kl_divergence(q, p)
    except NotImplementedError:  # a rule for the types that does not hold for these two
        return None


OWN: dict[tuple[type[Distribution], type[Distribution]], Callable[[Any, Any], Tensor]] = {
    (Normal, UnitNormal): kl_to_unit_normal,  # the pair of nearly every model, without torch's search for its rule
}
RULES: dict[tuple[type[Distribution], type[Distribution]], bool] = {}


def has_rule(of_q: type[Distribution], of_p: type[Distribution]) -> bool:
    """Whether a KL is registered for the two types: remembered in eager mode, looked up anew for every graph."""
    if torch.compiler.is_compiling():
        return looked_up(of_q, of_p)
    if (of_q, of_p) not in RULES:
        RULES[of_q, of_p] = is_registered(of_q, of_p)
    return RULES[of_q, of_p]


def looked_up(of_q: type[Distribution], of_p: type[Distribution]) -> bool:
    """`is_registered`, outside of the graph: torch's first look-up of a pair is one that a graph cannot hold."""
    return is_registered(of_q, of_p)


# all that torch.compiler.assume_constant_result does, which takes a second to import the compiler for it
looked_up._dynamo_marked_constant = True  # type: ignore[attr-defined]


def is_registered(of_q: type[Distribution], of_p: type[Distribution]) -> bool:
    """Whether torch finds a rule for blank instances of the two."""
    try:
        kl_divergence(of_q.__new__(of_q), of_p.__new__(of_p))
    except NotImplementedError:
        return False
    except Exception:  # the rule was found and began to work on nothing
        return True
    return True


def log_ratio(q: Distribution, p: Distribution, value: Tensor) -> Float[Tensor, "*batch"]:
    """log q(value) - log p(value), nats: unbiased for KL(q||p) where value is drawn from q. A code's is its length."""
    if isinstance(q, PointMass):
        return code_length(q, p)
    return q.log_prob(value) - p.log_prob(value)
