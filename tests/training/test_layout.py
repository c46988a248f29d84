"""Optimisers whose parameters have their channels last in memory go on from a saved state as they would have gone on."""

import pytest
import torch
from torch import nn

from vaekit.training import Adam
from vaekit.training.checkpoint import optimiser_tensors, restore_optimiser


def network() -> nn.Module:
    return nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)


def step(model: nn.Module, optimiser: torch.optim.Optimizer) -> None:
    model(torch.linspace(-1, 1, 150).reshape(2, 3, 5, 5)).square().sum().backward()
    optimiser.step()
    optimiser.zero_grad()


@pytest.mark.parametrize("kind", [Adam(0.1), Adam(0.1, fused=False), Adam(0.1, adamax=True)], ids=str)
def test_moments_are_laid_out_as_their_parameters_are(kind):
    torch.manual_seed(0)
    one, other = network(), network()
    first, second = kind.build(one.parameters()), kind.build(other.parameters())
    step(one, first)
    other.load_state_dict(one.state_dict())
    saved = {name: t.contiguous().clone() for name, t in optimiser_tensors(first, "of").items()}  # as files hold them
    restore_optimiser(second, "of", saved)
    step(one, first)
    step(other, second)
    assert torch.equal(one.weight, other.weight)
    assert torch.equal(one.bias, other.bias)
