"""PSNR and SSIM against scikit-image, and what holds of them by their definition."""

import math

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch.testing import assert_close

from vaekit.evaluation import ms_ssim, psnr, ssim


def pair(*shape, noise=0.1):
    """Smooth pictures in [0, 1] and noisy ones."""
    coarse = torch.rand(*shape[:2], 4, 5)
    x = torch.nn.functional.interpolate(coarse, shape[2:], mode="bilinear")
    return x, (x + noise * torch.randn(shape)).clamp(0, 1)


def by_skimage(x, y, data_range=1.0, **options):
    return torch.tensor(
        [
            structural_similarity(
                a.numpy(), b.numpy(), channel_axis=0, data_range=data_range, use_sample_covariance=False, **options
            )
            for a, b in zip(x, y, strict=True)
        ]
    )


@pytest.mark.parametrize("shape", [(3, 1, 28, 28), (2, 3, 11, 40), (2, 3, 33, 17)])
def test_ssim_is_that_of_scikit_image(shape):
    x, y = pair(*shape)
    assert_close(ssim(x, y), by_skimage(x, y, gaussian_weights=True, sigma=1.5), atol=1e-6, rtol=0)
    assert_close(
        ssim(255 * x, 255 * y, data_range=255), by_skimage(255 * x, 255 * y, 255, gaussian_weights=True, sigma=1.5)
    )


def test_constants_of_ssim_are_passed_on():
    x, y = pair(2, 1, 20, 20)
    witness = by_skimage(x, y, gaussian_weights=True, sigma=1.5, K1=0.05, K2=0.2)
    assert_close(ssim(x, y, k1=0.05, k2=0.2), witness)


def test_ssim_in_float32_is_that_of_float64():
    x, y = pair(4, 3, 32, 32, noise=0.02)
    found = ssim(x.float(), y.float())
    assert found.dtype == torch.float32
    assert_close(found.double(), ssim(x.float().double(), y.float().double()), atol=1e-4, rtol=0)


def test_ssim_is_1_of_equal_pictures_alone_and_symmetric():
    x, y = pair(4, 3, 16, 16)
    assert_close(ssim(x, x), torch.ones(4))
    assert (ssim(x, y) < 1).all()
    assert_close(ssim(x, y), ssim(y, x))


def test_a_small_picture_is_seen_through_the_largest_odd_window_that_fits():
    x, y = pair(3, 2, 8, 8)
    assert_close(ssim(x, y), ssim(x, y, window=7))
    window = torch.outer(*2 * [(-(torch.arange(-3.0, 4) ** 2) / 4.5).exp()])
    window = window / window.sum()
    a, b = x[0, 0, :7, :7], y[0, 0, :7, :7]
    mean_a, mean_b = (window * a).sum(), (window * b).sum()
    vary_a, vary_b = (window * (a - mean_a) ** 2).sum(), (window * (b - mean_b) ** 2).sum()
    both = (window * (a - mean_a) * (b - mean_b)).sum()
    first = (2 * mean_a * mean_b + 1e-4) / (mean_a**2 + mean_b**2 + 1e-4)
    second = (2 * both + 9e-4) / (vary_a + vary_b + 9e-4)
    assert_close(ssim(x[:1, :1, :7, :7], y[:1, :1, :7, :7])[0], first * second)


def test_one_pixel_compares_luminance_alone():
    x, y = torch.full((1, 1, 1, 1), 0.2), torch.full((1, 1, 1, 1), 0.6)
    assert_close(ssim(x, y)[0], torch.tensor((0.24 + 1e-4) / (0.4 + 1e-4)))


def test_psnr_is_that_of_scikit_image_and_infinite_of_equal_pictures():
    x, y = pair(3, 3, 9, 12)
    witness = [peak_signal_noise_ratio(a, b, data_range=2) for a, b in zip(x.numpy(), y.numpy(), strict=True)]
    assert_close(psnr(x, y, data_range=2), torch.tensor(np.array(witness)))
    assert psnr(x, x).tolist() == [math.inf] * 3
    assert_close(psnr(torch.zeros(1, 5), torch.full((1, 5), 0.1)), torch.tensor([20.0]))


def test_gradients_of_psnr_and_ssim_are_those_of_finite_differences():
    x, y = pair(1, 1, 12, 12)
    y.requires_grad_()
    assert torch.autograd.gradcheck(lambda y: ssim(x, y), y)
    assert torch.autograd.gradcheck(lambda y: psnr(x, y), y)


def test_ms_ssim_is_the_product_of_its_scales():
    x, y = pair(2, 2, 180, 176)
    y = 0.6 * y
    found = ms_ssim(x, y)
    powers, product = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333], torch.ones(2, 2)
    for i, power in enumerate(powers):
        last = i == len(powers) - 1
        maps = [
            skimage_maps(a, b, structure_only=not last) for a, b in zip(x.flatten(0, 1), y.flatten(0, 1), strict=True)
        ]
        product = product * torch.tensor(maps).reshape(2, 2) ** power
        x, y = (t.unfold(2, 2, 2).unfold(3, 2, 2).mean((-1, -2)) for t in (x, y))
    assert_close(found, product.mean(1), atol=1e-6, rtol=0)


def skimage_maps(a, b, structure_only):
    """Mean similarity by scikit-image; without luminance by a K1 so large that its factor is 1."""
    k1 = 1e6 if structure_only else 0.01
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "K1": k1}
    return structural_similarity(a.numpy(), b.numpy(), data_range=1.0, **options)


def test_ms_ssim_falls_with_noise():
    x, _ = pair(1, 1, 176, 176)
    noise = torch.randn_like(x)
    found = [float(ms_ssim(x, x + s * noise)) for s in (0.0, 0.05, 0.1, 0.3)]
    assert found[0] == pytest.approx(1)
    assert found == sorted(found, reverse=True)


X = torch.rand(2, 1, 8, 8)
REFUSED = {
    "x and y must have one shape (B, ...), got (2, 1, 8, 8) and (2, 1, 8, 7)": lambda: psnr(X, X[..., :7]),
    "x and y must be floating-point, got torch.uint8 and torch.uint8": lambda: ssim(X.byte(), X.byte()),
    "data_range must be above 0, got 0": lambda: psnr(X, X, data_range=0),
    "x and y must be pictures (B, channels, height, width), got (2, 64)": lambda: ssim(X.flatten(1), X.flatten(1)),
    "window must be odd and at least 1, got 4": lambda: ssim(X, X, window=4),
    "sigma must be above 0, got -1": lambda: ssim(X, X, sigma=-1),
    "x must have sides of at least 176 pixels for ms_ssim, got (8, 8)": lambda: ms_ssim(X, X),
}


@pytest.mark.parametrize("message", REFUSED)
def test_a_mistake_is_refused_in_one_sentence(message):
    with pytest.raises(ValueError) as refusal:  # noqa: PT011
        REFUSED[message]()
    assert str(refusal.value) == message
