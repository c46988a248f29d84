"""What holds for every network, whatever it is made of: one row in the table is one more variant checked."""

from functools import partial

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from vaekit.networks import (
    MLP,
    Attending,
    Conv,
    ConvTranspose,
    Corrupted,
    GaussianNoise,
    Masking,
    OneHot,
    Patches,
    ResidualBlock,
    ResNetDecoder,
    ResNetEncoder,
    SaltAndPepper,
    ToneCurves,
    group_norm,
)

NETWORKS = {  # name: (constructor, the shape of one example of each input)
    "mlp": (partial(MLP, 6, 5, 4), [(6,)]),
    "mlp of an image and a context": (
        partial(MLP, ((1, 3, 2), 4), 5, norm=nn.LayerNorm, dropout=0.3),
        [(1, 3, 2), (4,)],
    ),
    "mlp of silu": (partial(MLP, (2, 3), 5, 5, activation=nn.SiLU), [(2, 3)]),
    "conv": (partial(Conv, (1, 28, 28), 4, 6), [(1, 28, 28)]),
    "conv, odd, with a context": (
        partial(Conv, (3, 7, 5), 4, 5, 6, kernel=5, norm=group_norm, context=2),
        [(3, 7, 5), (2,)],
    ),
    "conv of a strip": (partial(Conv, (2, 1, 9), 4, 5, 6), [(2, 1, 9)]),
    "transposed conv": (partial(ConvTranspose, 5, (28, 20), 6, 4), [(5,)]),
    "transposed conv, odd, with a context": (
        partial(ConvTranspose, (2, 3), (5, 7), 5, 4, 6, norm=group_norm, context=3),
        [(2, 3), (2,), (1,)],
    ),
    "resnet encoder": (partial(ResNetEncoder, (1, 8, 8), 4, 8, blocks=1), [(1, 8, 8)]),
    "resnet encoder, odd, with a context": (
        partial(ResNetEncoder, (3, 7, 5), 7, 10, context=2, dropout=0.2, activation=nn.ReLU),
        [(3, 7, 5), (2,)],
    ),
    "resnet decoder": (partial(ResNetDecoder, 5, (8, 8), 8, 4, blocks=1), [(5,)]),
    "resnet decoder, odd, with a context": (
        partial(ResNetDecoder, 5, (7, 5), 10, 7, context=2, dropout=0.2, activation=nn.ReLU),
        [(5,), (2,)],
    ),
    "noisy mlp": (lambda: Corrupted(MLP(6, 5), GaussianNoise(0.1)), [(6,)]),
    "masked conv": (lambda: Corrupted(Conv((1, 8, 8), 4, context=2), Masking(0.3)), [(1, 8, 8), (2,)]),
    "attending mlp": (lambda: Attending(MLP((6, (32,)), 5), 8, asking=MLP(6, 4)), [(6,), (5, 8)]),
    "attending conv": (lambda: Attending(Conv((1, 8, 8), 4, context=16), 8, queries=2), [(1, 8, 8), (5, 8)]),
    "patches": (partial(Patches, (3, 7, 5), 6, 2, nn.SiLU), [(3, 7, 5)]),
    "recoloured conv": (lambda: Corrupted(Conv((3, 8, 8), 4), ToneCurves()), [(3, 8, 8)]),
    "salted mlp": (lambda: Corrupted(MLP((1, 2, 3), 5), SaltAndPepper(0.3)), [(1, 2, 3)]),
}
ON_IMAGES = [name for name in NETWORKS if "mlp" not in name]
every_network = pytest.mark.parametrize("name", NETWORKS)


def built(name: str, batch: int = 4, dtype: torch.dtype = torch.float64) -> tuple[nn.Module, list[torch.Tensor]]:
    torch.manual_seed(0)
    build, shapes = NETWORKS[name]
    return build().to(dtype), [torch.rand(batch, *shape, dtype=dtype) for shape in shapes]


@every_network
@pytest.mark.parametrize("batch", [1, 2, 5])
def test_gives_out_shape_for_each_example_and_keeps_the_dtype(name, batch):
    network, inputs = built(name, batch)
    out = network.eval()(*inputs)
    assert out.shape == (batch, *network.out_shape)
    assert out.dtype == torch.float64


@every_network
def test_no_example_of_a_batch_sees_another_in_evaluation(name):
    network, inputs = built(name)
    network.eval()
    assert_close(network(*inputs)[1:2], network(*(x[1:2] for x in inputs)))


@every_network
def test_every_parameter_gets_a_gradient(name):
    network, inputs = built(name, batch=16)
    network(*inputs).square().sum().backward()
    for parameter, values in network.named_parameters():
        assert values.grad.isfinite().all(), parameter
        assert values.grad.abs().max() > 1e-6, parameter


@every_network
def test_every_input_matters(name):
    network, inputs = built(name)
    inputs = [x.requires_grad_() for x in inputs]
    network.eval()(*inputs).square().sum().backward()
    assert all(x.grad.abs().sum() > 0 for x in inputs)


@every_network
def test_a_saved_state_gives_the_same_outputs(name):
    network, inputs = built(name)
    other = NETWORKS[name][0]().double()
    other.load_state_dict(network.state_dict())
    assert torch.equal(other.eval()(*inputs), network.eval()(*inputs))


@pytest.mark.parametrize("name", ON_IMAGES)
def test_channels_last_changes_no_output_and_no_gradient(name):
    network, inputs = built(name)
    network.eval()
    plain, weights = network(*inputs), list(network.parameters())
    gradients = torch.autograd.grad(plain.square().sum(), weights)
    network.to(memory_format=torch.channels_last)
    last = network(*(x.to(memory_format=torch.channels_last) if x.ndim == 4 else x for x in inputs))
    assert_close(last, plain)
    for ours, theirs in zip(torch.autograd.grad(last.square().sum(), network.parameters()), gradients, strict=True):
        assert_close(ours, theirs, check_stride=False)


@pytest.mark.parametrize("name", ON_IMAGES)
def test_a_network_and_inputs_in_bfloat16_stay_in_it(name):
    network, inputs = built(name, dtype=torch.bfloat16)
    assert network.eval()(*inputs).dtype == torch.bfloat16


@pytest.mark.slow
@every_network
def test_exports_with_a_dynamic_batch(name):
    network, inputs = built(name, batch=4)
    shapes, batch = torch.export.ShapesCollection(), torch.export.Dim("batch")
    for x in inputs:
        shapes[x] = {0: batch}
    exported = torch.export.export(network.eval(), tuple(inputs), dynamic_shapes=shapes).module()
    for size in (1, 3):
        few = [x[:size] for x in inputs]
        out = exported(*few)
        assert out.shape == (size, *network.out_shape)
        assert torch.allclose(out, network(*few))


@pytest.mark.slow
@every_network
def test_compiles_into_one_graph(name):
    network, inputs = built(name)
    network.eval()
    torch.compiler.reset()
    compiled = torch.compile(network, fullgraph=True, dynamic=True, backend="aot_eager")
    for size in (4, 3):
        assert_close(compiled(*(x[:size] for x in inputs)), network(*(x[:size] for x in inputs)))
    torch.compile(network.train(), fullgraph=True, dynamic=True, backend="aot_eager")(*inputs).sum().backward()


@pytest.mark.slow
def test_one_hot_compiles_and_exports_without_looking_at_its_labels():
    labels, one_hot = torch.tensor([0, 3, 1]), OneHot(4)
    shapes = torch.export.ShapesCollection()
    shapes[labels] = {0: torch.export.Dim("batch")}
    exported = torch.export.export(one_hot, (labels,), dynamic_shapes=shapes).module()
    assert_close(exported(torch.tensor([2, 7])), torch.tensor([[0.0, 0, 1, 0], [0, 0, 0, 0]]))
    assert_close(torch.compile(one_hot, fullgraph=True, backend="eager")(labels), one_hot(labels))


IMAGE = (1, 8, 8)
REFUSED = {
    "hidden must hold sizes of at least 1, got (4, 0)": lambda: MLP(3, 4, 0),
    "in_features must hold sizes of at least 1, got -3": lambda: MLP(-3, 4),
    "in_features must hold sizes of at least 1, got (1, 0)": lambda: MLP(((1, 0), 3), 4),
    "dropout must lie in [0, 1), got 1.0": lambda: MLP(3, 4, dropout=1.0),
    "dropout must lie in [0, 1), got -0.1": lambda: ResNetEncoder(IMAGE, 4, dropout=-0.1),
    "in_shape must be (channels, height, width), got (8, 8)": lambda: Conv((8, 8), 4),
    "in_shape must be (channels, height, width), got 64": lambda: ResNetEncoder(64, 4),
    "in_shape must hold sizes of at least 1, got (1, 8, 0)": lambda: Conv((1, 8, 0), 4),
    "out_size must be (height, width), got (1, 8, 8)": lambda: ConvTranspose(3, IMAGE, 4),
    "out_size must be (height, width), got 8": lambda: ResNetDecoder(3, 8, 4),
    "channels must hold sizes of at least 1, got ()": lambda: Conv(IMAGE),
    "channels must hold sizes of at least 1, got (4, -4)": lambda: Conv(IMAGE, 4, -4),
    "channels must hold sizes of at least 1, got (0,)": lambda: ResNetDecoder(3, (8, 8), 0),
    "channels must hold sizes of at least 1, got 2.5": lambda: ResidualBlock(2.5),
    "in_shape of 8x8 takes at most 3 channels, each halving it once, got 4 channels": lambda: Conv(IMAGE, 4, 4, 4, 4),
    "out_size of 5x7 takes at most 3 channels, each halving it once, got 4 channels": (
        lambda: ResNetDecoder(3, (5, 7), 4, 4, 4, 4)
    ),
    "kernel must be odd and at least 1, got 4": lambda: Conv(IMAGE, 4, kernel=4),
    "context must be a number of features of at least 0, got -1": lambda: ConvTranspose(3, (8, 8), 4, context=-1),
    "blocks must be at least 1, got 0": lambda: ResNetEncoder(IMAGE, 4, blocks=0),
    "classes must hold sizes of at least 1, got 0": lambda: OneHot(0),
    "scale must be at least 0, got -1.0": lambda: GaussianNoise(-1.0),
    "probability must lie in [0, 1], got 1.5": lambda: Masking(1.5),
    "probability must lie in [0, 1], got nan": lambda: SaltAndPepper(float("nan")),
    "the inputs must hold 6 features in all, got 3 from shape (2, 3) and 4 from shape (2, 2, 2)": (
        lambda: MLP(6)(torch.ones(2, 3), torch.ones(2, 2, 2))
    ),
    "the inputs must hold 6 features in all, got 4 from shape (2, 4)": (
        lambda: ConvTranspose(4, (8, 8), 4, context=2)(torch.ones(2, 4))
    ),
    "the inputs must hold 6 features in all, got none": lambda: MLP(6)(),
    "context must hold 2 features in all, got none": lambda: Conv(IMAGE, 4, context=2)(torch.ones(2, *IMAGE)),
    "context must hold 0 features in all, got 3 from shape (2, 3)": (
        lambda: ResNetEncoder(IMAGE, 4)(torch.ones(2, *IMAGE), torch.ones(2, 3))
    ),
    "x must have shape (B, 1, 8, 8), got (2, 1, 8, 9)": lambda: Conv(IMAGE, 4)(torch.ones(2, 1, 8, 9)),
    "labels must lie in 0, ..., 3, got -1 to 4": lambda: OneHot(4)(torch.tensor([4, 0, -1])),
    "labels must be integers of shape (B,), got torch.float32 of (2,)": lambda: OneHot(4)(torch.ones(2)),
    "labels must be integers of shape (B,), got torch.int64 of (2, 1)": (
        lambda: OneHot(4)(torch.ones(2, 1, dtype=torch.int64))
    ),
}


@pytest.mark.parametrize("message", REFUSED)
def test_a_mistake_is_refused_in_one_sentence(message):
    with pytest.raises(ValueError) as refusal:  # noqa: PT011
        REFUSED[message]()
    assert str(refusal.value) == message
