"""Pages and pictures of models with several latents."""

import re

import numpy as np
import pytest
import torch
from models.small_hierarchy import by_hand, hierarchy
from report import pages
from report.pages import Page
from torch import nn
from torch.distributions import Categorical
from torch.testing import assert_close

import vaekit as vk
import vaekit.data
from vaekit.report import curves, draw_pictures, kl_per_level, level_by_level, write_comparison, write_report
from vaekit.report import views as views_of
from vaekit.report.charts import course_of_several
from vaekit.report.curves import as_table, together
from vaekit.report.exploring import made_of
from vaekit.report.grids import as_pixels
from vaekit.report.pictures import own_generators
from vaekit.report.style import number
from vaekit.report.views import looked


def told(names, epochs=6):
    return [
        {
            "epoch": epoch,
            "valid/loss": 90.0 - epoch,
            "valid/rate": 5.0,
            **{f"valid/rate:{name}": 0.1 * i * epoch for i, name in enumerate(names)},
            **{f"valid/active:{name}": i for i, name in enumerate(names)},
        }
        for epoch in range(1, epochs + 1)
    ]


def of_levels(folder, *sizes):
    data = vaekit.data.open("digits", limit=200, binarise="fixed")
    rows = told([f"z{i + 1}" for i in range(len(sizes))])
    return pages.subject(folder, hierarchy(*sizes), data, recipe=None, rows=rows)


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    return of_levels(tmp_path_factory.mktemp("three") / "run", 2, 3, 4)


@pytest.fixture(scope="module")
def page(three):
    return Page(write_report(three).read_text())


def test_a_page_shows_what_each_latent_tells_and_adds(page):
    assert [
        key
        for key in page.ids
        if key not in ("verdict", "numbers", "curves", "reconstructions", "samples", "next", "run")
    ] == ["levels", "by-level", "dimensions", "codes", "interpolation", "traversals", "holes"]
    columns = [image["alt"] for image in page.images if image["alt"] in ("original", "z1", "to z2", "all")]
    assert columns == ["original", "z1", "to z2", "all"]
    assert "All latents go together" in page.text


def test_a_page_tells_the_size_of_every_part(page, three):
    counts = vk.parameter_counts(three.model)
    levels = sum(count for name, count in counts.items() if name.startswith("levels."))
    assert f"levels (3) {levels:,}" in page.text


def test_one_latent_is_moved_beside_the_examples_other_codes(three):
    with torch.no_grad(), own_generators(three.model, 0):
        views = looked(three, 0)
        z = views.codes[:4]
        made = made_of(three, views, z, 2)
    others = {name: codes[2].expand(4, -1) for name, codes in views.all_codes.items() if name != views.latent}
    assert len(others) == 2
    assert_close(made, by_hand(three.model, None, {**others, views.latent: z}, 4)[0])


def test_codes_of_the_first_examples_are_there_however_few_are_walked_at_once(three, monkeypatch):
    monkeypatch.setattr(views_of, "AT_ONCE", 5 * 64)
    with torch.no_grad(), own_generators(three.model, 0):
        views = looked(three, 0)
    assert {name: codes.shape for name, codes in views.all_codes.items()} == {
        "z1": (12, 2),
        "z2": (12, 3),
        "z3": (12, 4),
    }
    assert_close(views.all_codes[views.latent], views.codes[:12])


def test_the_columns_are_what_the_first_latents_make_of_the_examples():
    x = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    made = {n: torch.full_like(x, n / 4) for n in (1, 2, 3)}
    figure = level_by_level(x, made, ["z1", "z2", "z3"])
    shown = figure.axes[0].images[0].get_array()
    from_the_right = [int(shown[2, -2 - k * 67, 0]) for k in (2, 1, 0)]  # tiles of 64 pixels, 3 apart
    assert from_the_right == [round(255 * n / 4) for n in (1, 2, 3)]
    assert shown[0, 0, 0] == as_pixels(x)[0, 0, 0, 0]
    assert [text.get_text() for text in figure.texts] == ["original", "z1", "to z2", "all"]


def test_a_run_of_several_latents_has_one_picture_of_their_rates_and_one_of_what_they_add(three, tmp_path):
    paths = draw_pictures(three.model, three.data, [], tmp_path)
    assert [path.name for path in paths] == ["reconstructions.png", "samples.png", "levels.png", "kl.png"]


def test_the_bars_are_the_rates_in_order_with_their_active_dimensions():
    figure = kl_per_level({"z1": 0.0, "z2": 3.0}, {"z1": (0, 4), "z2": (2, 8)})
    axes = figure.axes[0]
    assert [bar.get_height() for bar in axes.patches] == [0.0, 3.0]
    assert [text.get_text() for text in axes.texts] == ["0 of 4", "2 of 8"]
    assert axes.get_title(loc="left") == "3 nats in 2 latents, 2 of 12 dimensions active"


@pytest.mark.parametrize("many", [2, 5, 40])
def test_curves_of_single_latents_share_a_panel(many):
    names = [f"z{i}" for i in range(1, many + 1)]
    figure = curves(told(names))
    titles = [axes.get_title(loc="left") for axes in figure.axes if axes.has_data()]
    assert titles == ["loss", "rate", "rate by latent", "active dimensions by latent"]
    assert [len(axes.lines) for axes in figure.axes if axes.has_data()][2:] == [many, many]
    table = as_table(told(names))
    chart, caption = course_of_several(table, [f"rate:{name}" for name in names], 0)
    assert chart.count('class="line c') + chart.count('class="line s') == many
    assert ("z2" in caption) is (many <= 10)


def test_lines_that_end_near_each_other_share_a_label():
    assert together({"z1": 0.0, "z2": 0.1, "z3": 5.0, "z4": 10.0}) == {"z1, z2": 0.0, "z3": 5.0, "z4": 10.0}


def test_a_page_of_forty_latents_stays_short_enough_to_read(tmp_path):
    subject = of_levels(tmp_path / "run", *[2] * 40)
    html = write_report(subject).read_text()
    page = Page(html)
    assert len(re.findall("rate of z", page.text)) <= 14
    assert (
        sum(image["alt"] in ("original", "z1", "all") or image["alt"].startswith("to z") for image in page.images) == 9
    )
    assert len(html) < 2e6


def test_runs_of_several_latents_are_compared_latent_by_latent(three, tmp_path):
    other = of_levels(tmp_path / "deeper", *[2] * 14)
    html = write_comparison([three, other], tmp_path / "comparison.html").read_text()
    page = Page(html)
    assert "levels" in page.ids
    rates = ", ".join(number(figure.value) for figure in three.evaluation.rates.values())
    assert f"run: {rates}; deeper: " in html
    assert "active dimensions of z1" not in page.text
    assert "active units of z1" not in page.text


class Kind(vk.Model):
    """x of one of three kinds; nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.kind, self.decoder = nn.Linear(64, 3), vk.Bernoulli(vk.MLP(3), (1, 8, 8))

    def evidence(self, data, context):
        return data["x"]

    def walk(self, walk) -> None:
        prior = Categorical(logits=torch.zeros(3))
        y = walk.latent("y", prior, lambda: Categorical(logits=self.kind(walk.evidence.flatten(1))))
        walk.likelihood("x", self.decoder(nn.functional.one_hot(y, 3).float(), leading=walk.leading))


def test_a_model_of_discrete_latents_alone_has_a_page(tmp_path):
    data = vaekit.data.open("digits", limit=200, binarise="fixed")
    page = Page(write_report(pages.subject(tmp_path / "run", pages.seeded(Kind), data, recipe=None)).read_text())
    assert {"reconstructions", "samples"} <= set(page.ids)
    assert not {"codes", "traversals", "holes", "dimensions", "by-level"} & set(page.ids)


def test_events_of_four_axes_have_a_page(tmp_path):
    def make():
        decoder = vk.Gaussian(vk.MLP(2, 8), (3, 1, 4, 4), scale=vk.Shared())
        return vk.VAE(vk.StandardNormal(2), vk.Gaussian(vk.MLP(48, 8), 2), decoder)

    data = vaekit.data.open(np.random.default_rng(0).normal(size=(60, 3, 1, 4, 4)))
    page = Page(write_report(pages.subject(tmp_path / "run", pages.seeded(make), data, latent=2)).read_text())
    assert "numbers" in page.ids
    assert "Not shown: " in page.text
