"""Codes of a run's latents as tokens, whole numbers, and back."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from vaekit.data import Split
from vaekit.distributions import Coded, codes_of
from vaekit.evaluation.passes import place_of
from vaekit.latent import in_words
from vaekit.models import Mean
from vaekit.models.inference import Latent
from vaekit.runs.asking import answering, context_of, inferred_blank, passes
from vaekit.runs.codes import decode, known

if TYPE_CHECKING:
    from vaekit.runs.run import Run

__all__: list[str] = []


def tokenized(run: "Run", split: Split) -> dict[str, Tensor]:
    """The codes of every latent that has any, by name: (N, Q, *positions). ValueError for a model without."""
    coded_latents(run)
    found: dict[str, list[Tensor]] = {}
    with answering(run.model):
        for batch in passes(run, split):
            inference = run.model.infer(batch.data, batch.context, at=batch.at, default=Mean())
            for name, latent in inference.latents.items():
                code = codes_of(latent.posterior)
                if code is not None:
                    found.setdefault(name, []).append(code.cpu())
    return {name: torch.cat(parts) for name, parts in found.items()}


def detokenized(run: "Run", tokens: Tensor | Mapping[str, Tensor], label: int | str | None) -> Tensor:
    """What the model makes of tokens of its latents, in its units (N, *event)."""
    latents = coded_latents(run)
    if isinstance(tokens, Tensor) and len(latents) > 1:
        raise ValueError(f"the model has several latents with codes, give tokens by name: {in_words(list(latents))}")
    given = {next(iter(latents)): tokens} if isinstance(tokens, Tensor) else dict(tokens)
    missing = [name for name in latents if name not in given]
    if missing:
        raise ValueError(f"tokens must be given for every latent with codes, there are none of {in_words(missing)}")
    device = place_of(run.model).device
    values = {name: embedded(latents[known(name, latents)], code, device) for name, code in given.items()}
    counts = {name: len(value) for name, value in values.items()}
    if len(set(counts.values())) > 1:
        raise ValueError(f"every latent needs tokens of as many examples, got {counts}")
    return decode(run, values, context_of(run, next(iter(counts.values())), label))


def coded_latents(run: "Run") -> dict[str, Latent]:
    """Latents whose prior is over codes."""
    found = {name: latent for name, latent in inferred_blank(run).latents.items() if isinstance(latent.prior, Coded)}
    if not found:
        raise ValueError("this model has no codes: tokens are of models that quantise")
    return found


def embedded(latent: Latent, code: Tensor, device: torch.device) -> Tensor:
    """What tokens (N, Q, *positions) stand for; ValueError for others than the latent can have."""
    prior, own = latent.prior, codes_of(latent.posterior)
    assert isinstance(prior, Coded)
    assert own is not None
    shape = tuple(own.shape[1:])
    if code.is_floating_point() or tuple(code.shape[1:]) != shape or not len(code):
        wanted = ", ".join(["N", *map(str, shape)])
        raise ValueError(
            f"tokens of {latent.name} must be whole numbers of shape ({wanted}), got {code.dtype} of {tuple(code.shape)}"
        )
    code = code.long()
    for digit, size in zip(code.unbind(1), prior.sizes, strict=True):
        if bool(((digit < 0) | (digit >= size)).any()):
            low, high = int(digit.min()), int(digit.max())
            raise ValueError(f"tokens of {latent.name} must lie in 0, ..., {size - 1}, got {low} to {high}")
    with torch.no_grad():
        return prior.embed(code.to(device))
