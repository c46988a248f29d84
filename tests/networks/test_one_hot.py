import torch

from vaekit.networks import MLP, OneHot


def test_puts_a_one_at_each_label():
    assert torch.equal(OneHot(3)(torch.tensor([2, 0])), torch.tensor([[0.0, 0, 1], [1, 0, 0]]))
    assert OneHot(3).out_shape == (3,)


def test_takes_any_integers_and_an_empty_batch():
    assert torch.equal(OneHot(3)(torch.tensor([2, 0], dtype=torch.uint8)), OneHot(3)(torch.tensor([2, 0])))
    assert OneHot(3)(torch.zeros(0, dtype=torch.int64)).shape == (0, 3)


def test_follows_the_dtype_of_the_network_it_feeds():
    one_hot, mlp = OneHot(3).double(), MLP(3, 2).double()
    assert mlp(one_hot(torch.tensor([1]))).dtype == torch.float64


def test_saves_nothing():
    assert not OneHot(3).state_dict()
