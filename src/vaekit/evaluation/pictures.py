"""How near one picture is to another: peak signal-to-noise ratio, and structural similarity on one scale and several."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d

__all__ = ["ms_ssim", "psnr", "ssim"]

SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # Wang et al. 2003, sec. 3.2


def psnr(x: Float[Tensor, "B *event"], y: Float[Tensor, "B *event"], data_range: float = 1.0) -> Float[Tensor, " B"]:
    """10 log10(data_range² / mean (x - y)²) of every example, dB; infinite where the two are the same.

    `data_range`: the distance from the least to the greatest value that data may have.
    """
    check_pair(x, y, data_range)
    error = (x - y).square().flatten(1).mean(1)
    return 10 * (data_range**2 / error).log10()


def ssim(
    x: Float[Tensor, "B C H W"],
    y: Float[Tensor, "B C H W"],
    data_range: float = 1.0,
    window: int = 11,
    sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
) -> Float[Tensor, " B"]:
    """The structural similarity of every pair, at most 1, which only equal pictures reach; Wang et al. 2004, eq. 13.

    Means, variances and the covariance are weighted by a Gaussian `window` (odd, pixels) of `sigma` pixels, divided by
    N as in the paper. Its average is taken over the pixels around which the whole window lies inside the picture, then
    over channels. In a picture smaller than the window, the window is the largest odd one that fits; one of a single
    pixel sees no structure and compares luminance alone.
    """
    check_pictures(x, y, data_range, window, sigma)
    luminance, structure = similarity_maps(x, y, gaussian(x, window, sigma), data_range, k1, k2)
    return (luminance * structure).flatten(1).mean(1)


def ms_ssim(
    x: Float[Tensor, "B C H W"],
    y: Float[Tensor, "B C H W"],
    data_range: float = 1.0,
    window: int = 11,
    sigma: float = 1.5,
) -> Float[Tensor, " B"]:
    """Structural similarity on five scales, each half as fine as the one before; Wang, Simoncelli & Bovik 2003, eq. 7.

    The product over scales of the mean contrast-structure, and of the mean similarity at the last one, to the paper's
    powers; per channel, then the mean over channels. Negative means count as 0, since their power is no number.

    Raises ValueError where the coarsest scale is smaller than the window: sides of at least 16 x 11 = 176 pixels.
    """
    check_pictures(x, y, data_range, window, sigma)
    least = window * 2 ** (len(SCALES) - 1)
    if min(x.shape[-2:]) < least:
        raise ValueError(f"x must have sides of at least {least} pixels for ms_ssim, got {tuple(x.shape[-2:])}")
    kernel, found = gaussian(x, window, sigma), torch.ones_like(x[:, :, 0, 0])
    for scale, power in enumerate(SCALES, start=1):
        luminance, structure = similarity_maps(x, y, kernel, data_range, 0.01, 0.03)
        similarity = structure if scale < len(SCALES) else luminance * structure
        found = found * similarity.mean((-2, -1)).clamp(min=0) ** power
        x, y = avg_pool2d(x, 2), avg_pool2d(y, 2)
    return found.mean(1)


def similarity_maps(
    x: Tensor, y: Tensor, kernel: tuple[Tensor, Tensor], data_range: float, k1: float, k2: float
) -> tuple[Float[Tensor, "B C h w"], Float[Tensor, "B C h w"]]:
    """Luminance, and contrast times structure, at every place of the window; Wang et al. 2004, eq. 6 and 9 with 10."""
    c1, c2 = (k1 * data_range) ** 2, (k2 * data_range) ** 2
    mean_x, mean_y = windowed(x, kernel), windowed(y, kernel)
    variances = windowed(x.square() + y.square(), kernel) - mean_x.square() - mean_y.square()
    covariance = windowed(x * y, kernel) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + c1) / (mean_x.square() + mean_y.square() + c1)
    return luminance, (2 * covariance + c2) / (variances + c2)


def windowed(x: Float[Tensor, "B C H W"], kernel: tuple[Tensor, Tensor]) -> Float[Tensor, "B C h w"]:
    """The weighted mean at every place where the window lies inside: columns, then rows."""
    down, across = kernel
    flat = x.flatten(0, 1)[:, None]
    return conv2d(conv2d(flat, down[None, None, :, None]), across[None, None, None, :]).unflatten(0, x.shape[:2])[
        :, :, 0
    ]


def gaussian(x: Tensor, window: int, sigma: float) -> tuple[Tensor, Tensor]:
    """Weights that sum to 1 along height and width, shortened to the largest odd number of pixels that fits."""

    def weights(side: int) -> Tensor:
        reach = (min(window, side) - 1) // 2
        steps = torch.arange(-reach, reach + 1, dtype=x.dtype, device=x.device)
        return (-(steps**2) / (2 * sigma**2)).softmax(0)

    return weights(x.shape[-2]), weights(x.shape[-1])


def check_pair(x: Tensor, y: Tensor, data_range: float) -> None:
    """Two batches of one shape, of floats, and a range that is one."""
    if x.shape != y.shape or x.ndim < 2:
        raise ValueError(f"x and y must have one shape (B, ...), got {tuple(x.shape)} and {tuple(y.shape)}")
    if not (x.is_floating_point() and y.is_floating_point()):
        raise ValueError(f"x and y must be floating-point, got {x.dtype} and {y.dtype}")
    if not data_range > 0:
        raise ValueError(f"data_range must be above 0, got {data_range}")


def check_pictures(x: Tensor, y: Tensor, data_range: float, window: int, sigma: float) -> None:
    """Two batches of pictures (B, C, H, W), and a window with a middle."""
    check_pair(x, y, data_range)
    if x.ndim != 4:
        raise ValueError(f"x and y must be pictures (B, channels, height, width), got {tuple(x.shape)}")
    if window < 1 or window % 2 == 0:
        raise ValueError(f"window must be odd and at least 1, got {window}")
    if not sigma > 0:
        raise ValueError(f"sigma must be above 0, got {sigma}")
