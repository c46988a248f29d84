"""Some latents of one example beside the rest of another: content from here, motion from there."""

from collections.abc import Sequence

import torch
from torch import Tensor

from vaekit.latent.decoding import decoded, existing
from vaekit.models.inference import Inference
from vaekit.models.model import Model

__all__ = ["exchanged"]


def exchanged(model: Model, first: Inference, second: Inference, names: Sequence[str]) -> Tensor:
    """Row by row what the model makes of the latents `names` of `first` and all others of `second`, (B, *event).

    Each latent keeps the value that it has in the walk over its own example (Li & Mandt 2018); nothing is
    inferred anew, so that the two with `names` and the others exchanged give the same. The context is that of `second`.
    Sequences end where those end that latents over time come from. ValueError where they come from both and do not end
    together.
    """
    givers = {name: first if name in names else second for name in second.latents}
    found = {name: giver.latents[name] for name, giver in givers.items()}
    values = {name: existing(givers[name], latent.value, latent) for name, latent in found.items()}
    timed = [name for name, latent in found.items() if latent.timed]
    if not timed:
        return decoded(model, values, second.context)
    for name in timed:
        check_together(givers[name], givers[timed[0]], name)
    made = decoded(model, values, second.context, length=values[timed[0]].shape[1])
    giver = givers[timed[0]]
    return existing(giver, made, giver.likelihoods["x"])


def check_together(one: Inference, other: Inference, name: str) -> None:
    """Raise ValueError where two walks are over sequences that do not end together."""
    ours, theirs = steps_of(one), steps_of(other)
    apart = (ours != theirs).nonzero()
    if len(apart):
        row = int(apart[0])
        raise ValueError(
            f"{name} must end with the other latents over time, got {int(ours[row])} steps for {int(theirs[row])}"
        )


def steps_of(inference: Inference) -> Tensor:
    """How many steps each sequence has, up to its last: (B,)."""
    x, mask = next(iter(inference.data.values())), inference.data.get("mask")
    if mask is None:
        return torch.full((len(x),), x.shape[1])
    return (mask * torch.arange(1, mask.shape[1] + 1, device=mask.device)).amax(1).cpu()
