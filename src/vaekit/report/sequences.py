"""Clips on a page: what a model reconstructs and generates over time, and content and motion of clips exchanged."""

import base64
from collections.abc import Mapping

import torch
from markupsafe import Markup, escape
from torch import Tensor

from vaekit.latent import blanked, exchanged
from vaekit.report.film import animation, gif
from vaekit.report.grids import Range, range_of
from vaekit.report.images import picture
from vaekit.report.showing import generated
from vaekit.report.subject import Exhibit, Section, Subject
from vaekit.report.views import Views, inferred

__all__ = ["filmed", "imagined", "swapped"]

STRIPS, MOVING, SAMPLES, SIDE = 3, 12, 16, 5  # clips in strips and in animations, and along a side of the exchange


def filmed(subject: Subject, views: Views) -> Section | None:
    """Held-out clips beside what the model makes of them."""
    if views.x_hat is None or not subject.data.spec.clips:
        return None
    x, x_hat = blanked(views.batch).cpu(), views.x_hat
    between = range_of(x)
    text = (
        f"Clips of the {views.role} split, chosen by the seed alone, and the mean of p(x|z) at the mean of q(z|x). "
        "Each original stands above its copy; the animation has the originals in its upper rows."
    )
    strips = [
        Exhibit(
            strip(torch.stack([x[i], x_hat[i]]), f"clip {i + 1}: original above, reconstruction below", between),
            "",
            "strip",
        )
        for i in range(min(STRIPS, len(x)))
    ]
    n = min(MOVING, len(x))
    parts = [filled(t[i : i + 6], between[1]) for i in range(0, n, 6) for t in (x, x_hat)]
    moving = moving_picture(
        torch.cat(parts)[:, : x.shape[1]], min(6, n), f"{n} clips and their reconstructions, moving", between
    )
    return Section("reconstructions", "What it reconstructs", text, [*strips, Exhibit(moving, "", "strip")])


def imagined(subject: Subject, views: Views) -> Section | None:
    """New clips, latents drawn from their priors."""
    if views.x_hat is None or not views.priors or not subject.data.spec.clips:
        return None
    made, between = generated(subject, SAMPLES, views.context), range_of(blanked(views.batch))
    text = "New clips: every latent drawn from its prior, and the mean of p(x|z) there. Nothing is picked by hand."
    strips = [Exhibit(strip(made[:STRIPS], f"{STRIPS} new clips, frame by frame", between), "", "strip")]
    moving = moving_picture(made, 8, f"{len(made)} new clips, moving", between)
    return Section("samples", "What it generates", text, [*strips, Exhibit(moving, "", "strip")])


def swapped(subject: Subject, views: Views) -> Section | None:
    """The model's first latent of each of some clips with all others of each."""
    if not subject.data.spec.clips or views.x_hat is None:
        return None
    few = {name: t[:SIDE] for name, t in views.batch.items()}
    found = table_of(subject, few)
    if found is None:
        return None
    name, grid = found
    text = (
        f"Each row has the {name} of one held-out clip (at its left), each column everything else of another (above it), "
        "each inferred from its own clip. Down the diagonal both are of the same clip. Where the two are told apart, a row "
        "keeps its looks and a column its movement."
    )
    side = len(few["x"]) + 1
    alt = f"{name} of {side - 1} clips in rows, all else of them in columns"
    middle, between = grid[:, shortest(few) // 2], range_of(blanked(few))
    exhibits = [
        Exhibit(moving_picture(grid, side, f"{alt}, moving", between), "moving", "strip"),
        Exhibit(picture(middle, side, f"{alt}, one frame", between=between), "one of its frames", "strip"),
    ]
    return Section("swap", f"The {name} of one clip in another", text, exhibits)


def table_of(subject: Subject, batch: Mapping[str, Tensor]) -> tuple[str, Tensor] | None:
    """The name of the latent, and clips row by row with the originals at the edges; None for a model with one latent."""
    model, n = subject.model, len(batch["x"])
    first = inferred(model, batch)
    names = list(first.latents)
    if len(names) < 2 or first.latents[names[0]].timed or first.latents[names[0]].leading != 1:
        return None
    rows, columns = torch.arange(n).repeat_interleave(n), torch.arange(n).repeat(n)
    a, b = (inferred(model, {name: t[which] for name, t in batch.items()}) for which in (rows, columns))
    made = exchanged(model, a, b, names[:1]).float().cpu().unflatten(0, (n, n))
    x = blanked(batch).float().cpu()
    corner = torch.full_like(x[:1], range_of(x)[1])
    lines = [torch.cat([corner, x]), *(torch.cat([x[i : i + 1], made[i]]) for i in range(n))]
    return names[0], torch.cat(lines)


def shortest(batch: Mapping[str, Tensor]) -> int:
    """How many steps all of the examples have."""
    mask = batch.get("mask")
    return batch["x"].shape[1] if mask is None else int(mask.sum(1).min())


def filled(clips: Tensor, white: float) -> Tensor:
    """A row of six, filled up with white."""
    return torch.cat([clips, clips.new_full((max(0, 6 - len(clips)), *clips.shape[1:]), white)])


def strip(clips: Tensor, alt: str, between: Range) -> Markup:
    """Frames from left to right, a row for each clip."""
    return picture(clips.flatten(0, 1), clips.shape[1], alt, between=between)


def moving_picture(clips: Tensor, columns: int, alt: str, between: Range) -> Markup:
    """An animated GIF in the page itself; on paper its first frame."""
    frames = animation(clips, columns, between=between, tile=clips.shape[-1])
    factor = max(1, round(64 / max(clips.shape[-2:])))
    tall, wide = frames.shape[1:3]
    return Markup(
        f'<img class="pixels" src="data:image/gif;base64,{base64.b64encode(gif(frames)).decode()}" '
        f'width="{wide * factor}" height="{tall * factor}" alt="{escape(alt)}">'
    )
