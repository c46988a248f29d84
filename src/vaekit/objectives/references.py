"""The rate of a latent under another prior than the model's own."""

from torch import Tensor

from vaekit.distributions.elements import kl_per_element
from vaekit.models.inference import Inference
from vaekit.objectives.objective import Coefficients, Term
from vaekit.objectives.terms import named
from vaekit.priors.prior import Prior

__all__ = ["RateTo"]


class RateTo(Term):
    """KL(q(z|x) || r(z)) of the latent `name` to a fixed prior `reference` in the place of the model's: (B,) nats.

    For parts of a model that are trained as a model of their own, before or beside what stands above them. The
    reference is called without a context and has no parameters to train.
    """

    def __init__(self, name: str, reference: Prior) -> None:
        super().__init__(f"rate:{name}:reference")
        self.name, self.reference = name, reference

    def forward(self, inference: Inference, coefficients: Coefficients) -> Tensor:
        """(B,) nats: in closed form where there is one, else at the draw."""
        latent, r = named(inference.latents, self.name, "latent"), self.reference()
        q = latent.belief()
        closed = kl_per_element(q, r)
        if closed is None:
            return inference.expect(q.log_prob(latent.value) - r.log_prob(latent.value))
        elements = closed.ndim - len(q.batch_shape)
        return inference.expect(closed.flatten(-elements).sum(-1) if elements else closed)

    def extra_repr(self) -> str:
        """The latent and the reference."""
        return f"{self.name!r}, {type(self.reference).__name__}({', '.join(map(str, self.reference.event_shape))})"
