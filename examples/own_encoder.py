"""An encoder network of one's own, any nn.Module: here a GRU that reads a digit row by row."""

import os

from torch import Tensor, nn

import vaekit as vk

EPOCHS = int(os.environ.get("VAEKIT_EXAMPLE_EPOCHS", "100"))
LATENT = 8
WIDTH = 128


class RowByRow(nn.Module):
    """(B, 1, 8, 8) -> (B, 2 * WIDTH): the last states of a GRU downwards and of one upwards."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(8, WIDTH, batch_first=True, bidirectional=True)

    def forward(self, x: Tensor) -> Tensor:
        """Images to features."""
        _, last = self.gru(x.squeeze(1))
        return last.transpose(0, 1).flatten(1)


digits = vk.data.open("digits", binarise="visit")
model = vk.VAE(
    prior=vk.StandardNormal(LATENT),
    encoder=vk.Gaussian(RowByRow(), LATENT, features=2 * WIDTH),
    decoder=vk.Bernoulli(vk.MLP(LATENT, 256, 256), (1, 8, 8)),
)

run = vk.fit(model, vk.Distortion() + vk.Rate(), digits, epochs=EPOCHS)
print(run.evaluate(samples=100))
