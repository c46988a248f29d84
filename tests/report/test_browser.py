"""Pages in a real headless Chromium: what a reader sees on a screen, in the dark, on a phone and on paper."""

import time
from pathlib import Path

import pytest
from report import pages

import vaekit.data
from vaekit.report import Subject, write_comparison, write_report
from vaekit.runs import train
from vaekit.training.progress import Silent

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.is_file(), reason=f"there is no browser at {CHROMIUM}"),
]

COLOURS = """() => {
  const seen = [];
  const grounds = element => {
    for (let e = element; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor;
      if (colour !== 'rgba(0, 0, 0, 0)') return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  for (const e of document.querySelectorAll('h1, h2, h3, p, a, th, td, figcaption, code, svg text')) {
    if (!e.textContent.trim() || !e.getClientRects().length) continue;
    const style = getComputedStyle(e);
    const what = e.tagName + ': ' + e.textContent.trim().slice(0, 40);
    seen.push([e instanceof SVGElement ? style.fill : style.color, grounds(e), what]);
  }
  return seen;
}"""
SMALLEST = "() => Math.min(...[...document.querySelectorAll('svg text')].map(t => t.getBoundingClientRect().height))"
IMAGES = "() => [...document.images].map(image => [image.complete, image.naturalWidth])"


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def subject(tmp_path_factory):
    """Two epochs of digits, trained."""
    folder = tmp_path_factory.mktemp("runs") / "digits"
    data = vaekit.data.open("digits", limit=400)
    run = train("vae", data, folder=folder, arguments={"latent": 2, "hidden": (32,)}, epochs=2, report=Silent())
    return Subject(folder, run.model, data, run.record, run.metrics, run.evaluate(samples=5))


@pytest.fixture(scope="module")
def written(subject, tmp_path_factory):
    """A page of each kind."""
    made = tmp_path_factory.mktemp("made")
    other = pages.images(made / "other")
    return {
        "run": write_report(subject),
        "labels": write_report(pages.of_labels(made / "labels")),
        "table": write_report(pages.table(made / "table")),
        "autoencoder": write_report(pages.autoencoder(made / "autoencoder")),
        "series": write_report(pages.vectors(made / "series", 100)),
        "comparison": write_comparison([subject, other], made / "comparison.html"),
    }


@pytest.fixture
def show(browser):
    """Open a page in a window of its own; what it says and asks for is kept, and must be nothing."""
    contexts, said, asked = [], [], []

    def opened(path, wide=1200, **options):
        context = browser.new_context(viewport={"width": wide, "height": 844}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri(), wait_until="load")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert said == []
    assert all(url.startswith(("file://", "data:")) for url in asked)
    assert len([url for url in asked if url.startswith("file://")]) == len(contexts)


def luminance(colour):
    """Relative luminance of "rgb(r, g, b)"; WCAG 2.1."""
    parts = [float(part) / 255 for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    """From 1 to 21; WCAG 2.1."""
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


KINDS = ["run", "labels", "table", "autoencoder", "series", "comparison"]


def test_contrast_is_that_of_the_standard():
    assert contrast("rgb(0, 0, 0)", "rgb(255, 255, 255)") == pytest.approx(21)
    assert contrast("rgb(119, 119, 119)", "rgb(255, 255, 255)") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_opens_quickly_and_shows_every_image(written, show, kind):
    started = time.perf_counter()
    page = show(written[kind])
    assert time.perf_counter() - started < 2
    assert all(complete and wide > 0 for complete, wide in page.evaluate(IMAGES))
    assert page.locator("svg.chart").count() > 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_phone_need_not_scroll_sideways_and_charts_can_be_read(written, show, kind):
    page = show(written[kind], wide=390)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate(SMALLEST) >= 11


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", KINDS)
def test_all_text_stands_out_in_light_and_in_dark(written, show, kind, scheme):
    page = show(written[kind], color_scheme=scheme)
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (luminance(ground) < 0.05) is (scheme == "dark")
    pale = [(what, contrast(ink, paper)) for ink, paper, what in page.evaluate(COLOURS)]
    assert len(pale) > 30
    assert [(what, ratio) for what, ratio in pale if ratio < 4.5] == []


@pytest.mark.parametrize("kind", KINDS)
def test_paper_is_white_whatever_the_screen_is(written, show, kind, tmp_path):
    page = show(written[kind], color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert min(contrast(ink, paper) for ink, paper, _ in page.evaluate(COLOURS)) >= 4.5
    assert page.pdf(format="A4", print_background=True).startswith(b"%PDF")
    assert page.evaluate("getComputedStyle(document.querySelector('figure')).breakInside") == "avoid"


def test_every_link_leads_to_a_section(written, show):
    page = show(written["run"])
    assert page.locator("nav a").count() >= 10
    assert page.evaluate("[...document.querySelectorAll('nav a')].every(a => document.querySelector(a.hash))")
