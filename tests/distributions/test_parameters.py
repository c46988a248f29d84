import pytest
import torch
from torch import distributions as td
from torch.testing import assert_close

from vaekit import distributions as vd

B, T = 2, 3


def positive(*shape):
    return torch.rand(shape) + 0.5


def real(*shape):
    return torch.randn(shape)


def images(channels, coupled=True):
    pairs = channels * (channels - 1) // 2
    coupling = real(B, T, 4, pairs, 2, 2) if coupled else None
    return vd.DiscretisedLogisticMixture(
        real(B, T, 4, 2, 2), real(B, T, 4, channels, 2, 2), positive(B, T, 4, channels, 2, 2), coupling, levels=8
    )


KINDS = {
    "normal": lambda: td.Normal(real(B, T), positive(B, T)),
    "normal of one scale": lambda: td.Normal(real(B, T), 0.7),
    "laplace": lambda: td.Laplace(real(B, T), positive(B, T)),
    "student": lambda: td.StudentT(torch.tensor(4.0), real(B, T), positive(B, T)),
    "gamma": lambda: td.Gamma(positive(B, T), positive(B, T)),
    "lognormal": lambda: td.LogNormal(real(B, T), positive(B, T)),
    "bernoulli of logits": lambda: td.Bernoulli(logits=real(B, T)),
    "bernoulli of probs": lambda: td.Bernoulli(probs=torch.rand(B, T)),
    "categorical": lambda: td.Categorical(logits=real(B, T, 5)),
    "one-hot": lambda: td.OneHotCategorical(logits=real(B, T, 5)),
    "relaxed one-hot": lambda: td.RelaxedOneHotCategorical(torch.tensor(0.5), logits=real(B, T, 5)),
    "continuous bernoulli of torch": lambda: td.ContinuousBernoulli(logits=real(B, T)),
    "continuous bernoulli": lambda: vd.ContinuousBernoulli(real(B, T)),
    "independent": lambda: td.Independent(td.Normal(real(B, T, 4, 5), positive(B, T, 4, 5)), 2),
    "independent twice": lambda: td.Independent(td.Independent(td.Laplace(real(B, T, 4, 5), positive(5)), 1), 1),
    "mixture": lambda: td.MixtureSameFamily(
        td.Categorical(logits=real(B, T, 4)), td.Independent(td.Normal(real(B, T, 4, 5), positive(B, T, 4, 5)), 1)
    ),
    "multivariate normal": lambda: td.MultivariateNormal(real(B, T, 2), torch.eye(2) + 0.3),
    "discretised logistic": lambda: vd.DiscretisedLogistic(real(B, T), positive(B, T), levels=8),
    "logistic mixture, grey": lambda: images(1, coupled=False),
    "logistic mixture, colour": lambda: images(3),
    "logistic mixture of shared weights": lambda: vd.DiscretisedLogisticMixture(
        real(4, 2, 2), real(B, T, 4, 1, 2, 2), positive(B, T, 4, 1, 2, 2), levels=8
    ),
    "optimal normal": lambda: vd.OptimalNormal(real(B, T), positive(B, T), observe=lambda scale: None),
    "von Mises-Fisher": lambda: vd.VonMisesFisher(vd.direction(real(B, T, 4)), positive(T)),
    "uniform on a sphere": lambda: vd.UniformOnSphere(4, real(B, T)),
    "point mass": lambda: vd.PointMass(real(B, T, 4), 1),
    "point mass of a code": lambda: vd.PointMass(real(B, T, 4), 1, code=torch.arange(6).view(B, T)),
}
SEES_THE_BATCH = {"optimal normal"}  # its density of one row is not its density among others


@pytest.fixture(params=KINDS, ids=str)
def kind(request):
    return request.param


def test_a_distribution_is_its_parameters(kind):
    d = KINDS[kind]()
    x = d.sample()
    again = vd.with_parameters(d, vd.parameters_of(d))
    assert type(again) is type(d)
    assert (again.batch_shape, again.event_shape) == (d.batch_shape, d.event_shape)
    assert_close(again.log_prob(x), d.log_prob(x))


@pytest.mark.parametrize("dim", [0, 1, 2])
def test_a_stack_prices_each_item_as_the_item_does(kind, dim):
    if kind in SEES_THE_BATCH:
        pytest.skip("priced by the batch")
    items = [KINDS[kind]() for _ in range(4)]
    x = [d.sample() for d in items]
    together = vd.stack(items, dim)
    assert together.batch_shape == torch.stack([torch.empty(B, T)] * 4, dim).shape
    expected = torch.stack([d.log_prob(v) for d, v in zip(items, x, strict=True)], dim)
    assert_close(together.log_prob(torch.stack(x, dim)), expected)


def test_rows_are_the_rows(kind):
    if kind in SEES_THE_BATCH:
        pytest.skip("priced by the batch")
    d = KINDS[kind]()
    x, index = d.sample(), torch.tensor([1, 0, 1])
    assert_close(vd.rows(d, index).log_prob(x[index]), d.log_prob(x)[index])


def test_no_gradient_flows_through_a_detached_distribution(kind):
    d = KINDS[kind]()
    parameters = {name: p.detach() for name, p in vd.parameters_of(d).items()}
    leaves = {name: p.requires_grad_() if p.is_floating_point() else p for name, p in parameters.items()}
    live = vd.with_parameters(d, leaves)
    x = live.sample()
    assert not vd.detached(live).log_prob(x).requires_grad
    assert all(not p.requires_grad for p in vd.parameters_of(vd.detached(live)).values())


def test_expanded_distributions_price_as_before(kind):
    d = KINDS[kind]()
    x = d.sample()
    assert_close(d.expand((5, B, T)).log_prob(x), d.log_prob(x).expand(5, B, T))


def test_draws_put_the_sample_axes_first(kind):
    d = KINDS[kind]()
    assert d.sample((7, 2)).shape == (7, 2, B, T, *d.event_shape)


def test_logits_stay_logits():
    logits = real(B, 5).log_softmax(-1)
    assert_close(vd.parameters_of(td.Categorical(logits=logits)), {"logits": logits})


def test_a_mixture_names_its_parts():
    assert set(vd.parameters_of(KINDS["mixture"]())) == {"mixture.logits", "component.loc", "component.scale"}


def test_different_kinds_are_not_stacked():
    with pytest.raises(ValueError, match="one kind and shape"):
        vd.stack([KINDS["normal"](), KINDS["laplace"]()])


def test_the_new_axis_must_be_a_batch_axis():
    with pytest.raises(ValueError, match="between 0 and the batch rank 2, got 3"):
        vd.stack([KINDS["normal"]()], dim=3)


def test_a_distribution_that_hides_its_parameters_is_refused():
    flow = td.TransformedDistribution(td.Normal(0.0, 1.0), [td.ExpTransform()])
    with pytest.raises(ValueError, match="does not name its parameters"):
        vd.parameters_of(flow)
