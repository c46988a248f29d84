"""The plain stack of latents."""

from vaekit.conditionals import Gaussian
from vaekit.data import DataSpec
from vaekit.models import Stack
from vaekit.priors import StandardNormal
from vaekit.recipes.parts import Activation, LikelihoodName
from vaekit.recipes.stacked import Latents, Layers, LevelFreeBits, Normalised, Sizes, WarmUp, Widths, warmed_up
from vaekit.recipes.system import System

__all__ = ["stack_vae"]


def stack_vae(
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
    """Latents above latents, each inferred from the one below alone: what a ladder is compared with (Burda et al. 2016).

    z1 is the top. Burda et al. 2016 have latents 100 50 and widths 200 100 with two layers, tanh and no batch norm.
    """
    sizes = Sizes(spec, latents, widths, layers, activation, batch_norm)
    below: list[int | tuple[int, ...]] = [spec.shape, *latents]
    posteriors = [Gaussian(sizes.mlp(below[i], i), size) for i, size in enumerate(latents)]
    model = Stack(StandardNormal(latents[-1]), sizes.own_priors(), posteriors[::-1], sizes.decoder(likelihood))
    return System(model, warmed_up(annealing_steps, free_bits))
