"""The flat variational autoencoder: one latent, one likelihood (Kingma & Welling 2014; Rezende et al. 2014)."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from torch.distributions import Distribution

from vaekit.conditionals.conditional import REAL, Conditional
from vaekit.models.condition import Condition
from vaekit.models.model import Model, Part
from vaekit.models.walk import Walk
from vaekit.priors.prior import Prior

__all__ = ["VAE"]


class VAE(Model):
    """p(z) p(x|z) with q(z|x); every part also sees the context c where one is given.

    `prior`: a `Prior`, or a conditional called with the context. `encoder`: x (B, *event), or x and c, to q(z|x).
    `decoder`: z, or z and c, to p(x|z). `context`: a network that makes c from what the caller hands in (labels to
    one-hot, say). Without a prior (an autoencoder) the model reconstructs and does not generate.

    `observed` (*event), a mask of the elements of x that are given and not generated: p(hidden | observed), structured
    output (Sohn et al. 2015). The context is then an x of which only those elements are looked at; where none is handed
    in, it is the data's. Prior and decoder see it, the encoder sees x alone, which holds it; only hidden elements are
    priced.

    Raises ValueError where encoder, prior and decoder do not fit each other.
    """

    def __init__(
        self,
        prior: Prior | Conditional | None,
        encoder: Conditional,
        decoder: Conditional,
        *,
        context: nn.Module | None = None,
        observed: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.prior, self.encoder, self.decoder = prior, encoder, decoder
        if prior is not None and tuple(prior.event_shape) != encoder.event_shape:
            raise ValueError(
                f"prior draws z of shape {tuple(prior.event_shape)}, the encoder of shape {encoder.event_shape}: "
                "they must be equal"
            )
        if isinstance(prior, Prior):
            check_pair(encoder, prior)
        if observed is not None and not decoder.separable:
            raise ValueError(
                f"observed needs a likelihood that prices each element alone, {type(decoder).__name__} does not"
            )
        self.latent_shape, self.event_shape = encoder.event_shape, decoder.event_shape
        self.context = Condition(context, observed, decoder.event_shape)
        self.for_prior: nn.Module | None = None

    def walk(self, walk: Walk) -> None:
        """z, then x."""
        context, rank = self.context_of(walk.data, walk.context), len(self.latent_shape)
        c = self._seen(context) if walk.evidence is None else walk.evidence["context"]
        z = walk.latent(
            "z", self._prior(c, context), lambda: self.encoder.distribution(**walk.evidence["posterior"]), rank
        )
        given = () if c is None else (walk.spread(c),)
        walk.likelihood("x", self.context.known(self.decoder(z, *given, leading=walk.leading), context))

    def evidence(self, data: Mapping[str, Tensor], context: Tensor | None) -> dict[str, Any]:
        """The parameters of q(z|x), and what the parts see of the context."""
        c = self._seen(self.context_of(data, context))
        seen = () if c is None or self.context.observed is not None else (c,)
        return {"posterior": self.encoder.outputs(data["x"], *seen), "context": c}

    def context_of(self, data: Mapping[str, Tensor], context: Tensor | None) -> Tensor | None:
        """The one that is given, else x where a part of it is observed."""
        return self.context.of(data, context)

    def known(self) -> Tensor | None:
        """The observed elements."""
        return self.context.observed

    def own_priors(self) -> dict[str, Prior]:
        """That of z."""
        return {"z": self.prior} if isinstance(self.prior, Prior) else {}

    def set_prior(self, name: str, prior: Prior, context: nn.Module | None = None) -> None:
        """That of z. A prior of a context of its own needs a model that has had none."""
        if name not in self.own_priors():
            return super().set_prior(name, prior, context)
        if context is not None and (self.context.network is not None or self.context.observed is not None):
            raise ValueError("this model has a context already: fit the prior to that")
        self.prior, self.for_prior = prior, context
        return None

    def parts(self) -> dict[str, Part]:
        """The encoder, of x, and the decoder, of z."""
        completing = self.context.observed is not None
        return {
            "encoder": Part(self.encoder, self.decoder.event_shape, self.context),
            "decoder": Part(self.decoder, self.latent_shape, self.context, self.event_shape if completing else None),
        }

    def encode(self, x: Tensor, context: Tensor | None = None) -> Distribution:
        """q(z|x), batch shape (B,)."""
        self.check({"x": x}, context)
        return self.encoder.distribution(**self.evidence({"x": x}, context)["posterior"])

    def decode(self, z: Tensor, context: Tensor | None = None) -> Distribution:
        """p(x|z) for z (..., *latent_shape), with all axes in front of the latent shape as batch shape."""
        leading = z.ndim - len(self.latent_shape)
        if z.shape[leading:] != self.latent_shape:
            raise ValueError(f"z must end in the shape {self.latent_shape}, got {tuple(z.shape)}")
        c = self._seen(self.context_of({}, context))
        given = () if c is None else (c.expand(*z.shape[:leading], *c.shape[1:]),)
        return self.context.known(self.decoder(z, *given, leading=leading), context)

    def _seen(self, context: Tensor | None) -> Tensor | None:
        """What encoder and decoder see of a context, and the prior where it sees nothing of its own."""
        return self.context(context) if self.for_prior is None else None

    def _prior(self, c: Tensor | None, context: Tensor | None) -> Distribution | None:
        if self.prior is None:
            return None
        if self.for_prior is not None and context is not None:
            c = self.for_prior(context)
        if isinstance(self.prior, Prior):
            return self.prior(c, posterior=self.encoder)
        return self.prior(c)


def check_pair(q: Conditional, p: Prior) -> None:
    """KL(q || p) must be finite: ValueError where q lies where p has no mass, or its tails are too heavy for p."""
    if q.space != p.space and p.space != REAL:
        raise ValueError(
            f"a {type(q).__name__} posterior draws {q.space}, where {type(p).__name__} has not all of its mass: "
            f"it is of {p.space}, so their divergence is infinite"
        )
    if p.needs >= q.moments:
        raise ValueError(
            f"a {type(q).__name__} posterior under {type(p).__name__} has an infinite divergence: log p(z) falls like "
            f"|z|^{p.needs:g}, of which q has no mean; choose a prior with tails as heavy, StandardCauchy or StandardStudentT"
        )
