"""(d) A discrete code, with a prior fitted to it afterwards; finite, so exact code lengths."""

import math

import torch
from torch import nn
from torch.distributions import Categorical, Independent

from contracts.case import Case
from vaekit.distributions import PointMass
from vaekit.models import Model, Walk
from vaekit.objectives import Distortion, Rate

CODE_OF = [0, 0, 1, 2, 2, 2]  # six symbols, three codes
COUNTS = [5, 1, 6, 2, 3, 7]


class CategoricalPrior(nn.Module):
    """A distribution over codes; uniform until it is fitted."""

    def __init__(self, codes: int) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(codes))

    def forward(self) -> Categorical:
        return Categorical(logits=self.logits, validate_args=False)


class Coder(Model):
    """x to its code and back to a table p(x|code): (B, 1) symbols."""

    def __init__(self) -> None:
        super().__init__()
        self.prior = CategoricalPrior(3)
        self.table = nn.Parameter(torch.linspace(-1, 1, 18).reshape(3, 6))
        self.register_buffer("code_of", torch.tensor(CODE_OF))

    def evidence(self, data, context):
        return {"code": self.code_of[data["x"].squeeze(-1)]}

    def walk(self, walk: Walk) -> None:
        code = walk.latent("code", self.prior(), lambda: PointMass(walk.evidence["code"], 0))
        symbols = Categorical(logits=self.table[code].unsqueeze(-2), validate_args=False)
        walk.likelihood("x", Independent(symbols, 1, validate_args=False))


def data() -> torch.Tensor:
    return torch.arange(6).repeat_interleave(torch.tensor(COUNTS))[:, None]


def code_counts() -> list[int]:
    return [sum(n for n, code in zip(COUNTS, CODE_OF, strict=True) if code == k) for k in range(3)]


def cases() -> list[Case]:
    uniform, fitted = Coder().double(), Coder().double()
    with torch.no_grad():
        fitted.prior.logits.copy_(torch.tensor(code_counts()).log())
    x = data()
    length = torch.tensor([-math.log(code_counts()[CODE_OF[s]] / sum(COUNTS)) for s in x.flatten().tolist()]).double()
    table = uniform.table.detach()
    residue = torch.tensor(
        [table[CODE_OF[s]].exp().sum().log() - table[CODE_OF[s], s] for s in x.flatten().tolist()]
    ).double()
    constant = torch.full((len(x),), math.log(3.0)).double()
    return [
        Case("codes: log K each before the fit", uniform, Rate(), {"x": x}, constant),
        Case("codes: the code's length after it", fitted, Distortion() + Rate(), {"x": x}, residue + length),
    ]
