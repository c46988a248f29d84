import itertools

import pytest
import torch
from scipy import stats
from torch import distributions as td
from torch.testing import assert_close

from vaekit import distributions as vd

EVENT = (2, 3)
MASK = torch.tensor([[True, False, False], [True, True, False]])
HIDDEN = ~MASK


def coins(*batch):
    return td.Independent(vd.Bernoulli(logits=torch.randn(*batch, *EVENT)), 2)


def normals(*batch):
    return td.Independent(td.Normal(torch.randn(*batch, *EVENT), torch.rand(*batch, *EVENT) + 0.5), 2)


def test_the_price_is_that_of_the_hidden_elements_alone():
    p, x = normals(4), torch.randn(4, *EVENT)
    found = vd.given(p, torch.randn(4, *EVENT), MASK)
    expected = stats.norm.logpdf(x, p.base_dist.loc, p.base_dist.scale)[:, HIDDEN.numpy()].sum(-1)
    assert_close(found.log_prob(x), torch.from_numpy(expected))
    assert (found.batch_shape, found.event_shape) == ((4,), EVENT)


def test_the_price_does_not_look_at_what_is_asked_of_known_elements():
    found = vd.given(normals(), torch.zeros(EVENT), MASK)
    x = torch.randn(EVENT)
    assert_close(found.log_prob(torch.where(MASK, 1e3, x)), found.log_prob(x), rtol=0, atol=0)


def test_the_hidden_configurations_have_one_probability_in_all():
    seen = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    found = vd.given(coins(), seen, MASK)
    whole = [seen.masked_scatter(HIDDEN, torch.tensor(c)) for c in itertools.product((0.0, 1.0), repeat=3)]
    assert_close(torch.stack([found.log_prob(x) for x in whole]).logsumexp(0).exp(), torch.tensor(1.0))


@pytest.mark.parametrize("base", [coins, normals])
def test_draws_keep_what_is_known_and_vary_as_the_base_where_it_is_not(base):
    p, seen = base(3), torch.rand(3, *EVENT)
    found = vd.given(p, seen, MASK)
    x = found.sample((20_000,))
    assert torch.equal(x[..., MASK], seen[:, MASK].expand(20_000, 3, 3))
    assert_close(x.mean(0)[:, HIDDEN], p.mean[:, HIDDEN], atol=0.05, rtol=0)
    assert_close(x.var(0)[:, HIDDEN], p.variance[:, HIDDEN], atol=0.1, rtol=0)


def test_moments_and_entropy_of_what_is_known_are_its_value_and_nothing():
    p, seen = normals(3), torch.randn(3, *EVENT)
    found = vd.given(p, seen, MASK)
    assert_close(found.mean, torch.where(MASK, seen, p.mean))
    assert_close(found.variance, torch.where(MASK, 0.0, p.variance))
    assert_close(found.entropy(), torch.where(MASK, 0.0, p.base_dist.entropy()).sum((-2, -1)))
    assert_close(found.base_dist.mode, torch.where(MASK, seen, p.base_dist.mode))


def test_a_draw_is_pathwise_in_the_hidden_elements_alone():
    loc = torch.zeros(EVENT, requires_grad=True)
    found = vd.given(td.Independent(td.Normal(loc, 1.0), 2), torch.ones(EVENT), MASK)
    (through_draw,) = torch.autograd.grad(found.rsample((5,)).sum(), loc)
    (through_price,) = torch.autograd.grad(found.log_prob(torch.ones(EVENT)).sum(), loc)
    assert_close(through_draw, 5.0 * HIDDEN)
    assert_close(through_price, 1.0 * HIDDEN)


def test_a_value_per_example_serves_all_draws_of_it():
    p, seen, x = coins(5, 4), torch.rand(4, *EVENT), torch.rand(4, *EVENT)
    together = vd.given(p, seen, MASK)
    assert together.log_prob(x).shape == (5, 4)
    assert together.mean.shape == (5, 4, *EVENT)
    for k in range(5):
        logits = p.base_dist.logits[k]
        alone = vd.given(td.Independent(vd.Bernoulli(logits=logits), 2), seen, MASK)
        assert_close(together.log_prob(x)[k], alone.log_prob(x))


def test_per_element_prices_are_zero_where_known():
    elements = vd.log_prob_per_element(vd.given(coins(4), torch.zeros(4, *EVENT), MASK), torch.ones(4, *EVENT))
    assert elements.shape == (4, *EVENT)
    assert (elements[:, MASK] == 0).all()
    assert (elements[:, HIDDEN] < 0).all()


def test_it_is_rebuilt_from_its_tensors_and_its_rows():
    found = vd.given(normals(4), torch.randn(4, *EVENT), MASK)
    x = torch.randn(4, *EVENT)
    parameters = vd.parameters_of(found)
    assert set(parameters) == {"loc", "scale", "known.value", "known.mask"}
    assert_close(vd.with_parameters(found, parameters).log_prob(x), found.log_prob(x))
    assert_close(vd.rows(found, slice(1, 3)).log_prob(x[1:3]), found.log_prob(x)[1:3])
    assert_close(vd.stack([found, found], 1).log_prob(x[:, None]), found.log_prob(x)[:, None].expand(4, 2))


def test_what_a_part_of_a_batch_draws_is_what_the_whole_batch_would_draw():
    found = vd.given(normals(6), torch.randn(6, *EVENT), MASK)
    torch.manual_seed(3)
    whole, _ = vd.draw(found, (2,))
    torch.manual_seed(3)
    part, _ = vd.draw(vd.rows(found, slice(2, 5)), (2,), vd.Rows(2, 6))
    assert_close(part, whole[:, 2:5])


def test_what_prices_elements_is_found_inside():
    assert type(vd.underlying(vd.given(coins(), torch.zeros(EVENT), MASK))) is vd.Bernoulli


@pytest.mark.parametrize(
    ("joint", "name"),
    [
        (td.MultivariateNormal(torch.zeros(3), torch.eye(3)), "MultivariateNormal"),
        (td.Independent(vd.OptimalNormal(torch.zeros(3), torch.ones(3), lambda scale: None), 1), "OptimalNormal"),
    ],
)
def test_a_family_that_prices_elements_together_is_refused(joint, name):
    with pytest.raises(
        ValueError, match=f"known elements need a likelihood that prices each element alone, not {name}"
    ):
        vd.given(joint, torch.zeros(3), torch.tensor([True, False, False]))


@pytest.mark.slow
def test_prices_and_draws_compile_into_one_graph():
    def both(logits, seen, x):
        found = vd.given(td.Independent(vd.Bernoulli(logits=logits, validate_args=False), 2), seen, MASK)
        return found.log_prob(x), found.sample((2,))

    torch.compiler.reset()
    tensors = torch.randn(4, *EVENT), torch.rand(4, *EVENT), torch.rand(4, *EVENT)
    price, drawn = torch.compile(both, fullgraph=True)(*tensors)
    assert_close(price, both(*tensors)[0])
    assert torch.equal(drawn[..., MASK], tensors[1][:, MASK].expand(2, 4, 3))
