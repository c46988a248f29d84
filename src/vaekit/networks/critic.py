"""A critic: a network of features and one logit over them."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from vaekit.networks.initialisation import initialise

__all__ = ["Critic", "Joint", "spectral_normed"]


class Critic(nn.Module):
    """`network` maps its input to features (N, *out_shape), and a linear layer these to logits (N,)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network, size = network, math.prod(network.out_shape)  # type: ignore[arg-type]
        self.last = initialise(nn.Linear(size, 1))

    def features(self, *x: Tensor) -> Tensor:
        """What the logit is made of, (N, *out_shape)."""
        return self.network(*x)

    def forward(self, *x: Tensor) -> Float[Tensor, " N"]:
        """(N, ...) to (N,)."""
        return self.last(self.features(*x).flatten(1)).squeeze(1)


class Joint(nn.Module):
    """Features of several inputs, each through a network of its own, put beside each other and through another."""

    def __init__(self, networks: Sequence[nn.Module], network: nn.Module) -> None:
        super().__init__()
        self.networks, self.network = nn.ModuleList(networks), network
        self.out_shape = network.out_shape

    def forward(self, *inputs: Tensor) -> Tensor:
        """(N, ...) each to (N, *out_shape)."""
        found = [network(x).flatten(1) for network, x in zip(self.networks, inputs, strict=True)]
        return self.network(torch.cat(found, dim=1))


def spectral_normed(network: nn.Module) -> nn.Module:
    """The network with the largest singular value of every linear map and convolution held at 1 (Miyato et al. 2018)."""
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            spectral_norm(module)
    return network
