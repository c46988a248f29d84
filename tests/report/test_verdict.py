import shlex
from dataclasses import replace

import numpy as np
import pytest
import torch

from vaekit.cli.main import main
from vaekit.data import DataSpec, Domain
from vaekit.evaluation import LatentUse
from vaekit.recipes import recipe
from vaekit.report import Evidence, verdict
from vaekit.report.commands import repeats, trains
from vaekit.report.findings import Weight
from vaekit.runs import load
from vaekit.training import Plan

GREY = DataSpec("pictures", (1, 8, 8), Domain.LEVELS, levels=256)


def record(name="vae", status="finished", plan=None, **arguments):
    source = {"source": "my pictures.npy", "folder": None, "valid": 100, "seed": 0, "on_labels": False}
    given = {} if name is None else recipe(name).arguments(arguments)
    return {"recipe": name, "arguments": given, "data": source, "plan": (plan or Plan()).to_dict(), "status": status}


def use(*rates, variance=0.5):
    rate = torch.tensor(rates)
    return {"z": LatentUse(torch.where(rate > 0.02, variance, 0.0), rate)}


def losses(valid, train=None):
    train = valid if train is None else train
    return [
        {"epoch": i + 1, "train/loss": t, "valid/loss": v} for i, (v, t) in enumerate(zip(valid, train, strict=True))
    ]


LEVEL = 90 + 60 * np.exp(-np.arange(60) / 4)  # falls fast, then stays
HEALTHY = Evidence(
    path="runs/a run",
    record=record(),
    rows=losses(LEVEL + 0.2 * np.sin(np.arange(60)), LEVEL - 1 - 0.01 * np.arange(60)),
    spec=GREY,
    examples=50_000,
    latents=use(*[1.2] * 12, *[0.01] * 4),
    distortion=80.0,
    rate=14.4,
    family="DiscretisedLogistic",
    auc=0.62,
    auc_error=0.01,
    explained=0.8,
)
SICK = {
    "unfinished": {"record": record(status="interrupted")},
    "broken": {"record": {**record(status="broken"), "reason": "the loss is NaN in step 7"}},
    "collapsed": {"latents": use(*[0.001] * 16), "rate": 0.016},
    "alike": {"explained": 0.03},
    "overfitting": {"rows": losses(LEVEL + 0.5 * np.maximum(0, np.arange(60) - 20), LEVEL - 0.3 * np.arange(60))},
    "memorising": {"rows": losses(LEVEL, LEVEL - np.linspace(0, 30, 60))},
    "rough": {"explained": 0.3},
    "holes": {"auc": 0.85},
    "improving": {"rows": losses(150 - np.arange(60.0))},
    "blurry": {"family": "Normal"},
    "oversized": {"latents": use(*[1.2] * 4, *[0.01] * 12)},
    "cramped": {"latents": use(*[2.5] * 16)},
    "thin": {"latents": use(*[0.1] * 12, *[0.01] * 4), "rate": 1.24},
    "few": {"examples": 400},
}


def kinds(evidence):
    return [finding.kind for finding in verdict(evidence)]


def test_a_healthy_run_is_said_to_be_fine_and_nothing_else():
    assert kinds(HEALTHY) == ["fine"]


@pytest.mark.parametrize("kind", SICK)
def test_each_finding_is_found_where_it_belongs_and_alone(kind):
    found = [finding for finding in verdict(replace(HEALTHY, **SICK[kind])) if finding.weight is not Weight.FINE]
    assert [finding.kind for finding in found] == [kind]
    assert found[0].headline.endswith(".")
    assert found[0].explanation
    assert found[0].suggestion


def test_good_news_comes_first_and_is_left_out_where_there_is_bad():
    assert kinds(replace(HEALTHY, examples=400, family="Normal"))[0] == "fine"
    found = verdict(replace(HEALTHY, examples=400, **SICK["collapsed"]))
    assert [finding.kind for finding in found] == ["collapsed", "few"]


@pytest.mark.parametrize(
    "name", ["vae", "conv-vae", "beta-vae", "iwae", "cvae", "annealed-vae", "annealed-capacity-vae"]
)
@pytest.mark.parametrize("kind", SICK)
def test_commands_name_only_options_that_their_recipe_has(name, kind):
    sick = SICK[kind].get("record", {})
    changed = {**SICK[kind], "record": {**record(name), "status": sick.get("status", "finished")}}
    finding = next(f for f in verdict(replace(HEALTHY, **changed)) if f.kind == kind)
    words = shlex.split(finding.command)
    if "--recipe" not in words:
        assert not words or words[:3] == ["vaekit", "resume", "runs/a run"]
        return
    options = {word[2:].replace("-", "_") for word in words if word.startswith("--")}
    chosen = recipe(words[words.index("--recipe") + 1])
    assert options <= {"recipe", "valid", "lr"} | set(chosen.options)
    assert ("channels" in chosen.options) is ("channels" in recipe(name).options)


@pytest.mark.parametrize("kind", SICK)
def test_a_model_composed_by_hand_is_told_in_words(kind):
    changed = {**SICK[kind], "record": {**record(None), "status": SICK[kind].get("record", record())["status"]}}
    finding = next(f for f in verdict(replace(HEALTHY, **changed)) if f.kind == kind)
    assert finding.command == ""


@pytest.mark.parametrize(
    "changed",
    [
        {"latents": {}, "rate": None, "auc": None, "explained": None},
        {"rows": []},
        {"rows": losses([100.0])},
        {"rows": losses([100.0, float("nan"), float("inf"), 90.0, 80.0, 85.0])},
        {"rows": [{"epoch": 1, "train/loss": 3.0}]},
        {"latents": use(float("nan"), 1.0)},
    ],
)
def test_figures_that_are_missing_or_broken_say_nothing(changed):
    assert set(kinds(replace(HEALTHY, **changed))) <= {"fine", "oversized"}


def test_noise_alone_is_neither_overfitting_nor_progress():
    generator = np.random.default_rng(0)
    for _ in range(50):
        rows = losses(LEVEL + generator.normal(size=60), LEVEL - 2 - 0.02 * np.arange(60))
        assert not {"overfitting"} & set(kinds(replace(HEALTHY, rows=rows)))


@pytest.mark.parametrize("kind", ["overfitting", "memorising", "improving"])
def test_the_loss_of_a_game_says_nothing_from_epoch_to_epoch(kind):
    told = replace(HEALTHY, **SICK[kind])
    game = replace(told, record={**told.record, "best_epoch": 0})
    assert kind in kinds(told)
    assert not {"overfitting", "memorising", "improving"} & set(kinds(game))


def test_a_curve_that_is_level_at_its_end_has_not_still_to_improve():
    assert "improving" not in kinds(replace(HEALTHY, rows=losses(LEVEL)))


def test_an_uncertain_area_is_no_hole():
    assert "holes" not in kinds(replace(HEALTHY, auc=0.80, auc_error=0.04))


def test_binary_pictures_are_not_called_blurry():
    binary = replace(GREY, domain=Domain.BINARY, levels=None)
    assert "blurry" not in kinds(replace(HEALTHY, family="Bernoulli", spec=binary))


def test_a_command_says_what_is_not_the_default_and_nothing_else():
    plan = Plan(epochs=20, batch_size=64, patience=5)
    words = shlex.split(trains(record("vae", plan=plan, latent=4, hidden=(64, 32), aggressive=True)))
    assert words[:5] == ["vaekit", "train", "my pictures.npy", "--recipe", "vae"]
    assert (
        " ".join(words[5:])
        == "--valid 100 --latent 4 --hidden 64 32 --aggressive --epochs 20 --batch-size 64 --patience 5"
    )
    assert "--hidden" not in trains({**record(), "arguments": {"hidden": [512, 512]}})


def test_a_run_that_began_with_anothers_weights_says_so_and_what_is_changed_begins_anew():
    begun = {**record(), "start": "runs/a first one"}
    assert repeats(begun).endswith("--start 'runs/a first one'")
    assert "--start" not in trains(begun, latent=3)


def test_data_that_lived_in_memory_is_told_in_python():
    in_memory = {**record(latent=3), "data": {"source": {"memory": "array (200, 3)"}}}
    assert trains(in_memory) == "vaekit.train('vae', data, arguments={'latent': 3})"


@pytest.mark.slow
def test_the_command_of_a_run_gives_the_same_run_again(tmp_path, monkeypatch):
    first, again = tmp_path / "first", tmp_path / "again"
    options = "--latent 2 --hidden 16 8 --epochs 1 --lr 0.002 --seed 3 --valid 50 --limit 300 --no-decay"
    main(["train", "digits", *options.split(), "--out", str(first)])
    main([*shlex.split(trains(load(first).record))[1:], "--out", str(again)])
    assert load(again).metrics == load(first).metrics
    assert load(again).record["arguments"] == load(first).record["arguments"]


def levels(*nats):
    """A healthy run with a latent for each of these rates, nats."""
    uses = {f"z{i}": use(n)["z"] for i, n in enumerate(nats, 1)}
    rates = {f"z{i}": n for i, n in enumerate(nats, 1)}
    return replace(HEALTHY, record=record("ladder-vae"), latents=uses, rates=rates, rate=sum(nats))


def test_every_latent_of_a_hierarchy_in_use_is_nothing_to_speak_of():
    assert not {"unused", "collapsed", "oversized", "cramped"} & set(kinds(levels(2.0, 5.0, 9.0)))


def test_unused_latents_are_named_a_hint_while_most_are_used():
    found = next(f for f in verdict(levels(0.01, 0.05, 3.0, 4.0, 9.0)) if f.kind == "unused")
    assert found.headline == "2 of 5 latents are unused: z1 and z2."
    assert found.weight is Weight.HINT
    assert "--free-bits 1.0" in found.command


def test_a_model_that_infers_from_below_is_told_of_the_other_way():
    dead = levels(0.0, 0.0, 0.0, 0.02, 20.0)
    found = {
        upwards: next(f for f in verdict(replace(dead, from_below=upwards)) if f.kind == "unused")
        for upwards in (True, False)
    }
    assert found[True].headline == "4 of 5 latents are unused: z1 to z4."
    assert found[True].weight is Weight.PROBLEM
    assert "from the top down" in found[True].suggestion
    assert "from the top down" not in found[False].suggestion


def test_a_hierarchy_without_any_latent_in_use_has_collapsed():
    found = verdict(levels(0.0, 0.01, 0.02))
    assert {f.kind for f in found} & {"unused", "collapsed"} == {"collapsed"}
    assert found[0].headline == "The latents z1 to z3 have collapsed."


def test_latents_are_listed_in_words():
    from vaekit.report.verdict import listed

    names = [f"z{i}" for i in range(1, 10)]
    assert listed(["z1", "z2", "z3", "z5", "z8", "z9"], names) == "z1 to z3, z5, z8 and z9"
