"""Parts of recipes for sequences: the description of one step, and networks for it, whatever it is."""

import math
from dataclasses import replace
from typing import Annotated

from annotated_types import Ge
from torch import nn
from typing_extensions import Doc

from vaekit.conditionals import Conditional, DiscretisedLogistic, Gaussian, Shared
from vaekit.data import DataSpec, Domain
from vaekit.networks import MLP, Conv, ConvTranspose, group_norm
from vaekit.recipes.parts import likelihood as likelihood_of
from vaekit.recipes.parts import refuse_categories
from vaekit.training import Adam, Plan

__all__: list[str] = []

CHANNELS = (16, 32, 64)
START = 0.1  # of the scale, where pixels lie in [0, 1]
PLAN = Plan(steps=6000, batch_size=16, optimiser=Adam(lr=2e-3, decay=True), patience=10)  # a clip holds many frames

FrameChannels = Annotated[
    tuple[int, ...] | None,
    Ge(1),
    Doc(
        "channels after each halving, where frames are pictures; the decoder mirrors them; if not said 16 32 64, or the "
        "first of these for as often as a frame can be halved"
    ),
]
Recurrent = Annotated[int, Ge(1), Doc("size of the recurrent states")]


def frame_of(spec: DataSpec, recipe: str) -> DataSpec:
    """What one step of the sequences is. Raises ValueError for data that are no sequences."""
    refuse_categories(spec)
    if not spec.timed:
        raise ValueError(
            f"{recipe} needs sequences, examples (steps, *frame), got {spec.describe()}: "
            "open the data with timed=True, or with lengths"
        )
    return replace(spec, shape=spec.frame, timed=False, ragged=False)


def is_picture(frame: DataSpec) -> bool:
    """Whether convolutions can read a step."""
    return len(frame.shape) == 3


def seeing(frame: DataSpec, channels: tuple[int, ...] | None, features: int) -> nn.Module:
    """From a step to a vector of features: convolutions and a layer for pictures, two layers for anything else."""
    if not is_picture(frame):
        return MLP(frame.shape, features, features, activation=nn.SiLU)
    convolutions = Conv(frame.shape, *fitting(frame, channels), norm=group_norm, activation=nn.SiLU)
    return nn.Sequential(convolutions, MLP(convolutions.out_shape, features, activation=nn.SiLU))


def showing(frame: DataSpec, channels: tuple[int, ...] | None, *inputs: int) -> nn.Module:
    """From vectors of these sizes to the features of a step that a likelihood goes on: `seeing` in reverse."""
    if not is_picture(frame):
        width = max(64, *inputs)
        return MLP(tuple((size,) for size in inputs), width, width, activation=nn.SiLU)
    back = reversed(fitting(frame, channels))
    return ConvTranspose(sum(inputs), frame.shape[1:], *back, norm=group_norm, activation=nn.SiLU)


def likelihood(frame: DataSpec, network: nn.Module, name: str | None) -> Conditional:
    """p(x_t|...) by name; if none is said, for grey and colour pictures one with a single learned scale.

    With a scale for every pixel the still background soon grows so sharp that its gradients drown what moves.
    """
    if name is None and is_picture(frame) and frame.domain is Domain.LEVELS and frame.levels is not None:
        return DiscretisedLogistic(network, frame.shape, frame.levels, scale=Shared(START))
    if name is None and is_picture(frame) and frame.domain is Domain.UNIT:
        return Gaussian(network, frame.shape, scale=Shared(START))
    return likelihood_of(frame, network, name)


def fitting(frame: DataSpec, channels: tuple[int, ...] | None) -> tuple[int, ...]:
    """The channels as they are said; where they are not, as many as the frame can be halved for."""
    return CHANNELS[: max(1, math.ceil(math.log2(max(frame.shape[1:]))))] if channels is None else channels
