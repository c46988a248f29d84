"""Examples of which a part was observed, and what a model makes of the rest: several completions side by side."""

import numpy as np
import torch
from jaxtyping import Bool, Float
from matplotlib.figure import Figure
from torch import Tensor

from vaekit.latent import completed as completions_of
from vaekit.report.grids import arrange, as_images, as_pixels, enlarge, headed, range_of
from vaekit.report.images import picture, small
from vaekit.report.pictures import device_of
from vaekit.report.showing import THUMBNAIL
from vaekit.report.subject import Exhibit, Section, Subject
from vaekit.report.views import Views

__all__ = ["completed", "completions"]

ROWS, COLUMNS = 8, 8
HIDDEN = (0.76, 0.81, 0.87)  # the colour of what was not observed
TILE, GAP, APART = 64, 3, 24  # pixels of a figure


def completed(subject: Subject, views: Views) -> Section | None:
    """Held-out examples with their hidden part drawn several times; None for a model that completes nothing."""
    mask = subject.model.known()
    if mask is None or views.context is None or mask.ndim != 3:
        return None
    x = views.batch["x"][:ROWS]
    made = completions_of(subject.model, views.context[:ROWS].to(device_of(subject.model)), COLUMNS)
    rows = in_rows(x, made.cpu().float(), mask.cpu())
    alt = f"the observed part, {COLUMNS} completions, the whole"
    exhibits = [
        Exhibit(picture(small(row, THUMBNAIL), len(row), f"example {i}: {alt}", between=(0.0, 1.0)), kind="strip")
        for i, row in enumerate(rows, 1)
    ]
    text = (
        f"Examples of the {views.role} split, chosen by the seed alone. First what the model is shown of each (the rest is "
        f"left blue-grey), then {COLUMNS} completions, each the mean of p(x|z) at a z drawn from the prior that the observed "
        "part gives, and last the example itself. Where completions differ, what is observed does not decide."
    )
    return Section("completions", "How it completes what it sees a part of", text, exhibits)


def in_rows(
    x: Float[Tensor, "N C H W"], made: Float[Tensor, "N n C H W"], mask: Bool[Tensor, "C H W"]
) -> Float[Tensor, "N columns 3 H W"]:
    """In colours, the observed part of each example, its completions, and the example: (N, n + 2, 3, H, W)."""
    if made.shape[0] != len(x) or made.shape[2:] != x.shape[1:]:
        raise ValueError(f"made must hold completions (N, n, ...) of x {tuple(x.shape)}, got {tuple(made.shape)}")
    between = range_of(x)
    whole = in_colours(x, between)
    hidden = torch.tensor(HIDDEN)[:, None, None].expand(whole.shape[1:])
    shown = torch.where(mask.all(0), whole, hidden)
    middle = in_colours(made.flatten(0, 1), between).unflatten(0, made.shape[:2])
    return torch.cat([shown[:, None], middle, whole[:, None]], dim=1)


def in_colours(x: Tensor, between: tuple[float, float]) -> Float[Tensor, "N 3 H W"]:
    """Images of any channels as red, green and blue in [0, 1]."""
    return torch.from_numpy(as_pixels(x.float(), between)).permute(0, 3, 1, 2) / 255


def completions(x: Float[Tensor, "N C H W"], made: Float[Tensor, "N n C H W"], mask: Bool[Tensor, "C H W"]) -> Figure:
    """Each example in a row: what is observed of it, its completions, and the example itself."""
    rows = in_rows(x, made, mask)
    groups = [rows[:, :1], rows[:, 1:-1], rows[:, -1:]]
    blocks = [block(group) for group in groups]
    apart = np.full((blocks[0].shape[0], APART, 3), 255, np.uint8)
    whole = np.concatenate([blocks[0], apart, blocks[1], apart, blocks[2]], axis=1)
    wide = whole.shape[1]
    return headed(whole, [("observed", 0, "left"), ("completions", wide / 2, "center"), ("truth", wide, "right")])


def block(rows: Float[Tensor, "N n 3 H W"]) -> np.ndarray:
    """Images in rows as one picture, uint8."""
    tiles = enlarge(as_pixels(as_images(rows.flatten(0, 1))), TILE)
    return arrange(tiles, rows.shape[1], GAP)
