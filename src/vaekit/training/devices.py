"""The devices and processes of a run."""

from typing import TYPE_CHECKING

import torch

from vaekit.training.plan import Plan

if TYPE_CHECKING:
    from lightning_fabric import Fabric

__all__ = ["fabric_for"]


def fabric_for(plan: Plan) -> "Fabric":
    """Fabric as the plan asks for it; several processes speak by DDP."""
    from lightning_fabric import Fabric  # a second to import, which only training needs
    from lightning_fabric.utilities.exceptions import MisconfigurationException

    strategy = "ddp_find_unused_parameters_true" if plan.devices > 1 else "auto"
    found = "cuda" if torch.cuda.is_available() else "cpu"
    kind = found if plan.accelerator == "auto" else plan.accelerator
    try:
        return Fabric(accelerator=kind, devices=plan.devices, precision=plan.precision, strategy=strategy)  # type: ignore[arg-type]
    except (RuntimeError, ValueError, MisconfigurationException) as error:
        raise ValueError(f"accelerator {kind!r} with {plan.devices} devices: {error}") from None
