"""MLflow: a run in whatever store $MLFLOW_TRACKING_URI names, MLflow's own default without it."""

import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Metric, Param
from mlflow.exceptions import MlflowException

from vaekit.integrations.sink import Sink, hyperparameters, recall, remember

__all__ = ["MLflow"]

EXPERIMENT = "vaekit"
LONGEST = 6000  # characters that MLflow takes in a parameter's value


class MLflow(Sink):
    """A run named as the folder, in the experiment "vaekit"; a resumed run goes on under its own id."""

    def __init__(self, folder: Path, record: Mapping[str, Any]) -> None:
        self.folder, self.record = folder, record

    def start(self, step: int) -> None:
        """Begin the run, or take it up again; ValueError where the store cannot be used."""
        try:
            self.client = MlflowClient()
            self.run = self._known() or self._new()
        except (MlflowException, ImportError, OSError) as error:
            said = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise ValueError(f"logger 'mlflow' cannot begin, set MLFLOW_TRACKING_URI to a store: {said}") from None
        remember(self.folder, "mlflow", self.run)

    def numbers(self, row: Mapping[str, float], step: int) -> None:
        """The row at its step, under names that MLflow accepts."""
        now = int(time.time() * 1000)
        self.client.log_batch(self.run, [Metric(accepted(n), v, now, step) for n, v in row.items() if n != "step"])

    def picture(self, path: Path) -> None:
        """As an artifact."""
        self.client.log_artifact(self.run, str(path), "pictures")

    def close(self, failed: bool) -> None:
        """End the run, as failed where it did."""
        self.client.set_terminated(self.run, "FAILED" if failed else "FINISHED")

    def _known(self) -> str | None:
        """The id under which the run began, where the store still has it."""
        identifier = recall(self.folder, "mlflow")
        if identifier is None:
            return None
        try:
            self.client.update_run(identifier, "RUNNING")
        except MlflowException:
            return None
        return identifier

    def _new(self) -> str:
        """A new run with its hyper-parameters."""
        found = self.client.get_experiment_by_name(EXPERIMENT)
        experiment = self.client.create_experiment(EXPERIMENT) if found is None else found.experiment_id
        run = self.client.create_run(experiment, run_name=self.folder.name).info.run_id
        given = hyperparameters(self.record)
        self.client.log_batch(run, params=[Param(accepted(n), str(v)[:LONGEST]) for n, v in given.items()])
        return str(run)


def accepted(name: str) -> str:
    """A name with nothing but what MLflow takes everywhere."""
    return re.sub(r"[^\w./ -]", "_", name)
