"""The disentangled sequential VAE."""

from typing import Annotated

from annotated_types import Ge, Gt
from typing_extensions import Doc

from vaekit.conditionals import Gaussian
from vaekit.data import DataSpec
from vaekit.models import Drift, StaticDynamic
from vaekit.networks import LSTM, MLP, BothWays, EachStep, OneStep, Summary
from vaekit.objectives import Distortion, Rate
from vaekit.priors import StandardNormal
from vaekit.recipes import frames
from vaekit.recipes.parts import FreeBits, LikelihoodName
from vaekit.recipes.system import System

__all__ = ["dsvae"]


def dsvae(
    spec: DataSpec,
    *,
    latent: Annotated[int, Ge(1), Doc("size of the latent of each step, the motion")] = 16,
    content: Annotated[int, Ge(1), Doc("size of the latent of the whole sequence, the content")] = 32,
    recurrent: frames.Recurrent = 128,
    channels: frames.FrameChannels = None,
    factorised: Annotated[
        bool, Doc("infer the motion of a step from that step alone, not from all and the content")
    ] = False,
    one_frame: Annotated[
        bool, Doc("infer the content from one frame, any in training, so that it holds no motion, and not from all")
    ] = False,
    content_weight: Annotated[
        float, Gt(0), Doc("weight of the content's rate; above 1 to leave to the motion what both could hold")
    ] = 1.0,
    likelihood: LikelihoodName = None,
    free_bits: FreeBits = 0.0,
) -> System:
    """A VAE of sequences that tells content, one latent, from motion, one for each step (Li & Mandt 2018)."""
    frame = frames.frame_of(spec, "dsvae")
    read = None if factorised else BothWays(recurrent + content, recurrent)
    update = LSTM(latent, recurrent)
    dynamic = Drift(
        "motion",
        Gaussian(MLP(2 * recurrent, recurrent), latent),
        Gaussian(MLP(recurrent if factorised else 2 * recurrent, recurrent), latent),
        update,
        *update.out_shape,
    )
    model = StaticDynamic(
        StandardNormal(content),
        EachStep(frames.seeing(frame, channels, recurrent), (recurrent,)),
        Gaussian(OneStep(recurrent) if one_frame else Summary(recurrent, recurrent), content),
        dynamic,
        frames.likelihood(frame, frames.showing(frame, channels, latent, content), likelihood),
        spec.shape[0],
        read=read,
        name="content",
    )
    if content_weight == 1:
        return System(model, Distortion() + Rate(free_bits=free_bits), frames.PLAN)
    rates = content_weight * Rate("content", free_bits=free_bits) + Rate("motion", free_bits=free_bits)
    return System(model, Distortion() + rates, frames.PLAN)
