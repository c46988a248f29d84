"""The importance-weighted bound, and estimators of its gradient."""

from typing import Literal

from torch import Tensor

from vaekit.distributions import detached
from vaekit.models.inference import Inference, Latent
from vaekit.objectives.objective import Coefficients, Term

__all__ = ["Gradient", "ImportanceWeighted"]

Gradient = Literal["standard", "sticking-the-landing", "doubly-reparameterised"]


class ImportanceWeighted(Term):
    """-log (1/K) sum_k p(x, z_k) / q(z_k|x) with `samples` K draws: (B,) nats; Burda et al. 2016, eq. 8.

    `gradient`: how that of q's parameters is estimated. "standard" is the bound's own, whose noise drowns it as K grows
    (Rainforth et al. 2018). The others leave out log q's direct dependence on its parameters and keep that through z:
    "sticking-the-landing" (Roeder et al. 2017) with each draw's share w_k / sum w, unbiased for K = 1 alone, and
    "doubly-reparameterised" (Tucker et al. 2018, eq. 8) with the share squared, unbiased for all K. The gradient of p's
    parameters is the bound's own in all three, and so is the value. The last two are for models of one drawn latent.
    """

    def __init__(self, samples: int, *, gradient: Gradient = "standard") -> None:
        super().__init__("bound")
        if not isinstance(samples, int) or samples < 1:
            raise ValueError(f"samples must be a whole number of at least 1, got {samples!r}")
        self.samples, self.gradient = samples, gradient

    def counts(self) -> frozenset[str]:
        """Both."""
        return frozenset({"distortion", "rate"})

    def forward(self, inference: Inference, coefficients: Coefficients) -> Tensor:
        """(B,) nats."""
        if self.gradient == "standard":
            return -inference.log_mean_w()
        return self._along_the_path(inference, only(inference))

    def extra_repr(self) -> str:
        """The number of draws, and the estimator where it is another."""
        return f"samples={self.samples}" + ("" if self.gradient == "standard" else f", gradient={self.gradient!r}")

    def _along_the_path(self, inference: Inference, latent: Latent) -> Tensor:
        assert latent.posterior is not None
        held = latent.density_ratio_elements(detached(latent.posterior))
        log_w = -(inference.distortion + latent.total(held))  # (K, B)
        share = log_w.detach().softmax(0)
        if self.gradient == "doubly-reparameterised" and latent.value.requires_grad:
            latent.value.register_hook(lambda slope: slope * share.reshape(*share.shape, *(1,) * latent.event_rank))
        surrogate = -(share * log_w).sum(0)
        return surrogate - surrogate.detach() - inference.axes.log_mean_exp(log_w.detach())


def only(inference: Inference) -> Latent:
    """The one latent, drawn from a posterior whose density does not come with the draw."""
    latents = list(inference.latents.values())
    if len(latents) != 1 or latents[0].choice.drawn is not True or len(inference.axes.shape) != 2:
        raise ValueError(
            f"this estimator of the gradient is for one latent with several draws, got {sorted(inference.latents)}: "
            "use the standard one"
        )
    if latents[0].log_q is not None:
        raise ValueError(
            "this estimator of the gradient needs log q at held parameters, and a flow's are its own: use the standard one"
        )
    return latents[0]
