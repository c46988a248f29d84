"""Every recipe's training step in one compiled graph, and its encoder and decoder outside of Python."""

from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from recipes.rows import SPECS, VARIANTS, Row, first_step, usual
from vaekit.conditionals import Conditional, ParametersOf
from vaekit.models.model import Part
from vaekit.recipes import System, recipes
from vaekit.training.step import Step

pytestmark = pytest.mark.slow

PLAIN = {name: Row(name, usual(name)) for name in recipes()}
OTHERS = {f"vae on {kind}": Row("vae", SPECS[kind]) for kind in ("levels", "vectors", "counts")}
COMPILED = {name: Row(of, usual(of), options) for name, (of, options) in VARIANTS.items() if "learned" in name}
TO_THE_END = ["vae", "iwae", "vq-vae", "text-vae", "intro-vae"]  # by the C++ compiler too, which is slow
every_step = pytest.mark.parametrize("row", (PLAIN | COMPILED).values(), ids=list(PLAIN | COMPILED))
LIKE_OTHERS = {
    "annealed-vae",
    "annealed-capacity-vae",
    "beta-vae",
    "beta-tcvae",
    "dip-vae",
    "factor-vae",
    "info-vae",
    "iwae",
}
LIKE_OTHERS |= {
    "vamp-vae",
    "flow-prior-vae",
    "energy-prior-vae",
    "wae-mmd",
    "wae-gan",
    "aae",
    "sigma-vae",
}  # parts of `vae`, or of `autoencoder`
PARTS = {name: row for name, row in (PLAIN | OTHERS).items() if name not in LIKE_OTHERS}
every = pytest.mark.parametrize("row", PARTS.values(), ids=list(PARTS))


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)
    torch.compiler.reset()


@every_step
def test_the_step_is_one_graph_with_the_eager_loss_and_gradients(row: Row):
    check_compiled(row, backend="aot_eager")


@pytest.mark.parametrize("row", map(PLAIN.get, TO_THE_END), ids=TO_THE_END)
def test_the_step_compiled_to_code_has_the_eager_loss_and_gradients(row: Row):
    check_compiled(row, options={"fallback_random": True})


def check_compiled(row: Row, **how):
    system = row.system()
    batch, step = row.batch(system), Step(system.model, 1.0 * system.objective, system.at)
    compiled = torch.compile(step, fullgraph=True, **how)
    kept = deepcopy(step.objective.state_dict())  # vectors of a power iteration, say, which a step moves
    eager = gradients(system, first_step(system, batch, step))
    step.objective.load_state_dict(kept)
    assert_close(gradients(system, first_step(system, batch, compiled)), eager, rtol=5e-4, atol=1e-5)


def gradients(system, terms: dict[str, Tensor]) -> dict[str, Tensor]:
    found = torch.autograd.grad(terms["loss"].mean(), list(system.model.parameters()), allow_unused=True)
    names = [name for name, _ in system.model.named_parameters()]
    used = {name: slope for name, slope in zip(names, found, strict=True) if slope is not None}
    return {name: t.detach() for name, t in terms.items()} | used


@every
def test_every_part_gives_the_same_numbers_exported_and_in_onnx_for_any_batch(row: Row):
    pytest.importorskip("onnxruntime")
    system = row.system()
    system.model.eval()
    for part in system.model.parts().values():
        check_exported(row, system, part)


def check_exported(row: Row, system: System, part: Part) -> None:
    import onnxruntime

    conditional = part.conditional
    exported = export(conditional, inputs_of(row, system, part, 2))
    inputs = inputs_of(row, system, part, 7)
    with torch.no_grad():
        expected = conditional.outputs(*inputs)
        assert_close(exported.module()(*inputs), expected, rtol=1e-4, atol=1e-4)
    program = torch.onnx.export(exported, dynamo=True, verbose=False)
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
    feed = {given.name: x.numpy() for given, x in zip(session.get_inputs(), inputs, strict=True)}
    found = dict(zip(expected, map(torch.from_numpy, session.run(None, feed)), strict=True))
    assert_close(found, expected, rtol=1e-4, atol=1e-4)


def export(conditional: Conditional, inputs: tuple[Tensor, ...]) -> torch.export.ExportedProgram:
    shapes = {"inputs": tuple({0: torch.export.Dim("batch")} for _ in inputs)}
    return torch.export.export(ParametersOf(conditional), inputs, dynamic_shapes=shapes)


def inputs_of(row: Row, system: System, part: Part, size: int) -> tuple[Tensor, ...]:
    """x or z, and the context as the parts see it."""
    batch = row.batch(system, size)
    first = batch["x"] if part.shape == row.spec.shape else torch.randn(size, *part.shape)
    if part.context is not None:
        return (first, context(part.embed, torch.rand(size, *part.context)))
    return (first, context(part.embed, batch["context"])) if "context" in batch else (first,)


def context(network: nn.Module | None, given: Tensor) -> Tensor:
    return given if network is None else network(given)
