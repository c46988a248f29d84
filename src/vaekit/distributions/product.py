"""The product of two normals: what both together say of one value."""

from torch.distributions import Distribution, Independent, Normal

__all__ = ["precision_weighted"]


def precision_weighted(first: Distribution, second: Distribution) -> Distribution:
    """The normal whose density is proportional to the product of two, element by element; shapes broadcast.

    1 / var = 1 / var_1 + 1 / var_2 and mean / var = mean_1 / var_1 + mean_2 / var_2; Sønderby et al. 2016.
    """
    ours, theirs = 1 / first.variance, 1 / second.variance
    variance = 1 / (ours + theirs)
    mean = variance * (ours * first.mean + theirs * second.mean)
    return Independent(Normal(mean, variance.sqrt(), validate_args=False), len(first.event_shape), validate_args=False)
