"""The feature network of FID, with weights from a file of the user's."""

import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from vaekit.networks.inception import InceptionV3

__all__ = ["Inception"]

PUBLISHED = "pt_inception-2015-12-05-6726825d.pth"
UNUSED = "num_batches_tracked"


class Inception(nn.Module):
    """Pictures (N, 1 or 3, H, W) in [0, 1] to the 2048 features of FID, in evaluation mode and without gradients.

    `weights`: the published state of the graph of 2015-12-05 (pt_inception-2015-12-05-6726825d.pth, of the pytorch-fid
    project), or the same tensors as .safetensors. vaekit does not bring them. Nothing in the file is executed. Figures
    agree with pytorch-fid's on pictures of 8 bits; pictures that are resized by another rule have another FID.

    Raises ValueError, in a sentence, for a file that holds anything else, ImageNet weights of torchvision among them.
    """

    def __init__(self, weights: Path | str) -> None:
        super().__init__()
        state = {name: t for name, t in read_state(Path(weights)).items() if not name.endswith(UNUSED)}
        with torch.device("meta"):
            network = InceptionV3()
        wanted = {name: t for name, t in network.state_dict().items() if not name.endswith(UNUSED)}
        check_state(state, wanted, Path(weights))
        network = network.to_empty(device="cpu").float()
        network.load_state_dict(state, strict=False)
        self.network = network.eval().requires_grad_(False)

    def title(self, samples: int) -> str:
        """What a Fréchet distance of these features is called."""
        return f"FID (Inception, {samples:,} samples)"

    def train(self, mode: bool = True) -> "Inception":
        """Itself: batch statistics stay those of the file."""
        return self

    @torch.no_grad()
    def forward(self, x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N 2048"]:
        """Pictures to features, in float32, where the weights are."""
        return self.network(x.to(self.network.fc.weight))


def read_state(path: Path) -> Mapping[str, Tensor]:
    """The tensors of a .safetensors or of a file of torch's, by name; nothing else is read from either."""
    if not path.is_file():
        raise ValueError(f"weights must name a file that is there, such as {PUBLISHED}, got {path}")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, ValueError, EOFError, KeyError, OSError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        raise ValueError(
            f"weights must be a whole .safetensors or a state of torch, {path} is none: {first}"
        ) from error
    if not isinstance(state, Mapping) or not all(isinstance(t, Tensor) for t in state.values()):
        raise ValueError(f"weights must be a state, tensors by name, got {type(state).__name__} in {path}")
    return state


def check_state(state: Mapping[str, Tensor], wanted: Mapping[str, Tensor], path: Path) -> None:
    """Every tensor by its name and in its shape, and no other."""
    missing, foreign = sorted(set(wanted) - set(state)), sorted(set(state) - set(wanted))
    if missing or foreign:
        said = [f"{len(missing)} are missing, {missing[0]} first"] if missing else []
        said += [f"{len(foreign)} do not belong, {foreign[0]} first"] if foreign else []
        raise ValueError(f"weights must hold the tensors of {PUBLISHED}, in {path} {' and '.join(said)}")
    for name, t in wanted.items():
        if state[name].shape != t.shape:
            raise ValueError(
                f"weights must be those of {PUBLISHED}: {name} must have the shape {tuple(t.shape)}, "
                f"got {tuple(state[name].shape)} in {path}"
            )
