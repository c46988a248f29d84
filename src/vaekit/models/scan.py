"""A cell lifted over time, with carry, mask and reset."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from vaekit.distributions.parameters import mapped, stack
from vaekit.models.choices import Along
from vaekit.models.inference import Latent, Likelihood
from vaekit.models.model import Model
from vaekit.models.sequences import CONTROLS, along_time, check_sequences, taken
from vaekit.models.walk import Walk

__all__ = ["Carry", "Cell", "Scan", "over_time"]

Carry = dict[str, Tensor]


class Cell(nn.Module, ABC):
    """One step of a sequence model: latents and likelihoods given what is carried from the step before."""

    @abstractmethod
    def initial(self, batch: int) -> Carry:
        """What is carried into a first step: named tensors (B, ...)."""

    @abstractmethod
    def step(self, walk: Walk, carry: Carry) -> Carry:
        """Name this step's latents and likelihoods; `carry` and what is returned have the walk's leading axes.

        `walk.evidence` is the evidence of this step, `walk.data` holds the data of this step.
        """

    def evidence(self, data: Mapping[str, Tensor], context: Tensor | None) -> Mapping[str, Tensor]:
        """What posteriors need, of the whole sequence, by name: (B, T, ...). `data` may hold "mask" and "reset"."""
        return {}

    def start_at(self, mean: Tensor) -> None:
        """Let a fresh cell generate this mean (*event) at a step, if it knows how."""


class Scan(Model):
    """The cell at every step of sequences (B, T, *event); each step's value is the next one's parent.

    Data may hold "mask" (B, T), False at steps that do not exist: they count nothing and pass the carry on; and "reset"
    (B, T), True at steps that start anew from the initial carry. `length` is how many steps generation takes if the
    call does not say. What is imagined goes on from each row's own last step.
    """

    def __init__(self, cell: Cell, length: int) -> None:
        super().__init__()
        if length < 1:
            raise ValueError(f"length must be at least 1, got {length}")
        self.cell, self.length = cell, length

    def evidence(self, data: Mapping[str, Tensor], context: Tensor | None) -> Mapping[str, Tensor]:
        """The cell's, of the whole sequence."""
        return self.cell.evidence(data, context)

    def check(self, data: Mapping[str, Tensor], context: Tensor | None) -> None:
        """There must be x, and all tensors must share (B, T)."""
        check_sequences(data)

    def start_at(self, mean: Tensor) -> None:
        """The cell's start, from the mean over steps."""
        self.cell.start_at(mean.mean(0))

    def walk(self, walk: Walk) -> None:
        """Every step in turn, then its latents and likelihoods as one, with a time axis behind the batch."""
        over_time(walk, self.cell, self.length)


def over_time(
    walk: Walk,
    cell: Cell,
    length: int,
    evidence: Mapping[str, Tensor] | None = None,
    *,
    leading: int = 1,
) -> None:
    """Take the cell's steps in `walk`, after any other latents that it holds: as many as the data have, else `length`.

    `evidence` (B, T, ...) is the cell's, that of the walk if not said; with `leading` axes in front of T where it is
    made of other latents of the walk. Steps ahead of the data, where the walk is to go on, have neither data nor
    evidence: what would be inferred there comes from the prior. They follow each row's own last step, so they are
    taken after all steps of the data, as many as the shortest row needs, and then put in their places.
    """
    axes, controls = walk.axes, {name: walk.data.get(name) for name in CONTROLS}
    axes.open_draws()
    initial = {name: axes.spread(t) for name, t in cell.initial(axes.shape[-1]).items()}
    carry, steps = initial, []
    known = walk.evidence if evidence is None else evidence
    length, ends = walk.steps(length), walk.ends
    for t in range(walk.there or length):
        mask, reset = (None if c is None else c[:, t] for c in controls.values())
        if reset is not None:
            anew = reset if ends is None else reset & (t < ends)
            carry = choose(anew, initial, carry, len(axes.shape))
        step = walk_at(walk, t, known, leading)
        new = cell.step(step, carry)
        carry = new if mask is None else choose(mask, new, carry, len(axes.shape))
        steps.append(step)
    for i in range(length - (len(steps) if ends is None else int(ends.min()))):
        step = walk_ahead(walk, len(steps) if ends is None else (ends + i).clamp_max(length - 1))
        carry = cell.step(step, carry)
        steps.append(step)
    join(walk, steps, length)


def walk_ahead(walk: Walk, t: int | Tensor) -> Walk:
    """The walk of step t, or of step t[b] in row b, ahead of the data."""
    at = {name: choice.ahead() for name, choice in walk.at.items()}
    return Walk({}, walk.axes, walk.default.ahead(), at=at, context=walk.context, moment=t)


def walk_at(walk: Walk, t: int, evidence: Mapping[str, Tensor] | None, leading: int) -> Walk:
    """The walk of step t: its data, its evidence and its choices, on the same leading axes."""
    return Walk(
        {name: x[:, t] for name, x in walk.data.items()},
        walk.axes,
        walk.default,
        at=walk.at,
        context=walk.context,
        evidence=None if evidence is None else {name: e.select(leading, t) for name, e in evidence.items()},
        moment=t,
    )


def choose(where: Tensor, yes: Carry, no: Carry, rank: int) -> Carry:
    """Row by row, `yes` where the mask (B,) says so and `no` elsewhere; carries have `rank` leading axes."""
    return {
        name: torch.where(where.reshape(*where.shape, *(1,) * (t.ndim - rank)), t, no[name]) for name, t in yes.items()
    }


def join(walk: Walk, steps: list[Walk], length: int) -> None:
    """Give `walk` the latents and likelihoods of its steps, along time: those of the data, then those ahead of them."""
    mask, order, rank = walk.counted(length), walk.order(length), len(walk.axes.shape)
    for name, first in steps[0].latents.items():
        along = Along([step.latents[name] for step in steps], walk.there or length, order)
        latent = Latent(name, None, along, first.event_rank)
        latent.mask, latent.timed = mask, True
        along.take(latent, walk.axes, None)
        walk.latents[name] = latent
    for name in steps[0].likelihoods:
        parts = [step.likelihoods[name] for step in steps]
        p_x = stack([part.distribution for part in parts], dim=rank)
        p_x = p_x if order is None else mapped(p_x, lambda p: taken(p, order, rank))
        value = along_time([part.value for part in parts], order, len(p_x.event_shape))
        walk.likelihoods[name] = Likelihood(name, p_x, value, mask, timed=True)
