import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.image import imread
from torch.distributions import Independent, MixtureSameFamily, Normal

import vaekit.data
from vaekit.conditionals import Bernoulli, Categorical, Deterministic, Gaussian
from vaekit.latent import typical
from vaekit.models import VAE
from vaekit.networks import MLP, OneHot
from vaekit.priors import Prior, StandardNormal
from vaekit.report import curves, draw_pictures, kl_per_dimension, reconstructions, showpiece
from vaekit.report.pictures import infer


def named(paths):
    return [path.name for path in paths]


def pixels_of(figure, dpi=200):
    figure.set_dpi(dpi)
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())


@pytest.fixture
def build():
    def make(maker):
        with torch.random.fork_rng():
            torch.manual_seed(1)
            return maker()

    return make


def test_all_pictures_are_written_and_the_same_for_the_same_seed(model, digits, rows, tmp_path):
    paths = draw_pictures(model, digits, rows, tmp_path / "new" / "pictures", 3)
    assert named(paths) == ["curves.png", "reconstructions.png", "samples.png", "kl.png"]
    again = draw_pictures(model, digits, [], tmp_path / "again", 3)
    other = draw_pictures(model, digits, [], tmp_path / "other", 4)
    assert [path.read_bytes() for path in paths[1:]] == [path.read_bytes() for path in again]
    assert paths[1].read_bytes() != other[0].read_bytes()
    assert paths[2].read_bytes() != other[1].read_bytes()


def test_every_module_keeps_its_own_mode(model, digits, tmp_path):
    model.train()
    model.encoder.eval()
    draw_pictures(model, digits, [], tmp_path)
    assert model.training
    assert model.decoder.training
    assert not model.encoder.training
    model.eval()


def test_without_rows_there_are_no_curves(model, digits, tmp_path):
    assert named(draw_pictures(model, digits, [], tmp_path)) == ["reconstructions.png", "samples.png", "kl.png"]


def test_an_autoencoder_has_neither_samples_nor_kl(build, digits, tmp_path):
    model = build(lambda: VAE(None, Deterministic(MLP(64, 8), 2), Bernoulli(MLP(2, 8), (1, 8, 8))))
    assert named(draw_pictures(model, digits, [], tmp_path)) == ["reconstructions.png"]


def test_a_prior_over_deterministic_codes_gives_samples_and_no_kl(build, digits, tmp_path):
    model = build(lambda: VAE(StandardNormal(2), Deterministic(MLP(64, 8), 2), Bernoulli(MLP(2, 8), (1, 8, 8))))
    assert named(draw_pictures(model, digits, [], tmp_path)) == ["reconstructions.png", "samples.png"]


def test_labels_as_context_give_a_row_of_samples_per_class(build, digits, tmp_path):
    def conditional():
        encoder, decoder = Gaussian(MLP(74, 8), 2), Bernoulli(MLP(12, 8), (1, 8, 8))
        return VAE(StandardNormal(2), encoder, decoder, context=OneHot(10))

    paths = draw_pictures(build(conditional), digits.conditioned_on_labels(), [], tmp_path)
    height, width, _ = imread(paths[1]).shape
    assert height == 10 * 84 - 4 + 2 * 24
    assert width > height


def test_examples_come_from_test_where_there_is_no_validation(build, tmp_path):
    x = torch.rand(40, 2, generator=torch.Generator().manual_seed(0))
    model = build(lambda: VAE(StandardNormal(2), Gaussian(MLP(2, 8), 2), Gaussian(MLP(2, 8), 2)))
    for held in ({"valid": 0, "test": 10}, {"valid": 0, "test": 0}):
        paths = draw_pictures(model, vaekit.data.open(x, **held), [], tmp_path)
        assert named(paths) == ["reconstructions.png", "samples.png", "kl.png"]


def test_events_of_four_axes_are_left_out(build, tmp_path):
    x = torch.rand(20, 2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    model = build(lambda: VAE(StandardNormal(2), Gaussian(MLP(96, 8), 2), Gaussian(MLP(2, 8), (2, 3, 4, 4))))
    assert named(draw_pictures(model, vaekit.data.open(x), [], tmp_path)) == ["kl.png"]


def test_categories_are_shown_by_their_mode(build):
    def over_codes():
        return VAE(None, Gaussian(MLP(6, 8), 2), Categorical(MLP(2, 8), (6,), 5))

    with torch.no_grad():
        inference = infer(build(over_codes), {"x": torch.zeros(4, 6)})
    assert torch.equal(typical(inference, "x"), inference.likelihoods["x"].distribution.mode)


def test_figures_look_the_same_whatever_the_caller_has_set(rows):
    loud = {"font.size": 30, "axes.facecolor": "red", "xtick.labelsize": 40, "ytick.color": "red", "lines.linewidth": 9}
    x = torch.linspace(0, 1, 40).reshape(4, 10)
    makers = [
        lambda: curves(rows),
        lambda: kl_per_dimension(torch.arange(8.0), torch.ones(8)),
        lambda: reconstructions(x, x),
        lambda: reconstructions(x.reshape(20, 2), x.reshape(20, 2)),
    ]
    for make in makers:
        plain = pixels_of(make(), dpi=60)
        with matplotlib.rc_context({**loud, "axes.grid": True, "figure.facecolor": "black", "font.family": "serif"}):
            np.testing.assert_array_equal(pixels_of(make(), dpi=60), plain)


def test_the_showpiece_is_1600_by_600_and_shows_the_loss(model, digits, rows):
    figure = showpiece(model, digits, rows)
    assert pixels_of(figure).shape[:2] == (600, 1600)
    assert figure.axes[-1].lines[1].get_ydata().tolist() == [row["valid/loss"] for row in rows]
    edges = [text.get_window_extent() for text in figure.texts]
    assert all(0 < edge.x0 < edge.x1 < 1600 for edge in edges)
    for first, second in zip(edges[1::2], edges[2::2], strict=False):
        assert first.x1 < second.x0


def test_the_showpiece_refuses_what_it_cannot_show(model, digits, rows):
    with pytest.raises(ValueError, match="rows with train/loss and valid/loss"):
        showpiece(model, digits, [{"epoch": 1, "train/loss": 1.0}])
    flat = vaekit.data.open(np.random.default_rng(0).random((40, 6)))
    with pytest.raises(ValueError, match="square images of one channel"):
        showpiece(model, flat, rows)


class TwoHills(Prior):
    """A mixture of two normals, whose density is no product over dimensions."""

    event_shape = (2,)

    def forward(self, context=None, *, posterior=None):
        hills = Independent(Normal(torch.tensor([[-1.0, 0.0], [1.0, 0.0]]), 1.0), 1)
        return MixtureSameFamily(torch.distributions.Categorical(torch.ones(2)), hills)


def test_a_rate_that_is_no_sum_over_dimensions_is_not_shown_as_one(build, digits, tmp_path):
    model = build(lambda: VAE(TwoHills(), Gaussian(MLP(64, 8), 2), Bernoulli(MLP(2, 8), (1, 8, 8))))
    assert named(draw_pictures(model, digits, [], tmp_path)) == ["reconstructions.png", "samples.png"]
