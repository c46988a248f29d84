"""Log-densities and divergences before independence is summed away."""

from jaxtyping import Float
from torch import Tensor
from torch.distributions import Distribution, Independent, kl_divergence

from vaekit.distributions.point_mass import PointMass, code_of

__all__ = ["kl_per_element", "log_prob_per_element", "log_ratio", "without_independence"]


def without_independence(d: Distribution) -> Distribution:
    """The distribution inside any number of `Independent`."""
    while isinstance(d, Independent):
        d = d.base_dist
    return d


def log_prob_per_element(d: Distribution, value: Tensor) -> Float[Tensor, "*elements"]:
    """log d(value) per independent element, nats: sums to d.log_prob(value) over the axes that `Independent` joined."""
    return without_independence(d).log_prob(value)


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
    try:
        return kl_divergence(q, p)
    except NotImplementedError:
        return None


def log_ratio(q: Distribution, p: Distribution, value: Tensor) -> Float[Tensor, "*batch"]:
    """log q(value) - log p(value), nats: unbiased for KL(q||p) where value is drawn from q. A code's is its length."""
    if isinstance(q, PointMass):
        return kl_divergence(q, p)
    return q.log_prob(value) - p.log_prob(value)
