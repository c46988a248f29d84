"""A likelihood of one's own: a digit's grey level is how many of 16 dots are dark, a binomial."""

import os

from torch import Tensor, nn
from torch import distributions as td

import vaekit as vk

EPOCHS = int(os.environ.get("VAEKIT_EXAMPLE_EPOCHS", "100"))
LATENT = 8
DOTS = 16


class Binomial(vk.Conditional):
    """Independent counts of successes among `total` trials: a last layer and a distribution make a head."""

    def __init__(self, network: nn.Module, event_shape: tuple[int, ...], total: int) -> None:
        super().__init__(network, event_shape, per_element=1)
        self.total = total

    def parametrise(self, h: Tensor) -> vk.Parameters:
        """`logits` of a success, (B, *event), from the network's features."""
        return {"logits": self.last(h)}

    def distribution(self, **parameters: Tensor) -> td.Distribution:
        """Independent(Binomial) over the event's axes."""
        successes = td.Binomial(self.total, **parameters, validate_args=False)
        return td.Independent(successes, len(self.event_shape), validate_args=False)


digits = vk.data.open("digits", domain="counts")
model = vk.VAE(
    prior=vk.StandardNormal(LATENT),
    encoder=vk.Gaussian(vk.MLP((1, 8, 8), 256, 256), LATENT),
    decoder=Binomial(vk.MLP(LATENT, 256, 256), (1, 8, 8), DOTS),
)

run = vk.fit(model, vk.Distortion() + vk.Rate(), digits, epochs=EPOCHS)
print(run.evaluate(samples=100))
