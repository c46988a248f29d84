"""Divergences of normals with correlated elements from normals without."""

from torch import Tensor
from torch.distributions import Independent, LowRankMultivariateNormal, MultivariateNormal, Normal, register_kl

from vaekit.distributions.elements import without_independence

__all__: list[str] = []


@register_kl(MultivariateNormal, Independent)
def full_to_diagonal(q: MultivariateNormal, p: Independent) -> Tensor:
    """KL in nats: (tr(P^-1 S) + |loc - m|^2_P - D + log|P| - log|S|) / 2, of a full S and a diagonal P."""
    log_det = 2 * q.scale_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)
    return to_diagonal(q.loc, q.scale_tril.square().sum(-1), log_det, p)


@register_kl(LowRankMultivariateNormal, Independent)
def low_rank_to_diagonal(q: LowRankMultivariateNormal, p: Independent) -> Tensor:
    """As of a full S; log|S| is log|diagonal| + log|capacitance|."""
    capacity = q._capacitance_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)
    return to_diagonal(q.loc, q.variance, 2 * capacity + q.cov_diag.log().sum(-1), p)


def to_diagonal(loc: Tensor, variance: Tensor, log_det: Tensor, p: Independent) -> Tensor:
    """What both have in common. NotImplementedError, as torch has it, where p is of another kind."""
    normal = without_independence(p)
    if not isinstance(normal, Normal) or len(p.event_shape) != 1:
        raise NotImplementedError
    precision = normal.scale.square().reciprocal()
    apart = (variance + (loc - normal.loc).square()) * precision - 1 - precision.log()
    return (apart.sum(-1) - log_det) / 2
