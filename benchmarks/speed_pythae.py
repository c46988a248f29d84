"""The side that runs in the environment of pythae: its own trainer, and its own likelihood."""

import json
import sys
import tempfile
from typing import Any

import numpy as np
import torch
from pythae.data.datasets import BaseDataset
from pythae.models import VAE, VAEConfig
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from pythae.trainers.training_callbacks import TrainingCallback
from torch import Tensor
from turns import Clock


def trained(clock: Clock, x: Tensor, task: dict[str, Any]) -> None:
    """Epochs of BaseTrainer from its own callbacks; the data are floats before the clock starts."""

    class Listener(TrainingCallback):
        def on_epoch_begin(self, *_: Any, **__: Any) -> None:
            clock.start()

        def on_log(self, training_config: Any, logs: dict[str, float], **_: Any) -> None:
            clock.stop(loss=float(logs["train_epoch_loss"]))

    with tempfile.TemporaryDirectory() as folder:
        config = BaseTrainerConfig(
            output_dir=folder,
            num_epochs=1_000_000,
            learning_rate=1e-3,
            per_device_train_batch_size=task["batch"],
            optimizer_cls="Adam",
            optimizer_params={"fused": task["fused"]},
            no_cuda=True,
        )
        BaseTrainer(
            model(), BaseDataset(x, torch.zeros(len(x))), training_config=config, callbacks=[Listener()]
        ).train()


def weighed(clock: Clock, x: Tensor, task: dict[str, Any]) -> None:
    """get_nll, which gives the log-likelihood."""
    scorer = model()
    scorer.device = "cpu"

    @torch.no_grad()
    def score() -> dict[str, float]:
        return {"mean": float(scorer.get_nll(x, task["samples"], task["rows_at_once"]))}

    clock.forever(score)


def model() -> VAE:
    """The default networks, one hidden layer of 512, with Bernoulli pixels."""
    torch.manual_seed(0)
    return VAE(VAEConfig(input_dim=(1, 28, 28), latent_dim=16, reconstruction_loss="bce"))


if __name__ == "__main__":
    clock, task = Clock(), json.loads(sys.argv[1])
    torch.set_num_threads(task["threads"])
    images = torch.from_numpy(np.load(task["images"])).to(torch.float32) / 255
    {"train": trained, "weigh": weighed}[task["side"]](clock, images, task)
