"""Posteriors and priors of a flat model by name, for the recipes that any of them fits."""

from collections.abc import Callable
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Lt
from torch import nn
from typing_extensions import Doc

from vaekit.conditionals import (
    Beta,
    Cauchy,
    Conditional,
    Dirichlet,
    FlowPosterior,
    FullGaussian,
    Gamma,
    Gaussian,
    Laplace,
    LowRankGaussian,
    StudentT,
    Uniform,
)
from vaekit.data import DataSpec, Domain
from vaekit.networks import MLP, Critic, MaskedFlow
from vaekit.priors import (
    BetaPrior,
    DirichletPrior,
    EnergyPrior,
    FlowPrior,
    GammaPrior,
    MixtureOfGaussians,
    Prior,
    StandardCauchy,
    StandardLaplace,
    StandardNormal,
    StandardStudentT,
    UniformBox,
    VampPrior,
)

__all__: list[str] = []

PosteriorName = Annotated[
    Literal[
        "gaussian",
        "full",
        "low-rank",
        "flow",
        "spline-flow",
        "laplace",
        "student-t",
        "cauchy",
        "uniform",
        "gamma",
        "beta",
        "dirichlet",
    ],
    Doc(
        "q(z|x): independent normals, a normal with any covariance or with four common factors, a flow, or another family, "
        "with its own prior if none is said; uniform needs --free-bits, or it stays as wide as its box"
    ),
]
PriorName = Annotated[
    Literal[
        "normal",
        "mixture",
        "vamp",
        "flow",
        "energy",
        "laplace",
        "student-t",
        "cauchy",
        "uniform",
        "gamma",
        "beta",
        "dirichlet",
    ]
    | None,
    Doc(
        "p(z): standard normal if nothing is said, a learned mixture of ten normals, of the posteriors of 500 "
        "pseudo-inputs, a flow, a normal tilted by a network, or a fixed density of another family"
    ),
]
Layers = Annotated[int, Ge(1), Doc("maps in the flow, each in the reverse order of the one before")]
FlowHidden = Annotated[tuple[int, ...], Ge(1), Doc("widths of the hidden layers of every map")]
Spline = Annotated[bool, Doc("monotonic splines in the place of shifts and scales")]
TiltHidden = Annotated[tuple[int, ...], Ge(1), Doc("widths of the hidden layers of the prior's network")]
Chains = Annotated[int, Ge(1), Doc("Langevin chains that follow the prior in training")]
LangevinSteps = Annotated[
    int, Ge(0), Doc("steps of each chain from the normal, anew in every step of training; 0: importance sampling")
]
StepLength = Annotated[float, Gt(0), Lt(2), Doc("length of a step of a chain, in deviations of the normal")]
CONTEXT = 64


def posterior_named(name: str) -> Callable[[nn.Module, int], Conditional]:
    """A head over a network, by name."""
    return POSTERIORS[name]


def flow_posterior(
    network: nn.Module, latent: int, layers: int = 2, hidden: tuple[int, ...] = (256,), spline: bool = False
) -> FlowPosterior:
    """Inverse autoregressive maps of the network's own noise."""
    return FlowPosterior(
        network, latent, MaskedFlow(latent, CONTEXT, layers=layers, hidden=hidden, spline=spline), CONTEXT
    )


POSTERIORS: dict[str, Callable[[nn.Module, int], Conditional]] = {
    "gaussian": Gaussian,
    "full": FullGaussian,
    "low-rank": lambda network, latent: LowRankGaussian(network, latent, rank=min(4, latent)),
    "flow": flow_posterior,
    "spline-flow": lambda network, latent: flow_posterior(network, latent, spline=True),
    "laplace": Laplace,
    "student-t": StudentT,
    "cauchy": Cauchy,
    "uniform": Uniform,
    "gamma": Gamma,
    "beta": Beta,
    "dirichlet": Dirichlet,
}


def prior_named(name: str | None, spec: DataSpec, latent: int, posterior: str = "gaussian") -> Prior:
    """A prior of a vector by name; the inputs of a VampPrior are like the data. Of no name the posterior's own."""
    own = posterior if posterior not in ("flow", "gaussian") and posterior in PRIORS else "normal"
    return PRIORS[own if name is None else name](spec, latent)


def vamp_prior(spec: DataSpec, latent: int, inputs: int = 500, from_data: bool = False) -> VampPrior:
    """Pseudo-inputs in the data's own range."""
    unit = spec.domain in (Domain.BINARY, Domain.LEVELS, Domain.UNIT)
    return VampPrior(latent, spec.shape, inputs, unit=unit, from_data=from_data)


def flow_prior(latent: int, layers: int = 4, hidden: tuple[int, ...] = (256,), spline: bool = False) -> FlowPrior:
    """Masked autoregressive maps, which price a value in one pass."""
    return FlowPrior(latent, MaskedFlow(latent, layers=layers, hidden=hidden, spline=spline, quick_density=True))


def energy_prior(
    latent: int, hidden: tuple[int, ...] = (128, 128), chains: int = 256, steps: int = 10, step: float = 0.4
) -> EnergyPrior:
    """A tilt that is smooth, as chains follow its slope."""
    tilt = Critic(MLP(latent, *hidden, activation=nn.SiLU))
    return EnergyPrior(latent, tilt, chains=chains, steps=steps, step=step)


PRIORS: dict[str, Callable[[DataSpec, int], Prior]] = {
    "normal": lambda spec, latent: StandardNormal(latent),
    "mixture": lambda spec, latent: MixtureOfGaussians(latent),
    "vamp": vamp_prior,
    "flow": lambda spec, latent: flow_prior(latent),
    "energy": lambda spec, latent: energy_prior(latent),
    "laplace": lambda spec, latent: StandardLaplace(latent),
    "student-t": lambda spec, latent: StandardStudentT(latent),
    "cauchy": lambda spec, latent: StandardCauchy(latent),
    "uniform": lambda spec, latent: UniformBox(latent),
    "gamma": lambda spec, latent: GammaPrior(latent),
    "beta": lambda spec, latent: BetaPrior(latent),
    "dirichlet": lambda spec, latent: DirichletPrior(latent),
}
