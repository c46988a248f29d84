"""What a model takes for the label of each example, and how often it is wrong."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.distributions import Distribution

from vaekit.data import Split
from vaekit.evaluation.passes import batches, check_count, check_split, evaluating
from vaekit.models.choices import Mean
from vaekit.models.model import Model

__all__ = ["Classified", "classified", "label_probabilities"]


@dataclass(frozen=True, eq=False)
class Classified:
    """q(y|x) of labelled examples, (N, classes), and their labels (N,)."""

    probabilities: Float[Tensor, "N classes"]
    labels: Int[Tensor, " N"]

    @property
    def error(self) -> float:
        """The share of examples whose likeliest label is another than their own."""
        return float((self.probabilities.argmax(1) != self.labels).double().mean())

    @property
    def standard_error(self) -> float:
        """Of the share: that of a binomial one, sqrt(e (1 - e) / N)."""
        return math.sqrt(self.error * (1 - self.error) / len(self.labels))

    def confusion(self) -> Int[Tensor, "classes classes"]:
        """How many examples of each label (rows) were taken for each (columns)."""
        classes = self.probabilities.shape[1]
        return torch.bincount(self.labels * classes + self.probabilities.argmax(1), minlength=classes**2).view(
            classes, classes
        )


def label_probabilities(model: Model, split: Split, *, seed: int = 0, batch_size: int = 500) -> Float[Tensor, "N C"]:
    """q(y|x) of every example in float64, with the latents that y is read from at the means of their posteriors.

    No label of the split is looked at. Raises ValueError for a model that has no label.
    """
    check_count("batch_size", batch_size)
    check_split(split)
    if model.label is None:
        raise ValueError("this model has no label to predict: no latent of it is one")
    found = []
    with evaluating(model):
        for batch in batches(model, split, batch_size, seed, None):
            inference = model.infer(batch.data, batch.context, default=Mean())
            found.append(probabilities(inference.latents[model.label].belief()).double().cpu())
    return torch.cat(found)


def probabilities(q: Distribution) -> Float[Tensor, "B classes"]:
    """The probability of every value of a finite distribution with the batch shape (B,)."""
    return q.log_prob(q.enumerate_support()).exp().T


def classified(model: Model, split: Split, *, seed: int = 0) -> Classified | None:
    """Those examples of a split whose label is known, judged; None for a model without a label, or a split without any."""
    if model.label is None or split.labels is None or not bool((split.labels >= 0).any()):
        return None
    known = (split.labels >= 0).nonzero().flatten()
    labelled = split if len(known) == len(split) else split.select(known)
    assert labelled.labels is not None
    return Classified(label_probabilities(model, labelled, seed=seed), labelled.labels.long().cpu())
