import re

import pytest
from report import pages
from report.pages import Page

from vaekit.evaluation import Figure
from vaekit.report import write_comparison
from vaekit.report.comparison import best_of, distinct


def compared(subjects, tmp_path):
    html = write_comparison(subjects, tmp_path / "comparison.html").read_text()
    assert "http://" not in html
    assert "https://" not in html
    return Page(html)


def test_runs_are_compared_in_numbers_curves_pictures_and_samples(tmp_path, rows):
    runs = [pages.images(tmp_path / "a", 3, rows), pages.images(tmp_path / "b", 2, rows[:9])]
    page = compared(runs, tmp_path)
    assert page.ids == ["numbers", "rate-distortion", "curves", "reconstructions", "samples", "run"]
    assert {"12 examples: original", "12 examples: a", "12 examples: b"} <= {image["alt"] for image in page.images}
    assert str(runs[1].evaluation.elbo) in page.text
    assert "Careful" not in page.text


def test_runs_without_a_prior_and_with_a_context_stand_beside_others(tmp_path):
    runs = [pages.images(tmp_path / "a"), pages.of_labels(tmp_path / "b"), pages.autoencoder(tmp_path / "c")]
    page = compared(runs, tmp_path)
    assert "c has no prior to draw from." in page.text
    assert "c has no rate." in page.text
    assert "12 examples: b" in {image["alt"] for image in page.images}


def test_a_table_is_compared_column_by_column(tmp_path):
    page = compared([pages.table(tmp_path / "a"), pages.table(tmp_path / "b")], tmp_path)
    assert re.search(r"column a b height [\d.]+ [\d.]+ <b>weight</b>", page.text)
    assert "not opened on the same data (they differ in source)" in page.text


@pytest.mark.parametrize("size", [2, 100])
def test_points_and_series_are_compared(tmp_path, size):
    runs = [pages.vectors(tmp_path / name, size) for name in "ab"]
    assert "reconstructions" in compared(runs, tmp_path).ids


def figures(*pairs):
    return {f"run {i}": Figure(value, "nats", "", error) for i, (value, error) in enumerate(pairs)}


def test_the_best_is_one_that_two_standard_errors_set_apart_from_all():
    assert best_of(figures((-90, 0.3), (-91.5, 0.4), (-93, 0.3)), "ELBO") == "run 0"
    assert best_of(figures((-90, 0.3), (-90.9, 0.4), (-93, 0.3)), "ELBO") is None
    assert best_of(figures((1.5, 0.01), (1.4, 0.01)), "bits/dim") == "run 1"
    assert best_of(figures((1.5, 0.01), (1.4, 0.01)), "distortion") is None


def test_folders_of_one_name_are_told_apart(tmp_path):
    runs = [pages.vectors(tmp_path / "a" / "run", 2), pages.vectors(tmp_path / "b" / "run", 2)]
    assert distinct(runs) == [str(tmp_path / "a" / "run"), str(tmp_path / "b" / "run")]
    assert distinct([runs[0], runs[0]])[1].endswith("run (2)")


def test_mistakes_are_named(tmp_path):
    one, other = pages.vectors(tmp_path / "a", 2), pages.images(tmp_path / "b")
    with pytest.raises(ValueError, match="at least two runs, got 1"):
        write_comparison([one], tmp_path / "page.html")
    with pytest.raises(ValueError, match=r"of one shape, got \(1, 8, 8\) and \(2,\)"):
        write_comparison([one, other], tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()
