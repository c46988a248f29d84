import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.image import imread

from vaekit.report import image_grid, reconstructions, samples, save_grid
from vaekit.report.grids import PAD


def seeded_images(n, channels=1, side=8):
    levels = torch.randint(0, 256, (n, channels, side, side), generator=torch.Generator().manual_seed(n))
    return levels / 255


def tiles_of(picture, n, columns, side, gap=2):
    step = side + gap
    return np.stack(
        [
            picture[
                (i // columns) * step : (i // columns) * step + side, (i % columns) * step : (i % columns) * step + side
            ]
            for i in range(n)
        ]
    )


def pixels_of(figure):
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3]


@pytest.mark.parametrize("n", [1, 2, 5, 7, 12])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_saved_grid_is_the_images_block_by_block(tmp_path, n, channels):
    images = seeded_images(n, channels)
    path = save_grid(images, tmp_path / "samples.png", columns=4)
    read = (255 * imread(path)[..., :3]).round().astype(np.uint8)
    tiles = tiles_of(read, n, min(4, n), 40)
    shown = (255 * images).round().byte().permute(0, 2, 3, 1).expand(-1, -1, -1, 3).numpy()
    np.testing.assert_array_equal(tiles, shown.repeat(5, 1).repeat(5, 2))


def test_images_keep_their_pixels_square_and_are_at_least_forty_wide():
    sizes = {side: image_grid(torch.zeros(1, 1, side, side)).shape for side in (1, 8, 28, 32, 64)}
    assert sizes == {1: (40, 40, 3), 8: (40, 40, 3), 28: (56, 56, 3), 32: (64, 64, 3), 64: (64, 64, 3)}
    assert image_grid(torch.zeros(1, 1, 8, 16)).shape == (24, 48, 3)


def test_what_is_not_filled_is_white():
    picture = image_grid(torch.zeros(3, 1, 8, 8), columns=2)
    assert picture.shape == (82, 82, 3)
    assert (picture[42:, 42:] == 255).all()
    assert (picture[40:42] == 255).all()


def test_values_outside_are_clipped():
    picture = image_grid(torch.tensor([-0.5, 1.5]).reshape(2, 1, 1, 1), columns=2)
    assert picture[0, 0].tolist() == [0, 0, 0]
    assert picture[0, -1].tolist() == [255, 255, 255]


def test_other_numbers_of_channels_show_the_first_in_false_colours():
    images = seeded_images(2, 5)
    expected = matplotlib.colormaps["viridis"](images[:, 0].double().numpy(), bytes=True)[..., :3]
    np.testing.assert_array_equal(tiles_of(image_grid(images), 2, 2, 40)[:, ::5, ::5], expected)


@pytest.mark.parametrize("n", [1, 3, 17, 20])
def test_reconstructions_stand_under_their_originals_pixel_by_pixel(n):
    x, x_hat = seeded_images(n), 1 - seeded_images(n)
    drawn = pixels_of(reconstructions(x, x_hat))
    blocks = -(-n // 16)
    columns = -(-n // blocks)
    left = drawn.shape[1] - PAD - (columns * 84 - 4)
    for i in range(n):
        top = PAD + (i // columns) * (2 * 84 - 4 + 16)
        across = slice(left + (i % columns) * 84 + 5, left + (i % columns) * 84 + 80, 10)
        for image, start in ((x[i], top), (x_hat[i], top + 84)):
            np.testing.assert_array_equal(
                drawn[start + 5 : start + 80 : 10, across, 0], (255 * image[0]).round().numpy()
            )


def test_reconstructions_are_labelled():
    figure = reconstructions(seeded_images(20), seeded_images(20))
    assert [text.get_text() for text in figure.texts] == ["original", "reconstruction"] * 2


def test_labels_are_whole_and_beside_the_picture():
    figure = samples(seeded_images(6), columns=2, names=["a class with a rather long name", "b", "c"])
    figure.canvas.draw()
    edges = [text.get_window_extent() for text in figure.texts]
    assert min(edge.x0 for edge in edges) >= 0
    assert max(edge.x1 for edge in edges) < figure.axes[0].get_window_extent().x0


def test_images_of_other_ranges_are_shown_on_that_of_the_originals():
    x = torch.linspace(-1, 3, 64).reshape(1, 1, 8, 8)
    picture = reconstructions(x, x).axes[0].images[0].get_array()
    assert (picture[0, 0, 0], picture[79, 79, 0]) == (0, 255)


def test_large_images_are_averaged_down_in_figures_only(tmp_path):
    images = seeded_images(1, 3, 512)
    assert samples(images).axes[0].images[0].get_array().shape == (256, 256, 3)
    assert imread(save_grid(images, tmp_path / "large.png")).shape[:2] == (512, 512)


def test_short_vectors_are_bars_under_dots():
    x, x_hat = torch.arange(15.0).reshape(3, 5), torch.zeros(3, 5)
    figure = reconstructions(x, x_hat)
    for i in range(3):
        axes = figure.axes[i]
        assert [bar.get_height() for bar in axes.patches] == x[i].tolist()
        assert axes.lines[-1].get_ydata().tolist() == x_hat[i].tolist()


@pytest.mark.parametrize("shape", [(5, 100), (5, 1, 100), (5, 100, 1)])
def test_long_vectors_and_series_are_lines_over_lines(shape):
    x = torch.linspace(0, 1, 500).reshape(shape)
    figure = reconstructions(x, -x)
    for i in range(5):
        data, model = figure.axes[i].lines
        np.testing.assert_allclose(data.get_ydata(), x[i].flatten())
        np.testing.assert_allclose(model.get_ydata(), -x[i].flatten())


def test_points_in_the_plane_are_a_scatter():
    x, x_hat = torch.randn(2, 30, 2, generator=torch.Generator().manual_seed(0))
    lines = {line.get_label(): line.get_xydata() for line in reconstructions(x, x_hat).axes[0].lines}
    np.testing.assert_allclose(lines["original"], x)
    np.testing.assert_allclose(lines["reconstruction"], x_hat)


def test_scalars_and_maps_are_drawn_too():
    assert reconstructions(torch.ones(4), torch.ones(4)).axes[0].patches[0].get_height() == 1
    assert len(samples(torch.rand(4, 8, 8, generator=torch.Generator())).axes[0].images) == 1


def test_what_cannot_be_drawn_is_refused(tmp_path):
    broken = torch.tensor([[[[0.5, float("nan")]]]])
    with pytest.raises(ValueError, match="images must be finite to be drawn, got 1 of 2 values"):
        image_grid(broken)
    with pytest.raises(ValueError, match="x_hat must be finite"):
        reconstructions(torch.zeros(1, 4), torch.full((1, 4), float("inf")))
    with pytest.raises(ValueError, match=r"\(N, C, H, W\)"):
        image_grid(torch.zeros(8, 8))
    with pytest.raises(ValueError, match="columns must be at least 1"):
        image_grid(torch.zeros(1, 1, 8, 8), columns=0)
    with pytest.raises(ValueError, match="at least one"):
        image_grid(torch.zeros(0, 1, 8, 8))
    with pytest.raises(ValueError, match=r"must end in \.png"):
        save_grid(torch.zeros(1, 1, 8, 8), tmp_path / "grid.jpg")
    with pytest.raises(ValueError, match="one shape"):
        reconstructions(torch.zeros(2, 4), torch.zeros(3, 4))
    with pytest.raises(ValueError, match="at most three axes"):
        reconstructions(torch.zeros(2, 3, 4, 8, 8), torch.zeros(2, 3, 4, 8, 8))
