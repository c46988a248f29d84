import pytest
import torch
from torch import distributions as td
from torch.distributions import Distribution, Independent, constraints
from torch.testing import assert_close

from vaekit import distributions as vd
from vaekit.distributions import Rows, draw

B, T = 7, 3


class Stretched(Distribution):
    """exp(loc + scale g), g ~ N(0, 1): its inverse counts as dear, so that draws come with their log-density."""

    has_rsample = True
    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}  # noqa: RUF012

    def __init__(self, loc, scale, validate_args=None):
        self.loc, self.scale = torch.broadcast_tensors(loc, scale)
        super().__init__(self.loc.shape, validate_args=False)

    def rsample_and_log_prob(self, shape=()):
        log_z = self.loc + self.scale * torch.randn(*shape, *self.loc.shape)
        return log_z.exp(), td.Normal(self.loc, self.scale).log_prob(log_z) - log_z


def positive(*shape):
    return torch.rand(shape) + 0.5


FAMILIES = {
    "normal": lambda: td.Normal(torch.randn(B), positive(B)),
    "normal vectors": lambda: Independent(td.Normal(torch.randn(B, T), positive(B, T)), 1),
    "normal images": lambda: Independent(td.Normal(torch.randn(B, 1, 4, 5), positive(1, 4, 5)), 3),
    "correlated normal": lambda: td.MultivariateNormal(torch.randn(B, T), torch.eye(T) + 0.3),
    "laplace": lambda: td.Laplace(torch.randn(B), positive(B)),
    "lognormal": lambda: td.LogNormal(torch.randn(B), positive(B)),
    "bernoulli": lambda: td.Bernoulli(logits=torch.randn(B)),
    "categorical": lambda: td.Categorical(logits=torch.randn(B, 5)),
    "words": lambda: Independent(td.Categorical(logits=torch.randn(B, T, 5)), 1),
    "one-hot": lambda: td.OneHotCategorical(logits=torch.randn(B, 5)),
    "relaxed one-hot": lambda: td.RelaxedOneHotCategorical(torch.tensor(0.5), logits=torch.randn(B, 5)),
    "mixture": lambda: td.MixtureSameFamily(
        td.Categorical(logits=torch.randn(B, 4)), Independent(td.Normal(torch.randn(B, 4, T), positive(B, 4, T)), 1)
    ),
    "continuous bernoulli": lambda: vd.ContinuousBernoulli(torch.randn(B)),
    "discretised logistic": lambda: vd.DiscretisedLogistic(torch.rand(B), positive(B), levels=8),
    "point mass": lambda: vd.PointMass(torch.randn(B, T), 1),
    "enumerated": lambda: Independent(td.Normal(torch.randn(4, B, T), positive(B, T)), 1),
    "with its density": lambda: Stretched(torch.randn(B), positive(B)),
    "directions": lambda: vd.VonMisesFisher(vd.direction(torch.randn(B, T)), 10 * positive(B)),
}
ALONE = {
    "one normal for all": lambda: Independent(td.Normal(torch.zeros(T), 1.0), 1),
    "one label for all": lambda: td.Categorical(logits=torch.randn(5)),
    "one with its density": lambda: Stretched(torch.tensor(0.3), torch.tensor(0.5)),
    "one sphere for all": lambda: vd.UniformOnSphere(T),
}


def in_parts(d, shape, pieces):
    """The draws of contiguous pieces of the batch, put together again, and their log-densities."""
    first, values, densities = 0, [], []
    for size in pieces:
        index = slice(first, first + size)
        part = vd.mapped(d, lambda p, i=index: p[i])
        torch.manual_seed(3)
        value, log_q = draw(part, shape, Rows(first, B))
        values.append(value)
        densities.append(log_q)
        first += size
    axis = len(shape) + len(d.batch_shape) - 1
    return torch.cat(values, axis), None if densities[0] is None else torch.cat(densities, axis)


@pytest.mark.parametrize("shape", [(), (2,), (3, 2)], ids=str)
@pytest.mark.parametrize("pieces", [(7,), (3, 4), (1, 5, 1)], ids=str)
@pytest.mark.parametrize("name", [name for name in FAMILIES if name != "enumerated"])
def test_rows_of_a_batch_get_what_they_get_in_the_whole(name, pieces, shape):
    d = FAMILIES[name]()
    torch.manual_seed(3)
    whole, log_q = draw(d, shape)
    parts, log_q_parts = in_parts(d, shape, pieces)
    assert_close(parts, whole)
    assert (log_q is None) == (log_q_parts is None)
    if log_q is not None:
        assert_close(log_q_parts, log_q)


@pytest.mark.parametrize("name", ALONE)
@pytest.mark.parametrize("shape", [(), (2,)], ids=str)
def test_rows_of_a_distribution_without_a_batch_are_cut_from_the_shape(name, shape):
    d = ALONE[name]()
    torch.manual_seed(3)
    whole, _ = draw(d, (*shape, B))
    parts = []
    for first, last in ((0, 2), (2, 7)):
        torch.manual_seed(3)
        parts.append(draw(d, (*shape, last - first), Rows(first, B))[0])
    assert_close(torch.cat(parts, len(shape)), whole)


def test_the_batch_is_the_last_axis_of_the_batch_shape():
    d = FAMILIES["enumerated"]()
    torch.manual_seed(3)
    whole, _ = draw(d, (2,))
    torch.manual_seed(3)
    half, _ = draw(vd.mapped(d, lambda p: p[:, 3:6]), (2,), Rows(3, B))
    assert half.shape == (2, 4, 3, T)
    assert_close(half, whole[:, :, 3:6])


@pytest.mark.parametrize("name", FAMILIES)
def test_a_draw_has_the_shape_asked_for_and_a_gradient_where_the_family_has_one(name):
    d = FAMILIES[name]()
    value, _ = draw(vd.mapped(d, lambda p: p.clone().requires_grad_() if p.is_floating_point() else p), (2,))
    assert value.shape == (2, *d.batch_shape, *d.event_shape)
    assert value.requires_grad == d.has_rsample


def test_gradients_reach_the_own_rows_alone():
    loc = torch.zeros(2, requires_grad=True)
    value, _ = draw(td.Normal(loc, 1.0), (), Rows(3, B))
    value.sum().backward()
    assert_close(loc.grad, torch.ones(2))


def test_the_log_density_that_comes_with_a_draw_is_the_familys():
    d = Stretched(torch.randn(B), positive(B))
    value, log_q = draw(d, (4,))
    assert_close(log_q, td.LogNormal(d.loc, d.scale).log_prob(value))
    assert draw(td.Normal(0.0, 1.0), (4,))[1] is None
