import pytest
import torch
from report.pages import subject

from vaekit.conditionals import Bernoulli, Gaussian
from vaekit.models import VAE, Direct
from vaekit.networks import MLP, Elements, quadrants
from vaekit.report.completing import HIDDEN, completed, completions, in_rows
from vaekit.report.page import write_report
from vaekit.report.pictures import pictures_of
from vaekit.report.views import looked

MASK = quadrants((1, 8, 8), 1)


@pytest.fixture
def completing():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        prior, encoder = Gaussian(MLP(16, 8), 3), Gaussian(MLP(64, 8), 3)
        likelihood = Bernoulli(MLP((3, (16,)), 8), (1, 8, 8))
        return VAE(prior, encoder, likelihood, context=Elements(MASK), observed=MASK)


def generator():
    return torch.Generator().manual_seed(0)


def test_a_row_is_what_was_observed_then_completions_then_the_truth():
    x, made = torch.rand(2, 1, 8, 8, generator=generator()), torch.rand(2, 5, 1, 8, 8, generator=generator())
    rows = in_rows(x, made, MASK)
    assert rows.shape == (2, 7, 3, 8, 8)
    grey = (255 * x).round() / 255
    assert torch.allclose(rows[:, -1], grey.expand(2, 3, 8, 8))
    assert torch.allclose(rows[:, 0, :, MASK[0]], grey.expand(2, 3, 8, 8)[..., MASK[0]])
    assert torch.allclose(rows[:, 0, :, ~MASK[0]], torch.tensor(HIDDEN)[:, None])
    assert torch.allclose(rows[:, 1:-1], ((255 * made).round() / 255).expand(2, 5, 3, 8, 8))


def test_the_figure_is_as_wide_as_its_tiles():
    x, made = torch.zeros(2, 1, 8, 8), torch.zeros(2, 3, 1, 8, 8)
    figure = completions(x, made, MASK)
    wide, _ = figure.get_size_inches() * figure.dpi
    assert wide == pytest.approx(5 * 64 + 2 * 3 + 2 * 24 + 2 * 20)
    assert {text.get_text() for text in figure.texts} == {"observed", "completions", "truth"}


def test_completions_of_other_examples_are_refused():
    with pytest.raises(ValueError, match=r"made must hold completions .* \(2, 1, 8, 8\), got \(3, 4, 1, 8, 8\)"):
        completions(torch.zeros(2, 1, 8, 8), torch.zeros(3, 4, 1, 8, 8), MASK)


def test_the_page_of_a_model_that_completes_has_a_section_for_it_and_all_the_others(completing, digits, tmp_path):
    page = write_report(subject(tmp_path / "run", completing, digits), tmp_path / "page.html").read_text()
    for key in ("completions", "reconstructions", "samples", "interpolation", "traversals"):
        assert f'id="{key}"' in page
    assert "Where completions differ" in page


def test_other_models_have_no_such_section(model, digits, tmp_path):
    with torch.no_grad(), torch.random.fork_rng():
        shown = subject(tmp_path / "run", model, digits)
        assert completed(shown, looked(shown, 0)) is None


def test_the_run_s_own_pictures_show_samples_of_a_model_that_completes(completing, digits):
    assert "samples" in pictures_of(completing, digits, [])


def test_a_model_without_a_latent_has_pictures_and_a_page(digits, tmp_path):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = Direct(Bernoulli(MLP(16, 8), (1, 8, 8)), context=Elements(MASK), observed=MASK)
    assert {"reconstructions", "samples"} <= set(pictures_of(model, digits, []))
    page = write_report(subject(tmp_path / "run", model, digits), tmp_path / "page.html").read_text()
    assert 'id="completions"' in page
    assert 'id="traversals"' not in page
