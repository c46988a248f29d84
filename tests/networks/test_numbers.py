import torch

from vaekit.networks import MLP, Numbers


def test_whole_numbers_become_the_same_numbers_side_by_side():
    x = torch.tensor([[[-1, 2], [3, 4]]])
    assert torch.equal(Numbers((2, 2))(x), torch.tensor([[-1.0, 2, 3, 4]]))
    assert Numbers((2, 2)).out_shape == (4,)


def test_they_have_the_dtype_of_the_network_that_they_feed():
    numbers, mlp = Numbers(3).double(), MLP(3, 2).double()
    assert mlp(numbers(torch.tensor([[1, 2, 3]]))).dtype == torch.float64
    assert not numbers.state_dict()
