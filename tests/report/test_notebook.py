"""Runs, data and evaluations in a notebook: the facts are there, and no text of a run becomes markup."""

import re

import torch

import vaekit as vk
from vaekit.evaluation import evaluate
from vaekit.report.notebook import run_as_html

RECORD = {
    "recipe": "vae",
    "spec": {"name": "faces<script>", "shape": [3, 64, 64], "domain": "levels"},
    "objective": "Distortion() + 4 * Rate()",
    "parameters": 1234567,
    "status": "finished",
    "reason": "a & b",
}
ROWS = [{"epoch": 1, "step": 9, "valid/loss": 90.126}, {"epoch": 2, "step": 18, "valid/loss": 95.5}]


def test_a_run_shows_what_it_is_and_its_last_and_best_loss():
    shown = run_as_html(RECORD, ROWS)
    for fact in ("vae", "3×64×64 levels", "Distortion() + 4 * Rate()", "1,234,567", "95.50 nats/example, best 90.13"):
        assert fact in shown


def test_no_text_of_a_run_becomes_markup():
    shown = run_as_html(RECORD, ROWS)
    assert "<script>" not in shown
    assert "faces&lt;script&gt;" in shown
    assert "finished (a &amp; b)" in shown


def test_a_run_that_has_only_begun_has_no_figures():
    assert "epochs" not in run_as_html({**RECORD, "recipe": None}, [])
    assert "composed by hand" in run_as_html({**RECORD, "recipe": None}, [])


def test_an_evaluation_shows_the_figures_of_its_table():
    digits = vk.data.open("digits", binarise="fixed", limit=100)
    with torch.random.fork_rng([]):
        model = vk.VAE(vk.StandardNormal(2), vk.Gaussian(vk.MLP(64, 4), 2), vk.Bernoulli(vk.MLP(2, 4), (1, 8, 8)))
    figures = evaluate(model, digits.test, digits.spec, samples=2)
    shown = figures._repr_html_()
    cells = re.findall("<td>(.*?)</td>", shown)
    assert str(figures.elbo) in cells
    assert {"nats/example", "ELBO"} <= set(cells)


def test_data_show_what_was_decided_about_them():
    digits = vk.data.open("digits", limit=100)
    shown = digits._repr_html_()
    assert all(f"{name}</th>" in shown for name in digits.decisions())
