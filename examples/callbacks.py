"""Callbacks: samples at every tenth epoch in one picture, and an end to the run at a validation loss of one's choice."""

import os
from pathlib import Path

import matplotlib.pyplot as plt
import torch

import vaekit as vk

EPOCHS = int(os.environ.get("VAEKIT_EXAMPLE_EPOCHS", "100"))
EVERY = 10
LATENT = 8
FOLDER = Path("runs/callbacks")


class Filmstrip(vk.Callback):
    """The same draws from the prior, decoded at every tenth epoch: a row each."""

    def __init__(self) -> None:
        self.z, self.rows = torch.randn(12, LATENT, generator=torch.Generator().manual_seed(0)), []

    def on_epoch(self, trainer: vk.Trainer, row: dict[str, float]) -> None:
        """Decode them with the weights as they are now."""
        if row["epoch"] % EVERY == 1:
            with torch.no_grad():
                x = trainer.model.decode(self.z).mean  # (12, 1, 8, 8)
            self.rows.append(x.squeeze(1).transpose(0, 1).flatten(1))

    def on_end(self, trainer: vk.Trainer) -> None:
        """Save the strip."""
        FOLDER.mkdir(parents=True, exist_ok=True)
        plt.imsave(FOLDER / "filmstrip.png", torch.cat(self.rows), cmap="gray_r", vmin=0, vmax=1)


class GoodEnough(vk.Callback):
    """Ends the run when the held-out loss has fallen below a target, in nats per example."""

    def __init__(self, target: float) -> None:
        self.target = target

    def on_validation(self, trainer: vk.Trainer, validation: vk.training.Validation) -> None:
        """Look at the bound that the best weights are chosen by: lower is better."""
        if validation.bound < self.target:
            trainer.stop(f"the validation loss is below {self.target} nats")


digits = vk.data.open("digits", binarise="visit")
model = vk.VAE(
    prior=vk.StandardNormal(LATENT),
    encoder=vk.Gaussian(vk.MLP((1, 8, 8), 256, 256), LATENT),
    decoder=vk.Bernoulli(vk.MLP(LATENT, 256, 256), (1, 8, 8)),
)
watching = [Filmstrip(), GoodEnough(23.0)]
run = vk.fit(model, vk.Distortion() + vk.Rate(), digits, epochs=EPOCHS, callbacks=watching)
print(f"{run.record['status']} after {len(run.metrics)} epochs: {run.record.get('reason', 'all were trained')}")
print(f"samples as they came about: {FOLDER / 'filmstrip.png'}")
