"""A prior fitted to the codes of a finished run: it is kept with it, generates, and prices its codes."""

import json
import math
import shutil

import pytest
import torch
from torch.testing import assert_close

import vaekit as vk
from vaekit.cli.main import main
from vaekit.evaluation import bound
from vaekit.runs.keeping import checksum

SMALL = {"codes": 16, "latent": 8, "channels": (8,)}
TINY = {
    "transformer": {"width": 16, "blocks": 1},
    "pixelcnn": {"width": 8, "layers": 2},
    "maskgit": {"width": 16, "blocks": 1},
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A VQ-VAE of the digits, trained for a moment."""
    torch.set_default_dtype(torch.float32)
    place = tmp_path_factory.mktemp("runs") / "vq"
    vk.train("vq-vae", vk.data.open("digits"), folder=place, arguments=SMALL, steps=60, report=vk.Silent())
    return place


@pytest.fixture
def run(trained, tmp_path):
    """A copy of it."""
    shutil.copytree(trained, tmp_path / "vq")
    return vk.load(tmp_path / "vq")


def fit(run, name="transformer", **options):
    vk.fit_prior(run, name, arguments=TINY[name], steps=40, report=vk.Silent(), **options)


def test_without_one_it_does_not_generate(run):
    with pytest.raises(ValueError, match=r"no prior is fitted to the codes of z yet.*vaekit fit-prior"):
        run.sample(2)
    assert "samples" not in run.plots()
    assert not (run.path / "samples.png").exists()


@pytest.mark.parametrize("name", TINY)
def test_with_one_it_generates_and_its_rate_is_the_length_of_the_codes(run, name):
    uniform = bound(run.model, run.data.test).rate.mean
    assert_close(uniform, 16 * math.log(16), atol=1e-4, rtol=0)
    fit(run, name)
    codes = run.tokenize(run.data.test)["z"]
    figures = bound(run.model, run.data.test)
    torch.manual_seed(0)
    with torch.no_grad():
        lengths = -run.model.prior.codes().log_prob(codes)
    if name != "maskgit":
        assert_close(figures.rate.values, lengths.double(), atol=1e-3, rtol=1e-5)
    assert figures.rate.mean < uniform
    assert figures.bounded == ({"z"} if name == "maskgit" else set())
    again = vk.load(run.path)
    assert run.sample(5, seed=3).shape == (5, 1, 8, 8)
    assert_close(again.sample(5, seed=3), run.sample(5, seed=3))
    assert (run.path / "samples.png").exists()
    said = run.evaluate(samples=1).rate.what
    assert said == f"-log p(code) under the prior, {'an estimate of an upper bound' if name == 'maskgit' else 'exact'}"


def test_what_is_drawn_can_be_cooled_and_cut(run):
    fit(run)
    greedy = run.sample(6, top_k=1)
    assert_close(greedy, greedy[:1].expand(6, 1, 8, 8))
    assert len(run.sample(6).unique(dim=0)) > 1
    assert_close(run.sample(4, temperature=1e-4), greedy[:4])
    assert run.sample(4, top_p=0.5).shape == (4, 1, 8, 8)
    with pytest.raises(ValueError, match="temperature of z must be above 0, as codes have no mean"):
        run.sample(4, temperature=0.0)
    with pytest.raises(ValueError, match="top_k must be a whole number of at least 1"):
        run.sample(4, top_k=0)


def test_labels_can_choose_what_is_generated(run):
    fit(run, on_labels=True)
    again = vk.load(run.path)
    assert again.on_labels
    assert again.sample(3, label=7).shape == (3, 1, 8, 8)
    assert again.sample(10).shape == (10, 1, 8, 8)
    assert not torch.equal(again.sample(8, label=1, seed=1), again.sample(8, label=2, seed=1))
    assert again.evaluate(samples=1).rate is not None
    assert again.reconstruct(again.data.test.first(3)).shape == (3, 1, 8, 8)
    tokens = again.tokenize(again.data.test.first(3))
    assert again.detokenize(tokens).shape == (3, 1, 8, 8)


def test_one_is_not_replaced_unless_that_is_said(run):
    fit(run)
    with pytest.raises(ValueError, match="has a prior already"):
        fit(run)
    fit(run, "pixelcnn", again=True)
    assert json.loads((run.path / "prior" / "z" / "run.json").read_text())["prior"]["prior"] == "pixelcnn"


def test_one_by_label_can_be_replaced_by_one_without(run):
    fit(run, on_labels=True)
    fit(vk.load(run.path), again=True)
    plain = vk.load(run.path)
    assert not plain.on_labels
    assert plain.sample(3).shape == (3, 1, 8, 8)
    with pytest.raises(ValueError, match="not conditioned on labels"):
        plain.sample(3, label=1)
    fit(plain, on_labels=True, again=True)
    labelled = vk.load(run.path)
    assert labelled.data.spec.context == ()
    assert labelled.sample(3, label=1).shape == (3, 1, 8, 8)
    fit(labelled, again=True)
    assert labelled.data.spec.context is None
    assert labelled.sample(3).shape == (3, 1, 8, 8)


def test_one_of_other_weights_is_not_taken(run):
    fit(run)
    first = checksum(run.path / "best.safetensors")
    vk.resume(run.path, epochs=len(run.metrics) + 3, report=vk.Silent())
    assert checksum(run.path / "best.safetensors") != first
    changed = vk.load(run.path)
    with pytest.raises(ValueError, match="no prior is fitted"):
        changed.sample(2)
    fit(changed)  # as that sentence says, and no more is to be said
    assert vk.load(run.path).sample(2).shape == (2, 1, 8, 8)


def test_what_was_stopped_is_gone_on_with(run):
    class Stop(vk.Callback):
        def on_step(self, trainer, step, loss):
            if step == 15:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(run, callbacks=[Stop()])
    record = run.path / "prior" / "z" / "run.json"
    assert json.loads(record.read_text())["status"] == "interrupted"
    assert vk.load(run.path).record["recipe"] == "vq-vae"  # half a prior does not stand in the way
    fit(run)
    assert json.loads(record.read_text())["status"] == "finished"
    assert run.sample(2).shape == (2, 1, 8, 8)


def test_of_several_latents_those_that_are_done_are_not_done_again(tmp_path):
    arguments = {"codes": 8, "latent": 4, "channels": (4,)}
    run = vk.train(
        "vq-vae-2", vk.data.open("digits"), folder=tmp_path / "v", arguments=arguments, steps=20, report=vk.Silent()
    )

    class Stop(vk.Callback):
        def on_step(self, trainer, step, loss):
            if step == 15 and trainer.checkpoints.folder.parent.name == "z2":
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(run, callbacks=[Stop()])
    first = run.path / "prior" / "z1" / "best.safetensors"
    written = first.stat().st_mtime_ns
    fit(run)
    assert first.stat().st_mtime_ns == written
    assert run.sample(2).shape == (2, 1, 8, 8)


def test_a_run_without_codes_is_refused(tmp_path):
    run = vk.train("vae", vk.data.open("digits"), folder=tmp_path / "v", steps=5, report=vk.Silent())
    with pytest.raises(ValueError, match="the prior transformer is over codes, z is of real numbers"):
        vk.fit_prior(run)


def test_the_record_of_a_prior_is_not_believed(run):
    fit(run)
    record = run.path / "prior" / "z" / "run.json"
    kept = json.loads(record.read_text())
    for change, said in (
        ({"prior": "none-such"}, "there is no prior 'none-such'"),
        ({"arguments": {"width": "wide"}}, "width must be"),
        ({"latent": {"name": "z", "event_shape": [8, 4, 4], "sizes": [10**9], "context": None}}, "sizes must be"),
        (
            {"latent": {"name": "z", "event_shape": [8, 4, 4], "sizes": [17], "context": None}},
            "weights are of another model",
        ),
        ({"of": 3}, "of of prior must be a string"),
    ):
        record.write_text(json.dumps(kept | {"prior": kept["prior"] | change}))
        with pytest.raises(ValueError, match=said):
            vk.load(run.path)


def test_from_the_command_line(run, capsys):
    main(
        [
            "fit-prior",
            str(run.path),
            "--prior",
            "pixelcnn",
            "--width",
            "8",
            "--layers",
            "2",
            "--steps",
            "20",
            "--json",
            "--no-report",
        ]
    )
    said = json.loads(capsys.readouterr().out)
    assert said["prior"] == "pixelcnn"
    main(["sample", str(run.path), "-n", "4", "--top-k", "3", "-o", str(run.path / "drawn.npy")])
    assert (run.path / "drawn.npy").exists()
    with pytest.raises(SystemExit):
        main(["fit-prior", str(run.path), "--prior", "flow"])
    with pytest.raises(SystemExit):
        main(["sample", str(run.path), "--temperature", "0"])
    assert "no mean" in capsys.readouterr().err


def test_the_page_tells_of_the_prior_and_of_the_codes(run):
    fit(run)
    page = run.report().read_text()
    assert "prior of z" in page
    assert "transformer with width 16, blocks 1" in page
    assert "Which codes it uses" in page
    assert "codes come up" in page
    assert 'id="samples"' in page
