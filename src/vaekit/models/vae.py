"""The flat variational autoencoder: one latent, one likelihood (Kingma & Welling 2014; Rezende et al. 2014)."""

from collections.abc import Mapping

from torch import Tensor, nn
from torch.distributions import Distribution

from vaekit.conditionals.conditional import Conditional, Parameters
from vaekit.models.model import Model, Part, check_event
from vaekit.models.walk import Walk
from vaekit.priors.prior import Prior

__all__ = ["VAE"]


class VAE(Model):
    """p(z) p(x|z) with q(z|x); every part also sees the context c where one is given.

    `prior`: a `Prior`, or a conditional called with the context. `encoder`: x (B, *event), or x and c, to q(z|x).
    `decoder`: z, or z and c, to p(x|z). `context`: a network that makes c from what the caller hands in (labels to
    one-hot, say). Without a prior (an autoencoder) the model reconstructs and does not generate.

    Raises ValueError where encoder, prior and decoder do not fit each other.
    """

    def __init__(
        self,
        prior: Prior | Conditional | None,
        encoder: Conditional,
        decoder: Conditional,
        *,
        context: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.prior, self.encoder, self.decoder, self.context = prior, encoder, decoder, context
        if prior is not None and tuple(prior.event_shape) != encoder.event_shape:
            raise ValueError(
                f"prior draws z of shape {tuple(prior.event_shape)}, the encoder of shape {encoder.event_shape}: "
                "they must be equal"
            )
        self.latent_shape, self.event_shape = encoder.event_shape, decoder.event_shape

    def walk(self, walk: Walk) -> None:
        """z, then x."""
        c, rank = self._context(walk.context), len(self.latent_shape)
        z = walk.latent("z", self._prior(c), lambda: self.encoder.distribution(**walk.evidence), rank)
        given = () if c is None else (walk.spread(c),)
        walk.likelihood("x", self.decoder(z, *given, leading=walk.leading))

    def evidence(self, data: Mapping[str, Tensor], context: Tensor | None) -> Parameters:
        """The parameters of q(z|x)."""
        c = self._context(context)
        return self.encoder.outputs(data["x"]) if c is None else self.encoder.outputs(data["x"], c)

    def parts(self) -> dict[str, Part]:
        """The encoder, of x, and the decoder, of z."""
        return {
            "encoder": Part(self.encoder, self.event_shape, self.context),
            "decoder": Part(self.decoder, self.latent_shape, self.context),
        }

    def start_at(self, mean: Tensor) -> None:
        """The decoder's biases, from the data's mean."""
        self.decoder.start_at(mean)

    def encode(self, x: Tensor, context: Tensor | None = None) -> Distribution:
        """q(z|x), batch shape (B,)."""
        self.check({"x": x}, context)
        return self.encoder.distribution(**self.evidence({"x": x}, context))

    def decode(self, z: Tensor, context: Tensor | None = None) -> Distribution:
        """p(x|z) for z (..., *latent_shape), with all axes in front of the latent shape as batch shape."""
        leading = z.ndim - len(self.latent_shape)
        if z.shape[leading:] != self.latent_shape:
            raise ValueError(f"z must end in the shape {self.latent_shape}, got {tuple(z.shape)}")
        c = self._context(context)
        given = () if c is None else (c.expand(*z.shape[:leading], *c.shape[1:]),)
        return self.decoder(z, *given, leading=leading)

    def check(self, data: Mapping[str, Tensor], context: Tensor | None) -> None:
        """x must be (B, *event_shape)."""
        check_event(data, context, self.event_shape)

    def _context(self, context: Tensor | None) -> Tensor | None:
        return context if context is None or self.context is None else self.context(context)

    def _prior(self, c: Tensor | None) -> Distribution | None:
        if self.prior is None:
            return None
        if isinstance(self.prior, Prior):
            return self.prior(c, posterior=self.encoder)
        return self.prior(c)
