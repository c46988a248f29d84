"""A conditional: a network under a head, called to give a distribution."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

__all__ = ["Conditional", "Parameters", "ParametersOf", "over_leading"]

Parameters = dict[str, Tensor]
REAL, POSITIVE, UNIT_INTERVAL = "all real numbers", "positive numbers", "numbers in (0, 1)"
SIMPLEX, SPHERE = "positive numbers that sum to 1", "directions"

SMALL = 0.1  # a fresh head is then nearly constant in its input


def over_leading(
    network: Callable[..., Mapping[str, Tensor]], inputs: Sequence[Tensor], leading: int
) -> dict[str, Tensor]:
    """Apply a one-batch-axis `network` to inputs that share `leading` axes, and give the axes back.

    The one place where leading axes (samples, enumeration, batch) are flattened. Every output must start with the
    batch.
    """
    if leading == 1:
        return dict(network(*inputs))
    shape = inputs[0].shape[:leading]
    flat = [x.reshape(-1, *x.shape[leading:]) for x in inputs]
    return {name: out.reshape(*shape, *out.shape[1:]) for name, out in network(*flat).items()}


class Conditional(nn.Module, ABC):
    """p(event | inputs): `network` maps inputs to features, the head maps features to a distribution.

    The head owns its last layer, so any network fits under it: a linear layer from flat features, or a 1x1 convolution
    where the network gives a map of the event's own height and width.

    `network` maps tensors (B, ...) to one tensor (B, *out_shape). Networks of vaekit carry `out_shape`; for another
    module say `features=` (an int or a shape). `event_shape` is the shape of one draw. `domains` names the kinds of
    data (`vaekit.data.Domain`) that it is a likelihood of, the one it is made for first; none for a code. `separable`:
    whether each element of the event is priced alone, so that some of them may be given. `space`: where draws lie, and
    `moments`: the order below which a draw has moments, which say what priors it can have.

    Raises ValueError where the network's features cannot be turned into the event.
    """

    domains: ClassVar[tuple[str, ...]] = ()
    separable: ClassVar[bool] = True
    space: ClassVar[str] = REAL

    @property
    def moments(self) -> float:
        """E|z|^k is finite for k below this."""
        return math.inf

    def __init__(
        self,
        network: nn.Module,
        event_shape: int | Sequence[int],
        *,
        per_element: int,
        features: int | Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.event_shape = as_shape(event_shape, "event_shape")
        self.last = LastLayer(features_of(network, features), self.event_shape, per_element)

    @abstractmethod
    def parametrise(self, h: Tensor) -> Parameters:
        """The distribution's constrained parameters (B, ...) from the network's features h (B, *out_shape)."""

    @abstractmethod
    def distribution(self, **parameters: Tensor) -> Distribution:
        """The distribution with these parameters; its event shape is `event_shape`."""

    def start_at(self, mean: Tensor) -> None:
        """Let a fresh head's distribution have this mean (*event_shape) for every input, where it knows how to."""

    def outputs(self, *inputs: Tensor, leading: int = 1) -> Parameters:
        """Tensors in, tensors out: what is exported to ONNX. `inputs` share their first `leading` axes."""
        return over_leading(self._outputs, inputs, leading)

    def forward(self, *inputs: Tensor, leading: int = 1) -> Distribution:
        """The distribution given `inputs`, whose first `leading` axes are shared and become its batch shape."""
        return self.distribution(**self.outputs(*inputs, leading=leading))

    def _outputs(self, *inputs: Tensor) -> Parameters:
        return {name: at_least_float32(p) for name, p in self.parametrise(self.network(*inputs)).items()}


class ParametersOf(nn.Module):
    """A conditional as a plain module, tensors to a dict of tensors: what `torch.export` and ONNX take.

    `embed`, where given, is applied to the last input, the context, first.
    """

    def __init__(self, conditional: Conditional, embed: nn.Module | None = None) -> None:
        super().__init__()
        self.conditional, self.embed = conditional, embed

    def forward(self, *inputs: Tensor) -> Parameters:
        """The distribution's parameters, each (B, ...), from inputs (B, ...)."""
        if self.embed is not None and len(inputs) > 1:
            *first, context = inputs
            inputs = (*first, self.embed(context))
        return self.conditional.outputs(*inputs)


class LastLayer(nn.Module):
    """Features (B, *features) to `per_element` tensors (B, *event_shape): linear, or 1x1 convolution on a map.

    Weights start at a tenth of torch's, so that a fresh head gives nearly the same distribution for every input: an
    encoder starts at the prior and a decoder at the data's mean, and few latent dimensions are lost in the first steps.
    """

    def __init__(self, features: tuple[int, ...], event_shape: tuple[int, ...], per_element: int) -> None:
        super().__init__()
        self.features, self.event_shape, self.per_element = features, event_shape, per_element
        self.layer: nn.Linear | nn.Conv2d
        on_map = len(features) == 3 and len(event_shape) == 3
        if on_map and features[1:] != event_shape[1:]:
            raise ValueError(
                f"the network gives a map of {features[1]}x{features[2]}, the event is "
                f"{event_shape[1]}x{event_shape[2]}: they must be equal, or the features flat"
            )
        if on_map:
            self.layer = nn.Conv2d(features[0], per_element * event_shape[0], 1)
        else:
            self.layer = nn.Linear(math.prod(features), per_element * math.prod(event_shape))
        self.on_map = on_map
        with torch.no_grad():
            self.layer.weight.mul_(SMALL)

    @torch.no_grad()
    def spread(self) -> None:
        """Let a fresh layer's weights be torch's own, so that outputs differ from one input to another from the start."""
        self.layer.weight.div_(SMALL)

    @torch.no_grad()
    def start_at(self, first: Tensor) -> None:
        """Set the biases so that the first of the tensors starts at `first` (*event_shape); on a map, at its mean."""
        bias = self.layer.bias
        assert bias is not None
        shown = first.flatten(1).mean(1) if self.on_map else first.flatten()
        bias[: shown.numel()] = shown

    def forward(self, h: Tensor) -> Tensor:
        """(B, *features) -> (per_element, B, *event_shape), or (B, *event_shape) where per_element is 1."""
        out = self.layer(h if self.on_map else h.flatten(1))
        if self.per_element == 1:
            return out.view(-1, *self.event_shape)
        return out.view(-1, self.per_element, *self.event_shape).transpose(0, 1)


def as_shape(shape: int | Sequence[int], name: str) -> tuple[int, ...]:
    """An int or a sequence of them as a tuple; every size must be at least 1."""
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    if not all(isinstance(size, int) and size >= 1 for size in sizes):
        raise ValueError(f"{name} must hold sizes of at least 1, got {shape}")
    return sizes


def features_of(network: nn.Module, features: int | Sequence[int] | None) -> tuple[int, ...]:
    """The shape of what `network` gives for one example, told or read from its `out_shape`."""
    if features is not None:
        return as_shape(features, "features")
    shape = getattr(network, "out_shape", None)
    if shape is None:
        raise ValueError(
            f"{type(network).__name__} does not say what it gives: set features= to its output's size for one example"
        )
    return as_shape(shape, "out_shape")


def at_least_float32(t: Tensor) -> Tensor:
    """Half precision made float32: likelihoods and divergences are never computed below it."""
    return t.float() if t.dtype in (torch.bfloat16, torch.float16) else t
