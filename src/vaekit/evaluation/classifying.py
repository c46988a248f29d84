"""What a model takes for the label of each example, and how often it is wrong."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.distributions import Distribution

from vaekit.data import Split
from vaekit.evaluation.passes import batches, check_count, check_split, evaluating
from vaekit.models.choices import Infer, Mean
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

    @property
    def log_losses(self) -> Float[Tensor, " N"]:
        """-log q(y|x) at the labels, nats, in float64."""
        return -self.probabilities.gather(1, self.labels[:, None]).squeeze(1).log()

    def calibration_error(self, bins: int = 15) -> float:
        """How far the likeliest label's probability is from how often it is right, averaged over bins of equal width.

        sum_b n_b / N |right_b - sure_b|; Guo et al. 2017, eq. 3. Above 0 by chance alone, the more so the fewer examples.
        """
        check_count("bins", bins)
        sure, given = self.probabilities.max(1)
        right = (given == self.labels).double()
        at = (sure * bins).long().clamp_max(bins - 1)
        gaps = torch.zeros(bins, dtype=torch.float64).index_add(0, at, right - sure)
        return float(gaps.abs().sum() / len(sure))

    def confusion(self) -> Int[Tensor, "classes classes"]:
        """How many examples of each label (rows) were taken for each (columns)."""
        classes = self.probabilities.shape[1]
        return torch.bincount(self.labels * classes + self.probabilities.argmax(1), minlength=classes**2).view(
            classes, classes
        )


def label_probabilities(
    model: Model, split: Split, *, draws: int = 0, seed: int = 0, batch_size: int = 500
) -> Float[Tensor, "N C"]:
    """q(y|x) of every example in float64, with the latents that y is read from at the means of their posteriors.

    With `draws`, averaged over as many draws of them instead. No label of the split is looked at. Raises ValueError for a
    model that has no label.
    """
    check_count("batch_size", batch_size)
    if draws:
        check_count("draws", draws)
    check_split(split)
    if model.label is None:
        raise ValueError("this model has no label to predict: no latent of it is one")
    found = []
    with evaluating(model):
        for batch in batches(model, split, batch_size, seed, None):
            default, samples = (Infer(), draws) if draws else (Mean(), None)
            inference = model.infer(batch.data, batch.context, samples=samples, default=default)
            each = probabilities(inference.latents[model.label].belief()).double().cpu()
            found.append(each.mean(0) if each.ndim > 2 else each)
    return torch.cat(found)


def probabilities(q: Distribution) -> Float[Tensor, "*B classes"]:
    """The probability of every value of a finite distribution with the batch shape (..., B), along the last axis."""
    return q.log_prob(q.enumerate_support()).exp().movedim(0, -1)


def classified(model: Model, split: Split, *, seed: int = 0) -> Classified | None:
    """Those examples of a split whose label is known, judged; None for a model without a label, or a split without any."""
    if model.label is None or split.labels is None or not bool((split.labels >= 0).any()):
        return None
    known = (split.labels >= 0).nonzero().flatten()
    labelled = split if len(known) == len(split) else split.select(known)
    assert labelled.labels is not None
    return Classified(label_probabilities(model, labelled, seed=seed), labelled.labels.long().cpu())
