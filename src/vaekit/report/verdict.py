"""A verdict in plain words: what the figures of a run say about it, and what to try next.

Every finding has one function with its thresholds in the docstring; `verdict` asks them all.
"""

import math
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from vaekit.data import Domain
from vaekit.recipes.parts import fitting_likelihoods
from vaekit.report.commands import trains
from vaekit.report.findings import Evidence, Finding, Weight
from vaekit.training.metrics import judged_by

__all__ = ["verdict"]


def verdict(evidence: Evidence) -> list[Finding]:
    """All findings, the weightiest first; where nothing is wrong, the first one says so."""
    found = [finding for judge in JUDGES if (finding := judge(evidence)) is not None]
    if not any(finding.weight is Weight.PROBLEM for finding in found):
        found.append(fine(found))
    return sorted(found, key=lambda finding: (finding.weight is not Weight.FINE, -finding.weight))


def fine(found: Sequence[Finding]) -> Finding:
    """Nothing is plainly wrong."""
    said = "Its curves, its latents and its figures show no serious problem. "
    more = (
        "The hints below may still make it better." if found else "Compare it with other seeds before you rely on it."
    )
    return Finding("fine", Weight.FINE, "Nothing is plainly wrong with this run.", said + more)


def stopped(evidence: Evidence) -> Finding | None:
    """The run's status is not "finished": it was interrupted, or it broke."""
    status = evidence.record["status"]
    if status == "finished":
        return None
    if status == "broken":
        reason = str(evidence.record.get("reason", "")).rstrip(".")
        said = f"It stopped before its end: {reason}." if reason else "It stopped before its end."
        again = evidence.retrain() and trains(halved(evidence.record))
        return Finding("broken", Weight.PROBLEM, "Training broke.", said, "Try half the learning rate.", again)
    command = f"vaekit resume {shlex.quote(evidence.path)}" if evidence.record["recipe"] is not None else ""
    return Finding(
        "unfinished",
        Weight.PROBLEM,
        "Training has not come to its end.",
        f"The run is marked {status!r}; the figures are those of the best epoch so far.",
        "Go on where it stopped.",
        command,
    )


def halved(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record with half the learning rate."""
    optimiser = record["plan"]["optimiser"]
    return {**record, "plan": {**record["plan"], "optimiser": {**optimiser, "lr": optimiser["lr"] / 2}}}


def collapsed(evidence: Evidence) -> Finding | None:
    """No dimension of the latent is active, or all of them together tell less than 0.1 nats; of several latents, all of
    them tell less.
    """
    told = evidence.told()
    several = len(told) > 1
    dead = (
        idle(evidence) if several else [n for n, use in evidence.latents.items() if use.active == 0 or told[n] < IDLE]
    )
    if not dead or len(dead) < len(told):
        return None
    name = listed(dead, list(told))
    beta = evidence.record["arguments"].get("beta", 1.0)
    weaker = evidence.retrain(beta=1.0) if beta > 1 else ""
    command = weaker or evidence.retrain(free_bits=0.1) or evidence.retrain("annealed-vae")
    return Finding(
        "collapsed",
        Weight.PROBLEM,
        f"The latents {name} have collapsed." if several else f"The latent {name} has collapsed.",
        f"{f'All {len(dead)} latents are' if several else f'{name} is'} nearly the same for every example, so the decoder "
        f"ignores {'them' if several else 'it'}: reconstructions all look alike, and the codes are of no use.",
        "Keep every dimension above a floor of nats (free bits), or let the weight of the rate rise slowly "
        "(annealed-vae). If beta is above 1, lower it.",
        command,
    )


def unused(evidence: Evidence) -> Finding | None:
    """Of several latents some, but not all, tell less than 0.1 nats of an example; a problem where that is half of them."""
    told, dead = evidence.told(), idle(evidence)
    if not dead or len(dead) == len(told):
        return None
    name, one = listed(dead, list(told)), len(dead) == 1
    free = evidence.retrain(free_bits=1.0) if not evidence.record["arguments"].get("free_bits") else ""
    return Finding(
        "unused",
        Weight.PROBLEM if 2 * len(dead) >= len(told) else Weight.HINT,
        f"{len(dead)} of {len(told)} latents {'is' if one else 'are'} unused: {name}.",
        f"{'It tells' if one else 'Each tells'} less than {IDLE} nats of an example: the other latents say all that is said, "
        f"and what is drawn from {'its prior' if one else 'their priors'} is the same whatever the example.",
        ("Inference from the top down keeps upper latents in use. " if evidence.from_below else "")
        + "Let the weight of the rate rise more slowly at the start, or give each latent free bits.",
        free,
    )


def idle(evidence: Evidence) -> list[str]:
    """The latents, where there are several, that tell next to nothing."""
    told = evidence.told()
    return [name for name, nats in told.items() if nats < IDLE] if len(told) > 1 else []


def listed(chosen: Sequence[str], names: Sequence[str]) -> str:
    """Names in words; three and more that are neighbours in the whole list by their ends."""
    groups = list[list[str]]()
    for name in chosen:
        last = groups[-1][-1] if groups else None
        if last is not None and names.index(name) == names.index(last) + 1:
            groups[-1].append(name)
        else:
            groups.append([name])
    parts = [part for group in groups for part in ([f"{group[0]} to {group[-1]}"] if len(group) > 2 else group)]
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def oversized(evidence: Evidence) -> Finding | None:
    """At most half of the only latent's dimensions are active, but some are, of at least 4."""
    for name, use in evidence.latents.items() if len(evidence.told()) == 1 else ():
        if 0 < use.active <= use.dimensions / 2 and use.dimensions >= 4 and float(use.rate.sum()) >= 0.1:
            smaller = max(2, use.active + 1)
            return Finding(
                "oversized",
                Weight.HINT,
                f"Only {use.active} of {use.dimensions} dimensions of {name} are used.",
                "The others stay at the prior and carry nothing. That does no harm; a smaller latent says the same, and "
                "free bits may bring more of them to life.",
                f"Try {smaller} dimensions, or free bits.",
                evidence.retrain(latent=smaller) or evidence.retrain(free_bits=0.1),
            )
    return None


def cramped(evidence: Evidence) -> Finding | None:
    """Every dimension of the only latent is active and carries more than 1 nat: there may be more to tell."""
    if len(evidence.latents) != 1 or len(evidence.told()) != 1:
        return None
    use = next(iter(evidence.latents.values()))
    if use.active < use.dimensions or float(use.rate.min()) <= 1.0:
        return None
    return Finding(
        "cramped",
        Weight.HINT,
        f"All {use.dimensions} dimensions are full: more might help.",
        f"Even the least used one carries {float(use.rate.min()):.1f} nats. A larger latent could keep more of each example "
        "(keep it as it is if the small latent is what you want, for a picture of it say).",
        f"Try {2 * use.dimensions} dimensions.",
        evidence.retrain(latent=2 * use.dimensions),
    )


def thin(evidence: Evidence) -> Finding | None:
    """Some dimension is active, but all latents together tell less than 1.5 nats of an example."""
    rate, active = evidence.rate, sum(use.active for use in evidence.latents.values())
    if rate is None or not active or not 0.1 <= rate < 1.5:
        return None
    beta = evidence.record["arguments"].get("beta", 1.0)
    command = evidence.retrain(beta=beta / 4) if beta > 1 else evidence.retrain(free_bits=0.25)
    return Finding(
        "thin",
        Weight.HINT,
        f"The latent says little: {rate:.2f} nats of each example.",
        f"That tells about {max(2, round(math.exp(rate)))} kinds of examples apart; the likelihood accounts for all else.",
        "Weigh the rate less." if beta > 1 else "Try free bits, or a decoder with less freedom of its own.",
        command,
    )


def overfitted(evidence: Evidence) -> Finding | None:
    """After its lowest point the validation loss rose, by more than a tenth of all it had fallen since the end of the
    first tenth of the epochs and by more than three times what it wavers from epoch to epoch, while the training loss
    fell on. Of 5 epochs or more.
    """
    valid, train = evidence.column("valid/loss"), evidence.column("train/loss")
    if len(valid) < 5 or len(train) != len(valid) or not finite(valid, train) or without_best(evidence):
        return None
    best, end = int(valid.argmin()), float(np.mean(valid[-3:]))
    rise, fall = end - valid[best], max(valid[len(valid) // 10] - valid[best], 0.0)
    if best >= len(valid) - 3 or rise <= max(0.1 * fall, 3 * wavering(valid)) or train[-1] >= train[best]:
        return None
    told = "dropout" in evidence.options and evidence.record["arguments"].get("dropout", 0.0) == 0.0
    return Finding(
        "overfitting",
        Weight.PROBLEM,
        "It learned its training examples by heart.",
        f"From epoch {best + 1} on the validation loss rose, by {rise:.3g} nats, while the training loss fell. The weights of "
        f"epoch {best + 1} were kept, so the figures here are from before that.",
        "More examples help most; else a smaller network" + (", or dropout." if told else "."),
        evidence.retrain(dropout=0.2) if told else evidence.retrain(hidden=(128, 128)),
    )


def without_best(evidence: Evidence) -> bool:
    """Whether no epoch was the best one, as in a game: the loss of one means nothing beside another's."""
    return evidence.record.get("best_epoch") == 0


def memorising(evidence: Evidence) -> Finding | None:
    """At the lowest validation loss, training examples cost less by more than a third of all that the validation loss
    has fallen since the first epoch. Of 5 epochs or more.
    """
    valid, train = evidence.column("valid/loss"), evidence.column("train/loss")
    if len(valid) < 5 or len(train) != len(valid) or not finite(valid, train) or overfitted(evidence) is not None:
        return None
    if without_best(evidence):
        return None
    best = int(valid.argmin())
    gap, fall = valid[best] - train[best], valid[0] - valid[best]
    if fall <= 0 or gap <= fall / 3 or gap <= 3 * wavering(valid):
        return None
    return Finding(
        "memorising",
        Weight.HINT,
        "It knows its training examples much better than new ones.",
        f"At the best epoch a training example costs {gap:.3g} nats less than a held-out one; the whole of training took "
        f"{fall:.3g} nats off the latter. Part of what it learned is those examples themselves.",
        "More examples help most; else a smaller network.",
        evidence.retrain(hidden=(128, 128)) or evidence.retrain(channels=(16, 32)),
    )


def improving(evidence: Evidence) -> Finding | None:
    """The lowest validation loss is in the last twentieth of the epochs (or the last one), and over the last fifth of
    them the loss fell by more than 2% of all it had fallen since the end of the first tenth. Of 3 epochs or more, in a
    finished run.
    """
    valid = evidence.column(judged_by(evidence.rows[0] if evidence.rows else {}) or "valid/loss")
    n = len(valid)
    if n < 3 or not finite(valid) or evidence.record["status"] != "finished" or without_best(evidence):
        return None
    late, fall = valid[max(0, n - 1 - max(1, n // 5))] - valid[-1], valid[n // 10] - valid.min()
    if int(valid.argmin()) < n - max(1, n // 20) or late <= 0.02 * fall or late <= 0:
        return None
    command = (
        f"vaekit resume {shlex.quote(evidence.path)} --epochs {2 * n}" if evidence.record["recipe"] is not None else ""
    )
    return Finding(
        "improving",
        Weight.HINT,
        "It was still getting better when it stopped.",
        f"The validation loss fell by {late:.3g} nats in the last {'epoch' if n < 10 else f'{n // 5} epochs'} of {n}.",
        "Train longer: the run goes on where it stopped.",
        command,
    )


def blurry(evidence: Evidence) -> Finding | None:
    """Pictures of 8 bits under a density per pixel (normal, Laplace, ...) or a Bernoulli of grey levels."""
    spec = evidence.spec
    grey = spec.domain in (Domain.LEVELS, Domain.UNIT) and len(spec.shape) == 3 and not spec.dequantise
    if not grey or evidence.family not in BLURRING:
        return None
    better = [name for name in SHARPER if name in fitting_likelihoods(spec.domain)]
    command = evidence.retrain(likelihood=better[0]) if better else ""
    flat = evidence.record["recipe"] is not None and "channels" not in evidence.options
    return Finding(
        "blurry",
        Weight.HINT,
        f"Pictures will be blurry: the likelihood ({evidence.family}) asks for averages.",
        "It is no probability of pixel levels and judges each pixel alone, so where the model is unsure the best answer "
        "is the mean of all that is possible. Fine detail is lost, and the nats cannot be compared with other models'.",
        (f"Try {better[0]}, a probability of the levels themselves" if better else "Open the data as grey levels")
        + (", and conv-vae, whose networks know that pictures are made of neighbours." if flat else "."),
        command,
    )


def hollow(evidence: Evidence) -> Finding | None:
    """The classifier's area under the curve exceeds 0.75 by two standard errors."""
    if evidence.auc is None or evidence.auc - 2 * evidence.auc_error <= 0.75:
        return None
    beta = evidence.record["arguments"].get("beta", 1.0)
    rounder = {"beta": 2.0 * max(beta, 1.0)}
    sizes = [use.dimensions for use in evidence.latents.values()]
    smaller = evidence.retrain(latent=max(1, sizes[0] // 2)) if len(sizes) == 1 and sizes[0] > 2 else ""
    return Finding(
        "holes",
        Weight.PROBLEM if evidence.auc > 0.9 else Weight.HINT,
        "The latent space has holes.",
        f"Draws of the prior and codes of data are told apart with an area of {evidence.auc:.2f} (0.5 is best), so many "
        "samples start where the decoder never learned anything: they look worse than reconstructions.",
        "Weigh the rate more, which pulls codes towards the prior at the price of detail, or use fewer dimensions.",
        evidence.retrain(**rounder) or evidence.retrain("beta-vae", **rounder) or smaller,
    )


def alike(evidence: Evidence) -> Finding | None:
    """Reconstructions have less than a tenth of the variance of the held-out examples, though the latent is used."""
    share = evidence.explained
    if share is None or share >= 0.1 or collapsed(evidence) is not None:
        return None
    longer = f"vaekit resume {shlex.quote(evidence.path)} --epochs {4 * max(1, len(evidence.rows))}"
    return Finding(
        "alike",
        Weight.PROBLEM,
        "Reconstructions hardly follow the examples.",
        f"They explain {max(share, 0.0):.0%} of the variance between held-out examples: the decoder has not learned to use "
        "what the latent tells it.",
        "Train much longer first; if that does not help, try a higher learning rate or smaller batches.",
        longer if evidence.record["recipe"] is not None else "",
    )


def rough(evidence: Evidence) -> Finding | None:
    """Reconstructions of pictures have from a tenth to a half of the variance between held-out examples."""
    share = evidence.explained
    if share is None or not 0.1 <= share < 0.5 or len(evidence.spec.shape) != 3 or collapsed(evidence) is not None:
        return None
    return Finding(
        "rough",
        Weight.HINT,
        f"Reconstructions are rough: {share:.0%} of what tells held-out pictures apart.",
        "The rest is detail that the latent does not carry, or that the decoder has not learned to draw.",
        "More examples and longer training help most; a higher learning rate gets there sooner.",
    )


def few(evidence: Evidence) -> Finding | None:
    """Fewer than 1,000 examples to learn from."""
    if evidence.examples >= 1000:
        return None
    return Finding(
        "few",
        Weight.HINT,
        f"There are only {evidence.examples:,} examples to learn from.",
        "Figures on so few waver from split to split and from seed to seed: read them with their standard errors.",
        "Use more examples, or compare several seeds before you trust a difference.",
    )


def wavering(series: np.ndarray) -> float:
    """How far a curve goes up and down from epoch to epoch: a robust scale of its second differences."""
    return float(np.median(np.abs(np.diff(series, 2)))) if len(series) > 2 else 0.0


def finite(*series: np.ndarray) -> bool:
    """Whether there is no NaN or Inf."""
    return all(bool(np.isfinite(values).all()) for values in series)


IDLE = 0.1  # nats of an example, below which a latent tells nothing
BLURRING = ("Bernoulli", "Normal", "Laplace", "ContinuousBernoulli", "Beta", "LogitNormal", "StudentT", "OptimalNormal")
SHARPER = ("discretised-logistic-mixture", "discretised-logistic")
Judge = Callable[[Evidence], Finding | None]
JUDGES: tuple[Judge, ...] = (
    stopped,
    collapsed,
    unused,
    alike,
    overfitted,
    memorising,
    hollow,
    improving,
    blurry,
    oversized,
    cramped,
    thin,
    rough,
    few,
)
