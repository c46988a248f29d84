"""The variational recurrent neural network."""

from typing import Annotated

from annotated_types import Ge
from torch import nn
from typing_extensions import Doc

from vaekit.conditionals import Gaussian
from vaekit.data import DataSpec
from vaekit.models import Recurrent, Scan
from vaekit.networks import MLP
from vaekit.objectives import Distortion, Rate
from vaekit.recipes import frames
from vaekit.recipes.parts import FreeBits, LikelihoodName
from vaekit.recipes.system import System

__all__ = ["vrnn"]


def vrnn(
    spec: DataSpec,
    *,
    latent: Annotated[int, Ge(1), Doc("size of the latent of each step")] = 16,
    recurrent: frames.Recurrent = 128,
    channels: frames.FrameChannels = None,
    likelihood: LikelihoodName = None,
    free_bits: FreeBits = 0.0,
) -> System:
    """A recurrent network with a latent at every step: for sequences of vectors or pictures (Chung et al. 2015)."""
    frame = frames.frame_of(spec, "vrnn")
    cell = Recurrent(
        frames.seeing(frame, channels, recurrent),
        MLP(latent, recurrent),
        nn.GRUCell(2 * recurrent, recurrent),
        recurrent,
        prior=Gaussian(MLP(recurrent, recurrent), latent),
        posterior=Gaussian(MLP(((recurrent,), recurrent), recurrent), latent),
        decoder=frames.likelihood(frame, frames.showing(frame, channels, recurrent, recurrent), likelihood),
    )
    return System(Scan(cell, spec.shape[0]), Distortion() + Rate(free_bits=free_bits), frames.PLAN)
