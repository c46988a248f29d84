"""Images on a page: PNGs at their own resolution in the page itself, enlarged by the browser."""

import base64
import io
import math

import numpy as np
from markupsafe import Markup, escape
from PIL import Image
from torch import Tensor
from torch.nn.functional import avg_pool2d

from vaekit.report.grids import arrange, as_images, as_pixels

__all__ = ["picture", "small"]

Range = tuple[float, float]
TILE = 52  # CSS pixels that the longer side of an image takes at least
OPAQUE = 255


def picture(images: Tensor, columns: int, alt: str, *, between: Range, tile: int = TILE, gap: int = 1) -> Markup:
    """Images (N, C, H, W), or maps (N, H, W), in rows of `columns` as one <img>, with nothing between them."""
    tiles = as_pixels(as_images(images), between)
    colours, solid = arrange(tiles, columns, gap, 0), arrange(np.full_like(tiles, OPAQUE), columns, gap, 0)
    whole = np.concatenate([colours, solid[..., :1]], axis=-1)
    factor = max(1, math.ceil(tile / max(tiles.shape[1:3])))
    tall, wide = whole.shape[:2]
    return Markup(
        f'<img class="pixels" src="data:image/png;base64,{encoded(whole)}" width="{wide * factor}" '
        f'height="{tall * factor}" alt="{escape(alt)}">'
    )


def encoded(pixels: np.ndarray) -> str:
    """A PNG of (H, W, 4) in base64."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def small(images: Tensor, most: int) -> Tensor:
    """Images averaged down so that no side exceeds `most`."""
    if images.ndim == 3:
        return small(images[:, None], most)[:, 0]
    block = math.ceil(max(images.shape[-2:]) / most)
    return images if block == 1 else avg_pool2d(images.float(), block, ceil_mode=True)
