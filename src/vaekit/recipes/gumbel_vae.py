"""The VAE of categorical variables."""

from typing import Annotated, Literal

from annotated_types import Ge, Gt
from torch import nn
from typing_extensions import Doc

from vaekit.conditionals import RelaxedCategorical
from vaekit.data import DataSpec
from vaekit.networks import MLP
from vaekit.objectives import Cosine, Distortion, Objective, Rate, ScoreFunction
from vaekit.priors import IndependentCodes
from vaekit.recipes.parts import ACTIVATIONS, Activation, Convolved, Dropout, Hidden, LikelihoodName, flat_vae
from vaekit.recipes.system import System
from vaekit.training import Adam, Phase, Plan

__all__ = ["gumbel_vae"]

GradientName = Annotated[
    Literal["relaxed", "straight-through", "score-function", "leave-one-out", "learned-baseline"],
    Doc("through relaxed draws, past hard ones, or by the score function: alone, or with a baseline"),
]


def gumbel_vae(
    spec: DataSpec,
    *,
    latent: Annotated[int, Ge(1), Doc("categorical variables")] = 20,
    categories: Annotated[int, Ge(2), Doc("of each variable; 2 for coins")] = 10,
    gradient: GradientName = "relaxed",
    temperature: Annotated[float, Gt(0), Doc("of the relaxed draws at first")] = 1.0,
    end_temperature: Annotated[float, Gt(0), Doc("and at last")] = 0.5,
    cooling_steps: Annotated[int, Ge(1), Doc("steps from one to the other, along half a cosine")] = 10_000,
    samples: Annotated[int, Ge(2), Doc("draws of each example, for leave-one-out")] = 4,
    learned_prior: Annotated[bool, Doc("learn how likely each category is, too")] = False,
    hidden: Hidden = (512, 512),
    channels: Convolved = (),
    activation: Activation = "relu",
    dropout: Dropout = 0.0,
    likelihood: LikelihoodName = None,
) -> System:
    """A VAE whose latent is a row of categorical variables (Jang et al. 2017; Maddison et al. 2017)."""
    shape, through = (categories, latent), {"relaxed": "relaxed", "straight-through": "straight-through"}
    cooling = Cosine(temperature, end_temperature, cooling_steps)

    def posterior(network: nn.Module, size: int | tuple[int, ...]) -> RelaxedCategorical:
        draws = through.get(gradient, "hard")
        return RelaxedCategorical(network, size, temperature=cooling, draws=draws)  # type: ignore[arg-type]

    model = flat_vae(
        spec,
        latent=shape,
        hidden=hidden,
        channels=channels,
        activation=activation,
        likelihood_name=likelihood,
        dropout=dropout,
        posterior=posterior,
        prior=IndependentCodes(shape, learned=learned_prior),
    )
    objective: Objective = Distortion() + Rate()
    phases: list[Phase] = []
    if gradient == "leave-one-out":
        objective = objective + ScoreFunction("z", samples=samples, baseline="leave-one-out")
    elif gradient == "learned-baseline":
        network = MLP(spec.shape, *hidden[:1], activation=ACTIVATIONS[activation])
        baseline = nn.Sequential(network, nn.Linear(*network.out_shape, 1))
        score = ScoreFunction("z", baseline=baseline)
        objective = objective + score
        phases = [Phase("baseline", 1.0 * score.baseline_loss(), [baseline], Adam(lr=1e-3))]
    elif gradient == "score-function":
        objective = objective + ScoreFunction("z")
    return System(model, objective, Plan(patience=10), phases)
