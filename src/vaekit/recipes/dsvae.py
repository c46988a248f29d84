"""The disentangled sequential VAE."""

from typing import Annotated

from annotated_types import Ge, Gt, Le
from torch import nn
from typing_extensions import Doc

from vaekit.conditionals import Gaussian
from vaekit.data import DataSpec, Domain
from vaekit.models import Drift, StaticDynamic
from vaekit.networks import LSTM, MLP, BothWays, Corrupted, EachStep, OneStep, Patches, Summary, ToneCurves
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
    content_patch: Annotated[
        int,
        Ge(0),
        Doc(
            "infer the content from what patches with sides of so many pixels show, wherever they lie, so that it holds "
            "no pose; 1 for colours alone, 0 for whole frames"
        ),
    ] = 0,
    recolour: Annotated[
        float, Ge(0), Le(1), Doc("share of clips that the motion is inferred from in random colours, in training")
    ] = 0.0,
    content_weight: Annotated[
        float, Gt(0), Doc("weight of the content's rate; above 1 to leave to the motion what both could hold")
    ] = 1.0,
    likelihood: LikelihoodName = None,
    free_bits: FreeBits = 0.0,
) -> System:
    """A VAE of sequences that tells content, one latent, from motion, one for each step (Li & Mandt 2018)."""
    frame = frames.frame_of(spec, "dsvae")
    if (content_patch or recolour) and not (frames.is_picture(frame) and frame.domain in (Domain.UNIT, Domain.LEVELS)):
        raise ValueError(
            f"content_patch and recolour need frames that are grey or colour pictures, got {spec.describe()}"
        )
    see: nn.Module = EachStep(frames.seeing(frame, channels, recurrent), (recurrent,))
    see_static = None
    if content_patch:
        see_static = EachStep(Patches(frame.shape, recurrent, content_patch, nn.SiLU), (recurrent,))
    elif recolour:
        see_static = EachStep(frames.seeing(frame, channels, recurrent), (recurrent,))
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
        Corrupted(see, ToneCurves(probability=recolour)) if recolour else see,
        Gaussian(OneStep(recurrent) if one_frame else Summary(recurrent, recurrent), content),
        dynamic,
        frames.likelihood(frame, frames.showing(frame, channels, latent, content), likelihood),
        spec.shape[0],
        read=read,
        see_static=see_static,
        name="content",
    )
    if content_weight == 1:
        return System(model, Distortion() + Rate(free_bits=free_bits), frames.PLAN)
    rates = content_weight * Rate("content", free_bits=free_bits) + Rate("motion", free_bits=free_bits)
    return System(model, Distortion() + rates, frames.PLAN)
