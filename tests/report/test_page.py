import base64
import io
import re
import shlex

import numpy as np
import pytest
import torch
from PIL import Image
from report import pages
from report.pages import Page

from vaekit.evaluation import Figure
from vaekit.report import write_report
from vaekit.report.images import picture
from vaekit.report.svg import Chart


def page_of(subject, **options):
    html = write_report(subject, **options).read_text()
    assert "http://" not in html
    assert "https://" not in html
    assert "<script" not in html
    assert len(html) < 5e6
    return Page(html)


def test_a_model_of_images_has_every_section_in_order(tmp_path, rows):
    page = page_of(pages.images(tmp_path / "run", rows=rows))
    shown = ["verdict", "numbers", "curves", "reconstructions", "samples", "dimensions", "codes", "interpolation"]
    assert page.ids[: len(shown)] == shown
    assert page.ids[len(shown) :] == ["traversals", "holes", "next", "run"]
    assert all(image["alt"] for image in page.images)
    assert "Not shown: the whole latent plane" in page.text
    assert "1 min 15 s" in page.text


def test_the_terms_of_the_rate_stand_beside_the_holes(tmp_path):
    text = page_of(pages.images(tmp_path / "run")).text
    for said in ("mutual information of z", "aggregate KL of z", "total correlation of z", "dimension-wise KL of z"):
        assert said in text
    assert "at most log N" in text


def test_a_latent_of_two_dimensions_is_shown_whole(tmp_path):
    assert "manifold" in page_of(pages.images(tmp_path / "run", size=2)).ids
    assert "manifold" not in page_of(pages.images(tmp_path / "other", size=3)).ids


def test_a_latent_on_a_sphere_is_moved_on_it(tmp_path):
    page = page_of(pages.on_a_sphere(tmp_path / "run"))
    assert {"reconstructions", "samples", "codes", "interpolation", "traversals", "holes"} <= set(page.ids)
    brought_back = "As codes lie on a sphere, each is then brought back to length 1"
    assert brought_back in page.text
    assert brought_back not in page_of(pages.images(tmp_path / "flat")).text


def test_a_model_of_labels_generates_every_class(tmp_path):
    page = page_of(pages.of_labels(tmp_path / "run"))
    assert {f"samples of class {label}" for label in range(10)} <= {image["alt"] for image in page.images}


def test_an_autoencoder_says_what_it_has_not(tmp_path):
    page = page_of(pages.autoencoder(tmp_path / "run"))
    assert not {"samples", "dimensions", "holes", "manifold"} & set(page.ids)
    assert {"reconstructions", "codes", "interpolation", "traversals"} <= set(page.ids)
    assert "samples (a latent has no prior" in page.text


@pytest.mark.parametrize("size", [2, 100])
def test_points_and_series_have_a_page(tmp_path, size):
    page = page_of(pages.vectors(tmp_path / "run", size))
    assert {"reconstructions", "samples", "codes", "traversals"} <= set(page.ids)
    assert ("interpolation" in page.ids) is (size == 100)


def test_a_table_is_shown_by_column_in_its_own_units(tmp_path):
    subject = pages.table(tmp_path / "run")
    html = write_report(subject).read_text()
    assert "&lt;b&gt;weight&lt;/b&gt;" in html
    assert "<b>weight</b>" not in html
    rows = re.findall(r'<th scope="row">(\w+)</th><td data-name="error[^>]*>([^<]*)</td><td[^>]*>([^<]*)</td>', html)
    spreads = {name: float(spread.replace(",", "")) for name, _, spread in rows}
    x = subject.data.spec.restore(subject.data.valid.all()["x"]).double()
    assert spreads["price"] == pytest.approx(float(x[:, 2].std(correction=0)), rel=0.01)
    assert 70 < spreads["price"] < 140


def test_one_seed_gives_one_page_and_leaves_generators_and_modes_alone(tmp_path):
    subject = pages.images(tmp_path / "run")
    subject.model.train()
    subject.model.encoder.eval()
    first, again, other = (write_report(subject, seed=seed).read_bytes() for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert subject.model.training
    assert not subject.model.encoder.training


def test_figures_have_errors_units_and_meaning(tmp_path):
    subject = pages.images(tmp_path / "run")
    quality = {"PSNR": Figure(21.25, "dB", "peak signal to noise <ratio>", 0.5)}
    page = page_of(type(subject)(**{**vars(subject), "quality": quality}))
    assert "PSNR 21.25 ± 0.50 dB peak signal to noise <ratio>" in page.text
    assert str(subject.evaluation.elbo) in page.text


def test_names_of_a_run_are_text_and_never_html(tmp_path):
    subject = pages.images(tmp_path / "<script>alert(1)<")
    assert page_of(subject).text.startswith("<script>alert(1)<")


def test_rows_that_cannot_be_drawn_are_said_to_be_so(tmp_path, rows):
    page = page_of(pages.images(tmp_path / "run", rows=[{**rows[0], "train/loss": float("nan")}]))
    assert "There are no curves: rows must be finite" in page.text


def test_the_command_is_quoted_for_a_shell(tmp_path):
    page = page_of(pages.table(tmp_path / "a run's"))
    command = next(words for words in page.words if words.startswith("vaekit train"))
    assert shlex.split(command)[2] == str(tmp_path / "a run's.csv")


def test_mistakes_are_named(tmp_path):
    subject = pages.images(tmp_path / "run")
    with pytest.raises(ValueError, match=r"path must end in .html, got .*page.pdf"):
        write_report(subject, tmp_path / "page.pdf")
    with pytest.raises(ValueError, match="a folder that exists, got"):
        write_report(subject, tmp_path / "none" / "page.html")
    assert list((tmp_path / "run").iterdir()) == []


def test_pictures_keep_every_pixel_and_nothing_between_them():
    x = torch.rand(4, 1, 5, 7, generator=torch.Generator().manual_seed(0))
    source = re.search(r"base64,([^\"]+)", picture(x, 2, "four", between=(0.0, 1.0))).group(1)
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(source))))
    assert pixels.shape == (11, 15, 4)
    np.testing.assert_array_equal(pixels[6:, 8:, 0], (255 * x[3, 0]).round().numpy())
    assert (pixels[5, :, 3] == 0).all()
    assert (pixels[:, 7, 3] == 0).all()
    assert (pixels[:5, :7, 3] == 255).all()


def test_marks_of_a_chart_stand_where_their_values_are():
    chart = Chart((0, 10), (-1, 1))
    chart.dots([0, 5, 10], [-1, 0, 1], "model")
    places = re.findall(r"M([\d.]+) ([\d.]+)h0", chart.svg("<three>"))
    x, y = np.array(places, float).T
    np.testing.assert_allclose(x, [46, 197, 348])
    np.testing.assert_allclose(y, [190, 100, 10])
    assert 'aria-label="&lt;three&gt;"' in chart.svg("<three>")
