"""All contracts, built in float64."""

import torch

from contracts import codes, critics, hierarchy, labels, sequence, strings
from contracts.case import Case


def every_case() -> list[Case]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        return [case for module in (hierarchy, labels, sequence, codes, strings, critics) for case in module.cases()]
    finally:
        torch.set_default_dtype(before)
