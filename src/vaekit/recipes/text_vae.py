"""The VAE of sentences."""

from typing import Annotated, Literal

from annotated_types import Ge, Le
from torch import nn
from typing_extensions import Doc

from vaekit.conditionals import Gaussian, StepByStep
from vaekit.data import END, UNKNOWN, DataSpec
from vaekit.models import VAE
from vaekit.networks import CausalTransformer, Forgetful, NextWord, Sentence
from vaekit.objectives import Distortion, Rate
from vaekit.priors import StandardNormal
from vaekit.recipes.autoregressive import AnnealingSteps, Cycles, weight_of
from vaekit.recipes.parts import AggressiveOption, Dropout, FreeBits, Latent, aggressive_phases
from vaekit.recipes.system import System
from vaekit.training import Plan

__all__ = ["text_vae"]


def text_vae(
    spec: DataSpec,
    *,
    latent: Latent = 16,
    embedding: Annotated[int, Ge(1), Doc("numbers of each word's vector")] = 64,
    recurrent: Annotated[int, Ge(1), Doc("width of the LSTMs, or of the transformer")] = 128,
    decoder: Annotated[Literal["lstm", "transformer"], Doc("what says the next word")] = "lstm",
    blocks: Annotated[int, Ge(1), Doc("blocks of the transformer")] = 2,
    dropout: Dropout = 0.2,
    word_dropout: Annotated[
        float, Ge(0), Le(1), Doc("share of the words before the next one that the decoder is not shown in training")
    ] = 0.0,
    free_bits: FreeBits = 0.0,
    annealing_steps: AnnealingSteps = 0,
    cycles: Cycles = 1,
    aggressive: AggressiveOption = False,
) -> System:
    """A VAE of sentences, with a decoder that says word after word (Bowman et al. 2016)."""
    if not spec.words:
        raise ValueError(f"text-vae reads text, got {spec.describe()}: give it a .txt file, or a list of sentences")
    words, length = len(spec.words), spec.shape[0]
    reader: nn.Module
    if decoder == "lstm":
        reader = NextWord(words, length, embedding=embedding, width=recurrent, dropout=dropout, context=(latent,))
    else:
        heads = next(n for n in (4, 2, 1) if recurrent % n == 0)
        reader = CausalTransformer(
            (words,), (length,), width=recurrent, heads=heads, blocks=blocks, dropout=dropout, context=(latent,)
        )
    if word_dropout > 0:
        reader = Forgetful(reader, word_dropout, UNKNOWN)
    seeing = Sentence(words, embedding=embedding, width=recurrent, dropout=dropout, stop=END)
    model = VAE(
        StandardNormal(latent),
        Gaussian(seeing, latent),
        StepByStep(nn.Identity(), spec.shape, reader, stop=END, features=latent),
    )
    objective = Distortion() + weight_of(annealing_steps, cycles) * Rate(free_bits=free_bits)
    plan = Plan(patience=10)
    return System(model, objective, plan, aggressive_phases(model, objective, aggressive))
