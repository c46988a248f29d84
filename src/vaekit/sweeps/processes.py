"""Runs in processes of this machine: each worker is a fresh Python that is fed one job at a time."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from vaekit.sweeps.work import Job

__all__ = ["Pool", "Processes", "threads_for", "workers_for"]

Event = dict[str, Any]


class Pool(ABC):
    """Carries out jobs side by side."""

    @abstractmethod
    def events(self) -> Iterator[tuple[Job, Event]]:
        """What happens, as it happens: `{}` where a job begins, then how far it is, at last its status."""

    @abstractmethod
    def interrupt(self) -> None:
        """Begin no more jobs, and ask those under way to save and end."""

    @abstractmethod
    def kill(self) -> None:
        """End at once what is still under way."""


class Worker:
    """A process that carries out one job at a time. It is in a session of its own, so Ctrl-C reaches it through us."""

    def __init__(self, threads: int, device: str | None) -> None:
        paths = os.pathsep.join(path for path in sys.path if path)
        environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": str(threads)}
        if device is not None:
            environment["CUDA_VISIBLE_DEVICES"] = device
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115
        self.process = subprocess.Popen(
            [sys.executable, "-m", "vaekit.sweeps.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            env=environment,
            start_new_session=True,
        )

    def carry_out(self, job: Job) -> Iterator[Event]:
        """Hand the job over and pass on what is heard of it; a process that ends without a status has failed."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps(job) + "\n")
            self.process.stdin.flush()
        for line in self.process.stdout:
            event = json.loads(line)
            yield event
            if "status" in event:
                return
        yield {"status": "failed", "reason": self.last_words()}

    def last_words(self) -> str:
        """How the process ended, and the last line that it wrote on standard error."""
        code = self.process.wait()
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
        self.errors.seek(0)
        lines = self.errors.read().decode(errors="replace").strip().splitlines()
        return f"its process was ended {how}" + (f": {lines[-1]}" if lines else "")

    def alive(self) -> bool:
        """Whether it can take another job."""
        return self.process.poll() is None

    def close(self) -> None:
        """Let it end, which it does once its input has."""
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait()
        self.errors.close()


class Processes(Pool):
    """`workers` processes of `threads` threads each; one that dies is replaced. With several GPUs, each has one."""

    def __init__(self, jobs: Sequence[Job], workers: int, threads: int) -> None:
        self.jobs, self.threads, self.stopping = iter(jobs), threads, False
        self.turn = threading.RLock()  # a second Ctrl-C may come while the first is being heard
        self.heard: queue.SimpleQueue[tuple[Job, Event] | None] = queue.SimpleQueue()
        self.workers: list[Worker | None] = [None] * workers

    def events(self) -> Iterator[tuple[Job, Event]]:
        """As the workers tell."""
        for slot in range(len(self.workers)):
            threading.Thread(target=self._feed, args=(slot,), daemon=True).start()
        feeding = len(self.workers)
        while feeding:
            heard = self.heard.get()
            if heard is None:
                feeding -= 1
            else:
                yield heard

    def interrupt(self) -> None:
        """Ctrl-C for every worker, once."""
        self._stop(signal.SIGINT)

    def kill(self) -> None:
        """No time to save."""
        self._stop(signal.SIGKILL)

    def _stop(self, what: signal.Signals) -> None:
        with self.turn:
            self.stopping = True
            for worker in self.workers:
                if worker is not None and worker.alive():
                    worker.process.send_signal(what)

    def _next(self) -> Job | None:
        with self.turn:
            return None if self.stopping else next(self.jobs, None)

    def _feed(self, slot: int) -> None:
        """Jobs to one worker, until there are no more."""
        try:
            while (job := self._next()) is not None:
                self.heard.put((job, {}))
                for event in self._carry_out(slot, job):
                    self.heard.put((job, event))
            worker = self.workers[slot]
            if worker is not None:
                worker.close()
        finally:
            self.heard.put(None)

    def _carry_out(self, slot: int, job: Job) -> Iterator[Event]:
        """What this slot's worker tells; one that was stopped before it could say so was interrupted."""
        worker = self._hired(slot)
        for event in () if worker is None else worker.carry_out(job):
            if not (self.stopping and event.get("status") == "failed"):
                yield event
                if "status" in event:
                    return
        yield {"status": "interrupted"}

    def _hired(self, slot: int) -> Worker | None:
        """The worker of this slot, a new one where there is none or it has died; None once no more may begin."""
        with self.turn:
            worker = self.workers[slot]
            if not self.stopping and (worker is None or not worker.alive()):
                worker = self.workers[slot] = Worker(self.threads, device_of(slot))
            return None if self.stopping else worker


def device_of(slot: int) -> str | None:
    """The GPU that a worker sees, in turn; None leaves things as they are, with one GPU or none."""
    count = torch.cuda.device_count()
    if count < 2:
        return None
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return visible.split(",")[slot % count] if visible else str(slot % count)


def workers_for(jobs: int, accelerator: str, workers: int | None) -> int:
    """How many processes: as asked, else one for each GPU or CPU that this process may use, and no more than jobs."""
    on_gpu = accelerator != "cpu" and torch.cuda.is_available()
    found = torch.cuda.device_count() if on_gpu else cpus()
    return max(1, min(jobs, workers or found))


def threads_for(workers: int) -> int:
    """This process's threads of torch, divided among the workers."""
    return max(1, torch.get_num_threads() // workers)


def cpus() -> int:
    """How many CPUs this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
