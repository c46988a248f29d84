"""(b) A label observed in some rows of a batch and enumerated in the others; a finite mixture, so exact."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.distributions import Categorical, Distribution, Independent, Normal

from contracts.case import Case
from vaekit.conditionals import Conditional
from vaekit.models import Enumerate, LabelAndStyle, Model, Observe, Walk
from vaekit.networks import OneHot
from vaekit.objectives import Distortion, ImportanceWeighted, Rate
from vaekit.priors import StandardNormal, UniformLabels


class Mixture(Model):
    """y ~ p, x ~ N(mean_y, scale_y), and any q(y|x) at all."""

    def __init__(self) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.tensor([0.5, 0.3, 0.2]).log())
        self.mean = nn.Parameter(torch.tensor([-1.0, 0.4, 2.0]))
        self.scale = nn.Parameter(torch.tensor([0.5, 1.0, 0.8]))
        self.classifier = nn.Linear(1, 3)

    def evidence(self, data, context):
        return {"logits": self.classifier(data["x"].unsqueeze(-1))}

    def walk(self, walk: Walk) -> None:
        prior = Categorical(logits=self.logits, validate_args=False)
        y = walk.latent("y", prior, lambda: Categorical(**walk.evidence, validate_args=False))
        walk.likelihood("x", Normal(self.mean[y], self.scale[y], validate_args=False))


class Given(Conditional):
    """A conditional that is a formula."""

    def __init__(self, formula: Callable[..., Distribution], event_shape: tuple[int, ...] = ()) -> None:
        super().__init__(nn.Identity(), 1, per_element=1, features=1)
        self.formula, self.event_shape = formula, event_shape

    def _outputs(self, *inputs: Tensor) -> dict[str, Tensor]:
        return {f"input{i}": t for i, t in enumerate(inputs)}

    def parametrise(self, h: Tensor) -> dict[str, Tensor]:
        raise NotImplementedError

    def distribution(self, **parameters: Tensor) -> Distribution:
        return self.formula(*parameters.values())


SLOPE, NOISE = 0.8, 0.5
MEANS = torch.tensor([[-1.0], [0.4], [2.0]], dtype=torch.float64)


def normal(loc: Tensor, scale: float) -> Distribution:
    return Independent(Normal(loc, torch.full_like(loc, scale), validate_args=False), 1, validate_args=False)


def linear() -> LabelAndStyle:
    """y uniform, z ~ N(0, 1), x ~ N(mean_y + SLOPE z, NOISE^2), with both posteriors exact."""
    wide = (SLOPE**2 + NOISE**2) ** 0.5

    def q_y(x: Tensor) -> Distribution:
        return Categorical(logits=Normal(MEANS.T, wide, validate_args=False).log_prob(x), validate_args=False)

    exact = LabelAndStyle(
        UniformLabels(3),
        StandardNormal(1),
        Given(q_y),
        nn.Identity(),
        Given(lambda x, y: normal(SLOPE * (x - y @ MEANS) / wide**2, NOISE / wide), (1,)),
        Given(lambda z, y: normal(y @ MEANS + SLOPE * z, NOISE), (1,)),
        OneHot(3),
    )
    return exact.double().requires_grad_(False)


def linear_case() -> Case:
    """Whatever is drawn, every weight is the evidence: that of x alone, or of x and its label."""
    x = torch.tensor([[-1.3], [0.2], [1.9], [0.6], [-0.4], [3.0]], dtype=torch.float64)
    labels = torch.tensor([-1, 1, -1, 2, 0, -1])
    joint = Normal(MEANS.T, (SLOPE**2 + NOISE**2) ** 0.5).log_prob(x) - math.log(3)
    known = joint.gather(1, labels.clamp_min(0)[:, None]).squeeze(1)
    evidence = torch.where(labels >= 0, known, joint.logsumexp(1))
    batch = {"x": x, "labels": labels}
    name = "labels: a style beside the label leaves the evidence"
    return Case(name, linear(), ImportanceWeighted(4), batch, -evidence, observed_or_enumerated)


def observed_or_enumerated(batch: dict[str, Tensor]) -> dict[str, Observe]:
    labels = batch["labels"]
    return {"y": Observe(labels.clamp_min(0), where=labels >= 0, otherwise=Enumerate())}


def cases() -> list[Case]:
    torch.manual_seed(0)
    model = Mixture().double()
    x = torch.tensor([-1.3, 0.2, 1.9, 0.6, -0.4, 3.0], dtype=torch.float64)
    labels = torch.tensor([-1, 1, -1, 2, 0, -1])
    batch = {"x": x, "labels": labels}
    joint, q = tables(model, x)
    known = joint.gather(1, labels.clamp_min(0)[:, None]).squeeze(1)
    evidence = torch.where(labels >= 0, known, joint.logsumexp(1))
    bound = torch.where(labels >= 0, known, (q.exp() * (joint - q)).sum(1))
    at = observed_or_enumerated
    return [
        Case("labels: the bound is the mixture's evidence", model, ImportanceWeighted(1), batch, -evidence, at),
        Case("labels: the ELBO is the sum over labels", model, Distortion() + Rate(), batch, -bound, at),
        linear_case(),
    ]


@torch.no_grad()
def tables(model: Mixture, x: Tensor) -> tuple[Tensor, Tensor]:
    """log p(x, y) and log q(y|x) for every row and label, (B, 3), by hand."""
    log_p = model.logits - model.logits.exp().sum().log()
    errors = (x[:, None] - model.mean) / model.scale
    joint = log_p - 0.5 * errors**2 - model.scale.log() - 0.5 * math.log(2 * math.pi)
    scores = x[:, None] @ model.classifier.weight.T + model.classifier.bias
    return joint, scores - scores.exp().sum(1, keepdim=True).log()
