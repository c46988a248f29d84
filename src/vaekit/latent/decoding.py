"""From values of a latent to what the model makes of them, and back."""

from collections.abc import Mapping

from torch import Tensor
from torch.distributions import Distribution

from vaekit.models import Mean, Set
from vaekit.models.choices import Choice
from vaekit.models.inference import Inference
from vaekit.models.model import Data, Model

__all__ = ["decoded", "encoded", "typical"]


def typical(inference: Inference, name: str = "x") -> Tensor:
    """The mean of a likelihood; its mode where it has no mean (categories), what it drew where it has neither."""
    p_x = inference.likelihoods[name].distribution
    found = [value for value in (quantity(p_x, "mean"), quantity(p_x, "mode")) if value is not None]
    return found[0] if found else p_x.sample()


def quantity(d: Distribution, name: str) -> Tensor | None:
    """The mean or mode, where the family has one: torch says that there is none by NaN or NotImplementedError."""
    try:
        value: Tensor = getattr(d, name)
    except NotImplementedError:
        return None
    return None if bool(value.isnan().all()) else value


def decoded(model: Model, z: Tensor, context: Tensor | None = None, latent: str = "z") -> Tensor:
    """What the model typically makes of these values of a latent: z (N, *latent) to x (N, *event).

    Other latents are drawn from their priors. `context` has a row for each value.
    """
    if context is not None and len(context) != len(z):
        raise ValueError(f"context must have a row for each of the {len(z)} values, got {len(context)}")
    return typical(model.generate(len(z), context, at={latent: Set(z)}))


def encoded(
    model: Model,
    data: Data,
    context: Tensor | None = None,
    *,
    draws: int | None = None,
    at: Mapping[str, Choice] | None = None,
) -> dict[str, Tensor]:
    """Every latent by name: the mean of its posterior (N, *latent), or `draws` draws of it (draws, N, *latent)."""
    if draws is None:
        inference = model.infer(data, context, at=at, default=Mean())
    else:
        inference = model.infer(data, context, at=at, samples=draws)
    return {name: latent.value for name, latent in inference.latents.items()}
