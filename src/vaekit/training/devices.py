"""The devices and processes of a run."""

import atexit
from typing import TYPE_CHECKING

import torch

from vaekit.training.plan import Plan

if TYPE_CHECKING:
    from lightning_fabric import Fabric

__all__ = ["fabric_for", "launch"]


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


def launch(fabric: "Fabric") -> None:
    """Start its processes, which leave their group before Python ends: threads of gloo abort a process that does not."""
    fabric.launch()
    if fabric.world_size > 1:
        atexit.unregister(leave)
        atexit.register(leave)


def leave() -> None:
    """Leave the group of processes, where there is one."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
