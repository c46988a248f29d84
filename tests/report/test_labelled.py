"""The section of labels: every count of the matrix, the surest mistakes, and a strip for each label."""

import re

import pytest
import torch
from report.pages import seeded, subject

import vaekit.data
from vaekit.evaluation import classified
from vaekit.recipes import recipe
from vaekit.report.labelled import commonest, labelled
from vaekit.report.page import write_report
from vaekit.report.views import looked

DATA = vaekit.data.open("digits", limit=300, binarise="fixed", labels_per_class=2)


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    def make():
        return recipe("m2")(DATA.spec, hidden=(8,), latent=2).model.eval()

    return subject(tmp_path_factory.mktemp("m2"), seeded(make), DATA, "m2")


@pytest.fixture
def section(shown):
    with torch.random.fork_rng(), torch.no_grad():
        return labelled(shown, looked(shown, 0))


def test_the_matrix_holds_every_count_of_held_out_examples(shown, section):
    html = str(section.exhibits[0].html)
    cells = [re.sub("<.*?>", "", cell) for cell in re.findall("<td.*?</td>", html)]
    counts = [0 if cell == "·" else int(cell) for cell in cells]
    assert counts == classified(shown.model, DATA.test).confusion().flatten().tolist()
    assert sum(counts) == len(DATA.test)


def test_the_surest_mistakes_say_what_was_taken_for_what(section):
    said = [exhibit.caption for exhibit in section.exhibits if "taken for" in exhibit.caption]
    assert len(said) == 12
    sure = [int(re.search(r"\((\d+) %\)", caption)[1]) for caption in said]
    assert sure == sorted(sure, reverse=True)
    assert all(re.match(r"(\d), taken for (?!\1)\d", caption) for caption in said)


def test_every_label_has_samples_of_its_own(section):
    assert [exhibit.caption for exhibit in section.exhibits[-10:]] == [str(label) for label in range(10)]
    assert len({str(exhibit.html).split("alt=")[0] for exhibit in section.exhibits[-10:]}) == 10


def test_the_page_has_the_section_and_the_error(shown, tmp_path):
    html = write_report(shown, tmp_path / "r.html").read_text()
    assert "Which label it gives" in html
    assert "classification error" in html


def test_a_model_without_a_label_has_no_such_section(tmp_path):
    plain = subject(tmp_path / "v", seeded(lambda: recipe("vae")(DATA.spec, hidden=(8,), latent=2).model), DATA)
    with torch.random.fork_rng(), torch.no_grad():
        assert labelled(plain, looked(plain, 0)) is None


def test_of_many_labels_the_commonest_mistakes_are_listed():
    confusion = torch.zeros(13, 13, dtype=torch.long)
    confusion[2, 7], confusion[7, 2], confusion[3, 3] = 4, 9, 50
    names = [f"n{i}" for i in range(13)]
    assert commonest(confusion, names) == [("n7", "n2", "9"), ("n2", "n7", "4")]
