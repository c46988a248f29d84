"""Runs as tasks of Ray: on this machine, or on the cluster that Ray is connected to."""

import os
from collections.abc import Iterator, Sequence
from typing import Any

from vaekit.sweeps.processes import Event, Pool
from vaekit.sweeps.work import Job, carry_out

__all__ = ["OnRay", "must_have_ray"]


class OnRay(Pool):
    """At most `workers` tasks at a time, of `threads` CPUs each, and of a GPU where the cluster has some.

    Uses the Ray that is running or that $RAY_ADDRESS names, else starts one on this machine and ends it afterwards. On
    several machines, the sweep's folder and the data must lie where all of them see them under the same path.
    """

    def __init__(self, jobs: Sequence[Job], workers: int, threads: int) -> None:
        self.ray = must_have_ray()
        self.jobs, self.workers, self.threads = list(jobs), workers, threads
        self.under_way = dict[Any, Job]()
        self.stopping, self.forced, self.cancelled = False, False, 0

    def events(self) -> Iterator[tuple[Job, Event]]:
        """A beginning and an end for every job."""
        own = self._connect()
        try:
            task = self.ray.remote(carry_out).options(num_cpus=self.threads, num_gpus=self._gpus(), max_retries=0)
            waiting = iter(self.jobs)
            while True:
                free = 0 if self.stopping else self.workers - len(self.under_way)
                for _, job in zip(range(free), waiting, strict=False):
                    self.under_way[task.remote(job)] = job
                    yield job, {}
                if not self.under_way:
                    return
                self._heed()
                ready, _ = self.ray.wait(list(self.under_way), num_returns=1, timeout=0.5)
                for one in ready:
                    yield self.under_way.pop(one), self._answer(one)
        finally:
            if own:
                self.ray.shutdown()

    def interrupt(self) -> None:
        """Ray raises KeyboardInterrupt in its tasks, which then save."""
        self.stopping = True

    def kill(self) -> None:
        """Ends the tasks' processes."""
        self.stopping = self.forced = True

    def _heed(self) -> None:
        """Cancel what is under way where a stop was asked for, and once more where it was asked for twice."""
        if self.stopping and self.cancelled < 1 + self.forced:
            self.cancelled = 1 + self.forced
            for one in self.under_way:
                self.ray.cancel(one, force=self.forced)

    def _connect(self) -> bool:
        """Start a Ray where none is running and none is named; whether it is ours to end."""
        if self.ray.is_initialized():
            return False
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "warning"}
        if "RAY_ADDRESS" not in os.environ:
            quiet |= {"num_cpus": self.workers * self.threads, "include_dashboard": False}
        self.ray.init(**quiet)
        return True

    def _gpus(self) -> int:
        """One GPU for each run where there are any and the runs may use them."""
        wanted = any(job["plan"].get("accelerator", "auto") != "cpu" for job in self.jobs)
        return int(wanted and self.ray.cluster_resources().get("GPU", 0) >= 1)

    def _answer(self, one: Any) -> Event:
        """What the task gave, or how it died."""
        try:
            answer: Event = self.ray.get(one)
        except self.ray.exceptions.RayError as error:
            if self.stopping:
                return {"status": "interrupted"}
            return {"status": "failed", "reason": f"its task was ended: {str(error).strip().splitlines()[0]}"}
        return answer


def must_have_ray() -> Any:
    """The package; ValueError naming the extra where it is not installed."""
    try:
        import ray
    except ImportError:
        raise ValueError("on='ray' needs Ray, which is not installed: pip install 'vaekit[ray]'") from None
    return ray
