"""Contracts (d) and (f) as training: a prior fitted afterwards, and two critics beside the model, in phases."""

import torch
from lightning_fabric import Fabric

import vaekit.data
from contracts.codes import Coder, data
from contracts.critics import POSTERIORS, Quadratic, TwoLatents, objective, truth
from vaekit.objectives import Rate
from vaekit.training import Adam, Phase, Repeat, Trainer, plan_from


def fit_prior(fabric: Fabric, compile: bool = False) -> Coder:
    """The prior alone is moved, by the rate alone."""
    model = Coder()
    symbols = vaekit.data.open(data().numpy(), domain="categories", valid=0)
    plan = plan_from({"epochs": 400, "batch_size": len(data()), "lr": 0.05, "decay": True, "compile": compile})
    phase = Phase("prior", 1.0 * Rate(), [model.prior], plan.optimiser)
    Trainer(model, [phase], symbols, plan, fabric=fabric).run()
    return model


def fit_critics(fabric: Fabric, compile: bool = False) -> tuple[TwoLatents, dict[str, Quadratic]]:
    """Each critic in its own phase, four steps a round, then the model, whose objective reads both."""
    model, critics = TwoLatents(), {name: Quadratic() for name in POSTERIORS}
    whole = objective(critics)
    ratios = {name: whole.terms[f"ratio:{name}"] for name in POSTERIORS}
    x = vaekit.data.open(torch.linspace(-2, 2, 4000)[:, None].numpy(), domain="real", valid=0)
    plan = plan_from({"epochs": 15, "batch_size": 2000, "lr": 1e-2, "compile": compile})
    phases = [
        Phase(f"critic:{name}", 1.0 * ratio.critic_loss(), [critics[name]], Adam(0.05, decay=True), Repeat(12))
        for name, ratio in ratios.items()
    ]
    Trainer(model, [*phases, Phase("model", whole, [model], plan.optimiser)], x, plan, fabric=fabric).run()
    return model, critics


def ratio_errors(critics: dict[str, Quadratic]) -> dict[str, float]:
    """The largest error of each log ratio within two standard deviations of its posterior, nats."""
    errors = {}
    for name, (mean, deviation) in POSTERIORS.items():
        z = torch.linspace(mean - 2 * deviation, mean + 2 * deviation, 50)[:, None]
        true = Quadratic(truth(name))
        errors[name] = float((critics[name](z) - true(z)).detach().abs().max())
    return errors
