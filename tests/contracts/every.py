"""All contracts, built in float64."""

import torch

from contracts import codes, critics, deep, hierarchy, labels, sequence, strings, whole
from contracts.case import Case


def every_case() -> list[Case]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        rooms = (hierarchy, deep, labels, sequence, whole, codes, strings, critics)
        return [case for room in rooms for case in room.cases()]
    finally:
        torch.set_default_dtype(before)
