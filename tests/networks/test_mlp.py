import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from vaekit.networks import MLP
from vaekit.networks.initialisation import gain_of


def test_equals_its_matrix_formula():
    torch.manual_seed(0)
    mlp = MLP(3 + 2, 4, 6, activation=nn.Tanh).double()
    x, c = torch.randn(7, 3, dtype=torch.float64), torch.randn(7, 2, dtype=torch.float64)
    (w1, b1, w2, b2) = mlp.parameters()
    expected = torch.tanh(torch.tanh(torch.cat([x, c], 1) @ w1.T + b1) @ w2.T + b2)
    assert_close(mlp(x, c), expected)


def test_without_hidden_layers_it_only_flattens():
    x = torch.randn(5, 1, 4, 2)
    assert torch.equal(MLP(8)(x), x.flatten(1))
    assert MLP(8).out_shape == (8,)
    assert not list(MLP(8).parameters())


@pytest.mark.parametrize("in_features", [12, np.int64(12), (3, 4), [3, 4], ((3, 2), 6), ((3, 2), (2, 3)), [(12,)]])
def test_features_are_said_as_a_number_a_shape_or_one_of_these_for_each_input(in_features):
    assert MLP(in_features, 5).in_features == 12


def test_a_number_for_each_example_is_one_feature():
    assert MLP(3, 4)(torch.ones(6, 2), torch.ones(6)).shape == (6, 4)


def test_an_empty_batch_stays_empty():
    assert MLP((2, 3), 4)(torch.ones(0, 2, 3)).shape == (0, 4)


def test_has_as_many_parameters_as_its_matrices_biases_and_norms():
    mlp = MLP(10, 7, 5, norm=nn.LayerNorm)
    assert sum(p.numel() for p in mlp.parameters()) == (10 * 7 + 7) + (7 * 5 + 5) + 2 * 7 + 2 * 5


def test_dropout_acts_in_training_only():
    torch.manual_seed(0)
    mlp, x = MLP(6, 50, dropout=0.5), torch.randn(3, 6)
    assert not torch.equal(mlp(x), mlp(x))
    mlp.eval()
    assert torch.equal(mlp(x), mlp(x))


def test_the_gain_of_relu_is_that_of_he_et_al():
    assert gain_of(nn.ReLU) == pytest.approx(2**0.5, rel=1e-3)
    assert gain_of(nn.Identity) == pytest.approx(1.0, rel=1e-3)


@pytest.mark.parametrize("activation", [nn.ReLU, nn.LeakyReLU, nn.Tanh, nn.GELU])
def test_ten_layers_keep_the_second_moment_of_the_signal(activation):
    torch.manual_seed(0)
    mlp, x = MLP(512, *[512] * 10, activation=activation), torch.randn(64, 512)
    with torch.no_grad():
        last_linear = mlp.layers[:-1](x)
    assert last_linear.square().mean().item() == pytest.approx(1.0, rel=0.5)


def test_building_draws_as_many_numbers_whatever_the_activation():
    torch.manual_seed(0)
    MLP(3, 4, 4)
    after_relu = torch.get_rng_state()
    torch.manual_seed(0)
    MLP(3, 4, 4, activation=nn.RReLU)
    assert torch.equal(torch.get_rng_state(), after_relu)
