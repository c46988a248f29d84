"""How much each of several latents tells, in a few lines."""

import json

import torch
from models.small_hierarchy import hierarchy

import vaekit as vk
from vaekit.evaluation import Figure, LatentUse, evaluate
from vaekit.evaluation.profile import profile


def figures(*nats):
    return {f"z{i}": Figure(value, "nats/example", "", 0.1) for i, value in enumerate(nats, 1)}


def uses(sizes, active=1):
    each = {f"z{i}": torch.arange(size) < active for i, size in enumerate(sizes, 1)}
    return {name: LatentUse(on.double(), on.double()) for name, on in each.items()}


def test_up_to_twelve_latents_have_a_line_each():
    lines = profile(figures(*range(12)), uses([4] * 12))
    assert [line.name for line in lines] == [f"z{i}" for i in range(1, 13)]
    assert (lines[3].value, lines[3].use) == ("3.00 ± 0.10", "1 of 4 dimensions active")


def test_of_many_latents_neighbours_of_one_size_share_a_line_and_nothing_is_lost():
    sizes = [2] * 5 + [8] * 30 + [32] * 5
    lines = profile(figures(*range(40)), uses(sizes))
    assert len(lines) <= 14
    assert lines[0].name == "z1 to z4"
    assert [line.name for line in lines][1:3] == ["z5", "z6 to z9"]
    assert sum(line.nats for line in lines) == sum(range(40))
    assert sum(line.dimensions for line in lines) == sum(sizes)
    assert sum(line.active for line in lines) == 40
    assert "±" not in lines[0].value


def test_what_is_not_known_of_a_latent_is_left_open():
    lines = profile(figures(2.0, 3.0), {"z2": uses([4])["z1"]})
    assert [(line.value, line.use) for line in lines] == [
        ("2.00 ± 0.10", ""),
        ("3.00 ± 0.10", "1 of 4 dimensions active"),
    ]


def test_an_evaluation_has_a_line_for_each_latent_and_its_json_all_of_them():
    data = vk.data.open("digits", binarise="fixed", limit=60)
    few = evaluate(hierarchy(2, 3), data.test, data.spec, samples=2)
    assert str(few).count("dimensions active") == 2
    assert "median rate" not in str(few)
    many = evaluate(hierarchy(*[2] * 15), data.test, data.spec, samples=2)
    assert "rate of z1 to z2" in str(many)
    assert "rate of z15" in str(many)
    assert "rate of z3" not in many.summary()
    written = json.loads(json.dumps(many.to_dict()))
    assert {f"rate of z{i}" for i in range(1, 16)} <= set(written["figures"])
    told = sum(written["figures"][f"rate of z{i}"]["value"] for i in range(1, 16))
    assert abs(told - written["figures"]["rate"]["value"]) < 1e-4
    assert all(len(use["rate_nats"]) == 2 for use in written["latents"].values())


def test_the_dimensions_of_a_very_large_latent_are_told_in_sum_alone():
    data = vk.data.open("digits", binarise="fixed", limit=60)
    large = evaluate(hierarchy(5000, 3), data.test, data.spec, samples=2).to_dict()["latents"]
    assert "rate_nats" not in large["z1"]
    assert large["z1"]["dimensions"] == 5000
    assert len(large["z2"]["rate_nats"]) == 3
