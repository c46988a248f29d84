"""What every model with a decoder of x does without a line of its own: its start, and the x that it refuses."""

import pytest
import torch
from torch.testing import assert_close

from models.small_hierarchy import hierarchy
from models.test_labels import label_above_code, label_and_style, label_from_code
from vaekit.conditionals import Bernoulli, Gaussian
from vaekit.models import VAE, Stack
from vaekit.networks import MLP
from vaekit.priors import StandardNormal

X = 6


def flat() -> VAE:
    return VAE(StandardNormal(2), Gaussian(MLP(X), 2), Bernoulli(MLP(2), X))


def stack() -> Stack:
    head = Gaussian(MLP(2), 2)
    return Stack(StandardNormal(2), [head], [head, Gaussian(MLP(X), 2)], Bernoulli(MLP(2), X))


MODELS = [flat, stack, lambda: hierarchy(2, size=(X,)), label_and_style, label_from_code, label_above_code]


@pytest.mark.parametrize("make", MODELS)
def test_a_model_starts_at_the_mean_where_its_decoder_does(make):
    model, mean = make().double(), torch.rand(X) * 0.8 + 0.1
    model.start_at(mean)
    torch.nn.init.zeros_(model.decoder.last.layer.weight)
    assert_close(model.generate(3).likelihoods["x"].distribution.mean, mean.expand(3, X))


@pytest.mark.parametrize("make", MODELS)
def test_an_x_of_another_shape_is_refused(make):
    with pytest.raises(ValueError, match=r"x must have the shape \(B, 6\), got \(3, 5\)"):
        make().double().infer(torch.zeros(3, X - 1))
