"""The largest singular values of a model's weights, as a price for sharp functions (Yoshida & Miyato 2017)."""

from operator import attrgetter

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vaekit.models.inference import Inference
from vaekit.objectives.objective import Coefficients, Term

__all__ = ["SpectralNorm"]

LAYERS = (
    nn.Linear,
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


class SpectralNorm(Term):
    """Sum of the largest singular values of linear and convolutional weights, and of the largest |gamma| of batch norms.

    A number (). A convolution's weight is taken as the matrix (out, in x kernel), a transposed one's as that of the
    convolution it transposes, and a parametrised weight as it is applied. Singular values are estimated, from below, by
    power iteration: `iterations` at every step of training, from vectors that the term keeps. Yoshida & Miyato 2017;
    with batch norms Vahdat & Kautz 2020, sec. 3.2.

    `model` is read for names and shapes and is not kept: the weights are those of the model that is walked. Raises
    ValueError for one without such weights. It does not judge a model.
    """

    judges = False

    def __init__(self, model: nn.Module, iterations: int = 4) -> None:
        super().__init__("spectral")
        if not isinstance(iterations, int) or iterations < 1:
            raise ValueError(f"iterations must be a whole number of at least 1, got {iterations!r}")
        self.iterations = iterations
        self.weights, self.gammas = weights_of(model), gammas_of(model)
        if not self.weights:
            raise ValueError(f"{type(model).__name__} has no linear or convolutional weight to take the norm of")
        generator = torch.Generator().manual_seed(0)
        for (rows, columns), names in self.weights.items():
            start = torch.randn(len(names), columns, 1, generator=generator, device="cpu")
            self.register_buffer(f"v_{rows}x{columns}", F.normalize(start, dim=1))

    def forward(self, inference: Inference, coefficients: Coefficients) -> Tensor:
        """()."""
        model = inference.model
        if model is None:
            raise ValueError("this inference says no model, so there are no weights to take the norm of")
        largest = [self._largest(model, shape).sum() for shape in self.weights]
        gammas = [attrgetter(name)(model).abs().max() for name in self.gammas]
        return torch.stack([*largest, *gammas]).sum()

    def extra_repr(self) -> str:
        """How many weights."""
        return f"{sum(map(len, self.weights.values()))} weights"

    def _largest(self, model: nn.Module, shape: tuple[int, int]) -> Tensor:
        """u' W v for each weight of a shape, (n,): the largest singular value where u and v have converged."""
        W = torch.stack([matrix(model.get_submodule(name)) for name in self.weights[shape]])  # (n, rows, columns)
        kept: Tensor = getattr(self, f"v_{shape[0]}x{shape[1]}")
        with torch.autocast(W.device.type, enabled=False):
            with torch.no_grad():
                v = kept.to(W)
                for _ in range(self.iterations if self.training else 0):
                    v = F.normalize(W.mT @ (W @ v), dim=1)
                u = F.normalize(W @ v, dim=1)
                if self.training:
                    kept.copy_(v)
            return (u.mT @ W @ v)[:, 0, 0]


def matrix(layer: nn.Module) -> Tensor:
    """A layer's weight as (out, in x kernel), or (in, out x kernel) of a transposed convolution."""
    weight: Tensor = layer.weight  # type: ignore[assignment]
    return weight.flatten(1)


def weights_of(model: nn.Module) -> dict[tuple[int, int], list[str]]:
    """Names of the linear and convolutional layers, by the shape of their weights as matrices."""
    found: dict[tuple[int, int], list[str]] = {}
    for name, layer in model.named_modules():
        if isinstance(layer, LAYERS):
            rows, columns = matrix(layer).shape
            found.setdefault((rows, columns), []).append(name)
    return found


def gammas_of(model: nn.Module) -> list[str]:
    """Names of the batch norms' scales."""
    norms = [(name, layer) for name, layer in model.named_modules() if isinstance(layer, NORMS)]
    return [f"{name}.weight" for name, layer in norms if layer.weight is not None]
