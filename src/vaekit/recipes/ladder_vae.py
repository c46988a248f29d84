"""The ladder variational autoencoder."""

from torch import nn

from vaekit.conditionals import Gaussian
from vaekit.data import DataSpec
from vaekit.models import Hierarchy, Rung, estimate_alone
from vaekit.networks import Stages
from vaekit.priors import StandardNormal
from vaekit.recipes.parts import Activation, LikelihoodName
from vaekit.recipes.stacked import Latents, Layers, LevelFreeBits, Normalised, Sizes, WarmUp, Widths, warmed_up
from vaekit.recipes.system import System

__all__ = ["ladder_vae"]


def ladder_vae(
    spec: DataSpec,
    *,
    latents: Latents = (64, 32, 16, 8, 4),
    widths: Widths = (512, 256, 128, 64, 64),
    layers: Layers = 2,
    batch_norm: Normalised = True,
    annealing_steps: WarmUp = 2000,
    activation: Activation = "relu",
    likelihood: LikelihoodName = None,
    free_bits: LevelFreeBits = 0.0,
) -> System:
    """A ladder of latents that are inferred from the top down, so that the upper ones are used (Sønderby et al. 2016).

    z1 is the top. On the way up d_l = MLP(d_(l-1)) gives each level an estimate of its latent; on the way down the
    estimate is weighed against the prior p(z_l|z_(l-1)) by their precisions. The defaults are the paper's sizes.
    """
    sizes = Sizes(spec, latents, widths, layers, activation, batch_norm)
    model = Hierarchy(way_up(sizes), None, rungs(sizes), sizes.decoder(likelihood))
    return System(model, warmed_up(annealing_steps, free_bits))


def way_up(sizes: Sizes) -> Stages:
    """x to d1, d2, ..., one for each latent from the data up."""
    below: list[int | tuple[int, ...]] = [sizes.spec.shape, *sizes.widths[:-1]]
    return Stages({f"d{i}": sizes.mlp(features, i - 1) for i, features in enumerate(below, 1)})


def rungs(sizes: Sizes) -> list[Rung]:
    """The levels from the top, which has a standard normal prior and believes its estimate alone."""
    highest = len(sizes.latents)
    top = Rung(f"d{highest}", StandardNormal(sizes.latents[-1]), estimate(sizes, highest), estimate_alone)
    below = range(highest - 1, 0, -1)
    return [top, *(Rung(f"d{i}", p, estimate(sizes, i)) for i, p in zip(below, sizes.own_priors(), strict=True))]


def estimate(sizes: Sizes, level: int) -> Gaussian:
    """A normal over the latent of a level (from 1), linear in what the way up found."""
    return Gaussian(nn.Identity(), sizes.latents[level - 1], features=sizes.widths[level - 1])
