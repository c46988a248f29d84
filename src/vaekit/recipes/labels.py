"""Parts that the recipes with a label share (Kingma et al. 2014): their options, and what is observed in training."""

from collections.abc import Mapping
from typing import Annotated

from annotated_types import Ge, Gt, Lt
from torch import Tensor
from typing_extensions import Doc

from vaekit.data import DataSpec
from vaekit.models import Choice, Observe
from vaekit.recipes.parts import refuse_categories
from vaekit.training import Choices

__all__ = ["Alpha", "LabelledShare", "classes_of", "labels_observed", "per_label"]

Alpha = Annotated[
    float, Ge(0), Doc("weight of classification, per training example; it is shared among those with a label")
]
LabelledShare = Annotated[
    float,
    Gt(0),
    Lt(1),
    Doc("share of a batch with labels, where few examples have one: they come up more often, and count less"),
]


def classes_of(spec: DataSpec, recipe: str) -> int:
    """How many labels there are. Raises ValueError for data without labels, or with one alone, and for categories."""
    refuse_categories(spec)
    if spec.classes is None or spec.classes < 2:
        raise ValueError(f"{recipe} needs data with labels of at least 2 classes, got {spec.describe()}")
    return spec.classes


def labels_observed(spec: DataSpec) -> Choices:
    """What happens at the label while a model trains: observed where it is known, and summed over where it is not."""
    return every_label if spec.labelled is None else known_labels


def every_label(batch: Mapping[str, Tensor]) -> Mapping[str, Choice]:
    """The label is observed in every row, so that no axis of labels is needed."""
    return {"y": Observe(batch["labels"])} if "labels" in batch else {}


def known_labels(batch: Mapping[str, Tensor]) -> Mapping[str, Choice]:
    """The label is observed in some rows."""
    labels = batch.get("labels")
    if labels is None:
        return {}
    return {"y": Observe(labels.clamp_min(0), where=labels >= 0)}


def per_label(alpha: float, spec: DataSpec) -> float:
    """The weight of a labelled example's classification: alpha N / N_labelled; Kingma et al. 2014, sec. 3.1.2."""
    return alpha / (1.0 if spec.labelled is None else spec.labelled)
