"""A run's latent space: ways through it, what its dimensions and labels do, and who lies near."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from vaekit.runs import asking, geometry
from vaekit.runs import codes as coding

if TYPE_CHECKING:
    from vaekit.runs.run import Run

__all__ = ["InLatentSpace"]


class InLatentSpace:
    """What a `Run` can be asked of the space of its latents. Codes are the means of q(z|x)."""

    @property
    def run(self) -> "Run":
        """Itself."""
        return cast("Run", self)

    def interpolate(
        self, a: Any, b: Any, steps: int = 10, *, path: str = "spherical", label: int | str | None = None
    ) -> Tensor:
        """From one example to another through their codes: (steps, *event), the ends being reconstructions.

        All latents go the way together, and a discrete one changes halfway. `a` and `b` are numbers of held-out
        examples, or one example each. `path`: "spherical", "straight", or "geodesic", the shortest way under the metric
        that the decoder pulls back, for models of one latent vector (best `geometric-vae`). In a model conditioned on
        labels the class changes halfway, unless `label` gives one to both.
        """
        first, last = asking.one_of(self.run, a, "a", label), asking.one_of(self.run, b, "b", label)
        return self.run.spec.restore(coding.interpolate(self.run, first, last, steps, path))

    def traverse(
        self,
        start: Any = None,
        *,
        latent: str | None = None,
        dimensions: Sequence[int] | None = None,
        steps: int = 9,
        span: float = 2.5,
        label: int | str | None = None,
        follow: bool = False,
    ) -> Tensor:
        """What each dimension of a latent does: (dimensions, steps, *event), each moved while the others are left alone.

        From -span to span standard deviations of the latent's prior, at the place of `start` (a number of a held-out
        example, or one example; the first held-out one if not said); on a sphere all are then brought back to length 1.
        Without `dimensions`, the ten with the highest rate over held-out data, those first. A discrete latent takes each of its
        values in turn: (1, values, *event).

        `latent` is which, where there are several; else the one with the highest rate. The others keep the example's
        codes; with `follow` those below are the means of their priors, given the moved value: what it stands for when
        the model generates.
        """
        if steps < 1:
            raise ValueError(f"steps must be at least 1, got {steps}")
        first = asking.one_of(self.run, 0 if start is None else start, "start", label)
        values = torch.linspace(-span, span, steps)
        return self.run.spec.restore(coding.traverse(self.run, first, latent, dimensions, values, follow))

    def neighbours(
        self, examples: Any, k: int = 8, *, split: str = "train", latent: str | None = None
    ) -> tuple[Tensor, Tensor]:
        """The `k` examples of a split whose codes lie nearest to those of others: numbers and distances, each (N, k).

        Distances are Euclidean, of one `latent` where the model has several. An example that is itself in the split is its
        own neighbour, at distance 0.
        """
        return geometry.neighbours(self.run, self.run.read(examples), k, split, latent)

    def attributes(self, *, split: str = "train", latent: str | None = None) -> dict[int, Tensor]:
        """For every label of the data the mean of the codes that have it, less the mean of the others: (*latent).

        Larsen et al. 2016, sec. 4.1.
        """
        return geometry.attributes(self.run, split, latent)

    def along_attribute(
        self, label: int | str, start: Any = None, *, steps: int = 9, most: float = 1.5, latent: str | None = None
    ) -> Tensor:
        """An example moved along the vector of a label, from -most to most times: (steps, *event).

        `start`: the number of a held-out example, or one example; the first held-out one if not said.
        """
        first = asking.one_of(self.run, 0 if start is None else start, "start", None)
        return self.run.spec.restore(geometry.along_attribute(self.run, first, label, steps, most, latent))

    def arithmetic(self, a: Any, b: Any, c: Any) -> Tensor:
        """What code(a) - code(b) + code(c) decodes to, all latents together: (*event).

        Each is the number of a held-out example, or one example.
        """
        three = [asking.one_of(self.run, which, name, None) for which, name in ((a, "a"), (b, "b"), (c, "c"))]
        return self.run.spec.restore(geometry.arithmetic(self.run, three))[0]

    def manifold(
        self, side: int = 15, *, dimensions: tuple[int, int] | None = None, latent: str | None = None
    ) -> Tensor:
        """What the plane of two dimensions of a latent decodes to, at even quantiles of the prior: (side * side, *event).

        Row by row from the top left; Kingma & Welling 2014, fig. 4. `dimensions`: of their flat order, those whose codes
        vary most if not said; the others are the prior's means.
        """
        return self.run.spec.restore(geometry.manifold(self.run, side, dimensions, latent))
