"""`vaekit tokenize` and `detokenize`: files of whole numbers, and back."""

import numpy as np
import pytest
import torch

import vaekit as vk
from vaekit.cli.main import main
from vaekit.training import Silent

OPTIONS = {"epochs": 1, "batch_size": 50, "accelerator": "cpu", "report": Silent()}
ARGUMENTS = {"codebooks": 2, "codes": 6, "channels": (4,)}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder, digits = tmp_path_factory.mktemp("runs"), vk.data.open("digits", limit=150)
    for seed, name in enumerate(("one", "other")):
        vk.train("rvq-vae", digits, folder=folder / name, arguments=ARGUMENTS, seed=seed, **OPTIONS)
    vk.train("vae", digits, folder=folder / "vae", arguments={"hidden": (8,)}, **OPTIONS)
    return folder


def refused(capsys, *words):
    capsys.readouterr()
    with pytest.raises(SystemExit) as left:
        main([str(word) for word in words])
    assert left.value.code == 2
    return capsys.readouterr().err.strip()


def test_tokens_are_small_whole_numbers_that_give_the_reconstructions_back(runs, tmp_path):
    file, back = tmp_path / "t.npz", tmp_path / "x.npy"
    main(["tokenize", str(runs / "one"), "-o", str(file)])
    main(["detokenize", str(runs / "one"), str(file), "-o", str(back)])
    run = vk.load(runs / "one")
    held = run.split()[1]
    with np.load(file, allow_pickle=False) as found:
        z = found["z"]
    assert (z.dtype, z.shape) == (np.uint8, (len(held), 2, 4, 4))
    assert 0 <= z.min() <= z.max() < 6
    assert np.allclose(np.load(back), run.reconstruct(held).numpy(), atol=1e-5)


def test_tokens_of_a_file_of_pictures_and_of_an_array_alone(runs, tmp_path):
    x, file = np.zeros((3, 1, 8, 8), np.uint8), tmp_path / "x.npy"
    np.save(file, x)
    main(["tokenize", str(runs / "one"), str(file), "-o", str(tmp_path / "t.npz")])
    with np.load(tmp_path / "t.npz") as found:
        np.save(tmp_path / "t.npy", found["z"])
    main(["detokenize", str(runs / "one"), str(tmp_path / "t.npy"), "-o", str(tmp_path / "x.png")])
    assert (tmp_path / "x.png").stat().st_size > 0


def test_what_are_no_tokens_of_the_run_is_refused_in_a_sentence(runs, tmp_path, capsys):
    file = tmp_path / "t.npz"
    main(["tokenize", str(runs / "one"), "-o", str(file)])
    said = refused(capsys, "detokenize", runs / "other", file)
    assert "holds tokens of other weights than those of" in said
    np.save(tmp_path / "high.npy", np.full((1, 2, 4, 4), 6))
    said = refused(capsys, "detokenize", runs / "one", tmp_path / "high.npy")
    assert said == "vaekit: tokens of z must lie in 0, ..., 5, got 6 to 6"
    np.save(tmp_path / "flat.npy", np.zeros((5, 32), int))
    said = refused(capsys, "detokenize", runs / "one", tmp_path / "flat.npy")
    assert said == "vaekit: tokens of z must be whole numbers of shape (N, 2, 4, 4), got torch.int64 of (5, 32)"
    np.save(tmp_path / "half.npy", np.full((1, 2, 4, 4), 0.5))
    assert "must be whole numbers" in refused(capsys, "detokenize", runs / "one", tmp_path / "half.npy")
    (tmp_path / "no.npz").write_text("no tokens")
    assert "must hold codes by the names of latents" in refused(capsys, "detokenize", runs / "one", tmp_path / "no.npz")
    assert "this model has no codes" in refused(capsys, "tokenize", runs / "vae")
    assert "tokens go into an .npz file, got -o t.csv" in refused(capsys, "tokenize", runs / "one", "-o", "t.csv")


def test_in_python_tokens_go_by_the_latents_name(runs):
    run = vk.load(runs / "one")
    tokens = run.tokenize(run.split()[1])
    assert torch.equal(run.detokenize(tokens), run.detokenize(tokens["z"]))
    with pytest.raises(ValueError, match="no latent is named 'y': this model has z"):
        run.detokenize({**tokens, "y": tokens["z"]})
