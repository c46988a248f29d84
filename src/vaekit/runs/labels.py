"""What a run says of labels, where a latent of its model is one: predictions, and samples of a label."""

from typing import TYPE_CHECKING, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vaekit.data import Split
from vaekit.evaluation import label_probabilities
from vaekit.evaluation.passes import place_of
from vaekit.models import Set
from vaekit.models.choices import Choice
from vaekit.runs.asking import label_number

if TYPE_CHECKING:
    from vaekit.runs.run import Run

__all__ = ["Prediction"]


class Prediction(NamedTuple):
    """The likeliest label of each example, and the probability q(y|x) of every label."""

    labels: Int[Tensor, " N"]
    probabilities: Float[Tensor, "N classes"]


def predict(run: "Run", split: Split, draws: int = 0) -> Prediction:
    """The label of every example; its own, if it has one, is not looked at."""
    found = label_probabilities(run.model, split, draws=draws)
    return Prediction(found.argmax(1), found)


def is_told(run: "Run") -> bool:
    """Whether the model generates by a label that is a latent of it."""
    return run.model.label is not None and run.model.obeys_label


def told(run: "Run", n: int, label: int | str | None) -> dict[str, Choice]:
    """The label of `n` samples as a choice: one for all, or every class in turn; none for a model that takes none."""
    name = run.model.label
    if name is None or not is_told(run):
        return {}
    return {name: Set(in_turn(run, n) if label is None else torch.full((n,), label_number(run, label)).to(on(run)))}


def in_turn(run: "Run", n: int) -> Int[Tensor, " n"]:
    """Every class in turn."""
    assert run.spec.classes is not None
    return torch.arange(n, device=on(run)) % run.spec.classes


def on(run: "Run") -> torch.device:
    """Where the model is."""
    return place_of(run.model).device
