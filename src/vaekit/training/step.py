"""What devices, processes and compilers wrap: batch in, dict of tensors out."""

from collections.abc import Callable, Mapping

from torch import Tensor, nn

from vaekit.distributions.draws import Rows
from vaekit.models.choices import Choice
from vaekit.models.model import Model
from vaekit.objectives.objective import Coefficients, Objective

__all__ = ["Choices", "Step", "matching", "of_graph"]

Choices = Callable[[Mapping[str, Tensor]], Mapping[str, Choice]]
ASIDE = ("context", "labels", "counts")


def of_graph(batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What of a batch is data of the model's graph: x, and the mask of sequences."""
    return {name: t for name, t in batch.items() if name not in ASIDE}


def matching(batch: Mapping[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """The batch with its floats in the type of the model's."""
    dtype = next((p.dtype for p in model.parameters() if p.is_floating_point()), None)
    return {name: t.to(dtype) if t.is_floating_point() else t for name, t in batch.items()}


class Step(nn.Module):
    """A model and an objective on one batch. `at` makes, of a batch, what happens at latents (labels observed, say).

    A batch holds "x" or other named data, and by those names "context", "labels" and "counts" (how much each example
    counts), which are not data of the graph.
    """

    def __init__(self, model: Model, objective: Objective, at: Choices | None = None) -> None:
        super().__init__()
        self.model, self.objective, self.at = model, objective, at

    def forward(
        self, batch: Mapping[str, Tensor], coefficients: Coefficients, rows: Rows | None = None
    ) -> dict[str, Tensor]:
        """Every term unweighted under its label, (B,) or (), and their weighted sum "loss" (B,); nats."""
        inference = self.model.infer(
            of_graph(batch),
            batch.get("context"),
            samples=self.objective.samples,
            at=None if self.at is None else self.at(batch),
            rows=rows,
        )
        terms = self.objective.evaluate(inference, coefficients, batch.get("counts"))
        size = inference.axes.shape[-1]
        return {**terms, "loss": terms["loss"].expand(size)}
