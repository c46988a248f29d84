import torch
from torch.testing import assert_close

from vaekit.networks import BatchNorm


def test_a_batch_has_mean_zero_and_deviation_one():
    x = 3 + 2 * torch.randn(50, 4)
    y = BatchNorm(4)(x)
    assert_close(y.mean(0), torch.zeros(4), atol=1e-5, rtol=0)
    assert_close(y.var(0, correction=0), torch.ones(4), atol=1e-3, rtol=0)


def test_a_batch_of_one_is_normalised_in_training_as_in_evaluation_and_leaves_the_running_figures():
    norm = BatchNorm(4)
    for _ in range(200):
        norm(3 + 2 * torch.randn(50, 4))
    kept, x = {name: t.clone() for name, t in norm.state_dict().items()}, torch.randn(1, 4)
    in_training = norm(x)
    assert_close(in_training, (x - 3) / 2, atol=0.2, rtol=0.1)
    assert all(torch.equal(t, kept[name]) for name, t in norm.state_dict().items())
    assert_close(norm.eval()(x), in_training)
