"""A latent of the whole sequence and one at every step of it (Li & Mandt 2018)."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from vaekit.conditionals.conditional import Conditional
from vaekit.models.model import Model
from vaekit.models.scan import Carry, Cell, over_time
from vaekit.models.sequences import check_sequences
from vaekit.models.walk import Walk
from vaekit.priors.prior import Prior

__all__ = ["Drift", "StaticDynamic"]


class Drift(Cell):
    """p(z_t|z_1, ..., z_(t-1)) of a recurrent state, and q(z_t|e_t) of a vector of evidence for each step.

    `prior`: a conditional of the state (B, S); `posterior`: one of the evidence "read" (B, E); `update`: z_t and the
    state to the next one, the first is zero. The state is made of the values that z_1, ..., z_(t-1) have in the walk:
    those of q where they are inferred, so log p(z_t|z_<t) is priced at the path that was drawn.
    """

    def __init__(self, name: str, prior: Conditional, posterior: Conditional, update: nn.Module, state: int) -> None:
        super().__init__()
        self.name, self.prior, self.posterior, self.update, self.state = name, prior, posterior, update, state

    def initial(self, batch: int) -> Carry:
        """A state of zeros."""
        return {"state": next(self.update.parameters()).new_zeros(batch, self.state)}

    def step(self, walk: Walk, carry: Carry) -> Carry:
        """z_t, then the next state."""
        p = self.prior(carry["state"], leading=walk.leading)
        z = walk.latent(self.name, p, lambda: self.posterior(walk.evidence["read"], leading=walk.leading))
        return {"state": walk.through(self.update, z, carry["state"])}


class StaticDynamic(Model):
    """p(f) prod_t p(z_t|z_<t) p(x_t|f, z_t) with q(f|x) prod_t q(z_t|f, x): Li & Mandt 2018, sec. 3, eqs. 1 and 6.

    f is called `name`, and z as `dynamic` says. `see`: sequences x (B, T, *frame) to features (B, T, F). `prior` of f.
    `static`: a conditional of features and, where there is one, the mask (B, T); of those of `see_static`, where the two
    latents are to be told from different things. `read`: features, f and mask= to
    evidence (B, T, E) for `dynamic`'s posterior; without it that sees the features of its own step alone, q(z_t|x_t).
    `decoder`: z_t and f to p(x_t|f, z_t), which is taken of all steps at once. `length`: how many steps generation
    takes if the call does not say.
    """

    def __init__(
        self,
        prior: Prior,
        see: nn.Module,
        static: Conditional,
        dynamic: Drift,
        decoder: Conditional,
        length: int,
        *,
        read: nn.Module | None = None,
        see_static: nn.Module | None = None,
        name: str = "static",
    ) -> None:
        super().__init__()
        if length < 1:
            raise ValueError(f"length must be at least 1, got {length}")
        if name == dynamic.name:
            raise ValueError(f"name must not be {name!r}, which the latent of each step is called")
        self.prior, self.see, self.static, self.read, self.dynamic = prior, see, static, read, dynamic
        self.see_static, self.decoder, self.length, self.name = see_static, decoder, length, name

    def walk(self, walk: Walk) -> None:
        """f, every z_t in turn, and x at all steps."""
        walk.latent(self.name, self.prior(), lambda: self.static.distribution(**walk.evidence["static"]))
        walk.axes.open_draws()
        f = walk.value(self.name)
        over_time(walk, self.dynamic, self.length, self._read(walk, f), leading=walk.leading)
        z = walk.value(self.dynamic.name)
        frames = f.unsqueeze(walk.leading).expand(*z.shape[:-1], f.shape[-1])
        walk.likelihood("x", self.decoder(z, frames, leading=walk.leading + 1), timed=True)

    def evidence(self, data: Mapping[str, Tensor], context: Tensor | None) -> Mapping[str, Any]:
        """Features of every step, and the parameters of q(f|x)."""
        features, mask = self.see(data["x"]), data.get("mask")
        whole = features if self.see_static is None else self.see_static(data["x"])
        return {"seen": features, "static": self.static.outputs(whole, *(() if mask is None else (mask,)))}

    def check(self, data: Mapping[str, Tensor], context: Tensor | None) -> None:
        """x must be (B, T, *frame), for any T; a mask (B, T) may come with it."""
        x, frame = data.get("x"), self.decoder.event_shape
        if x is None or not set(data) <= {"x", "mask"}:
            raise ValueError(f"data must hold 'x', and may hold 'mask', got {sorted(data)}")
        check_sequences(data)
        if x.shape[2:] != frame:
            raise ValueError(f"x must have the shape (B, T, {', '.join(map(str, frame))}), got {tuple(x.shape)}")

    def start_at(self, mean: Tensor) -> None:
        """The decoder's biases, from the mean over steps."""
        self.decoder.start_at(mean.mean(0))

    def _read(self, walk: Walk, f: Tensor) -> Mapping[str, Tensor] | None:
        """What each step's posterior sees, (*leading, T, E); nothing in generation."""
        if walk.evidence is None:
            return None
        seen, mask = walk.spread(walk.evidence["seen"]), walk.data.get("mask")
        if self.read is None:
            return {"read": seen}
        given = () if mask is None else (walk.spread(mask),)
        return {"read": walk.through(self._read_all, seen, f, *given)}

    def _read_all(self, seen: Tensor, f: Tensor, mask: Tensor | None = None) -> Tensor:
        assert self.read is not None
        found: Tensor = self.read(seen, f, mask=mask)
        return found
