import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Independent, Normal, StudentT
from torch.testing import assert_close

from vaekit.conditionals import Gaussian, Optimal
from vaekit.distributions import detached, kl_per_element, log_prob_per_element, log_ratio, rows, stack

pytestmark = pytest.mark.slow


def normal(loc, scale):
    return Independent(Normal(loc, scale, validate_args=False), 1, validate_args=False)


def every_number(loc: Tensor, scale: Tensor, x: Tensor) -> dict[str, Tensor]:
    q, p = normal(loc, scale), normal(torch.zeros_like(loc), torch.ones_like(scale))
    return {
        "elements": log_prob_per_element(q, x),
        "rate": kl_per_element(q, p),
        "ratio": log_ratio(detached(q), p, x),
        "stack": stack([q, p]).log_prob(x),
        "row": rows(q, 0).mean,
    }


def rate_or_estimate(loc: Tensor, scale: Tensor, x: Tensor) -> Tensor:
    q = normal(loc, scale)
    p = Independent(StudentT(torch.full_like(loc, 3.0), loc, scale, validate_args=False), 1, validate_args=False)
    closed = kl_per_element(q, p)
    return log_ratio(q, p, x) if closed is None else closed


@pytest.mark.parametrize("function", [every_number, rate_or_estimate])
def test_one_graph_gives_the_same_numbers(function):
    arguments = torch.randn(4, 3), torch.rand(4, 3) + 0.5, torch.randn(4, 3)
    compiled = torch.compile(function, fullgraph=True, backend="aot_eager")
    assert_close(compiled(*arguments), function(*arguments))


def test_the_optimal_scale_is_learned_in_one_graph():
    eager, traced = (Gaussian(nn.Identity(), 3, scale=Optimal(), features=2) for _ in range(2))
    traced.load_state_dict(eager.state_dict())

    def step(head, inputs, x):
        return head(inputs).log_prob(x)

    inputs, x = torch.randn(4, 2), torch.randn(4, 3)
    compiled = torch.compile(step, fullgraph=True, backend="aot_eager")
    assert_close(compiled(traced, inputs, x), step(eager, inputs, x))
    assert_close(traced.scale.mean_square, eager.scale.mean_square)
