"""A worker process, `python -m vaekit.sweeps.worker`: jobs come in and events go out as lines of JSON.

It ends when its input ends; where that happens in the middle of a run, the process that gave the work is gone.
"""

import json
import os
import queue
import signal
import threading
from typing import Any

from vaekit.sweeps.work import carry_out

__all__ = ["main"]


def main() -> None:
    """Carry out jobs until there are no more. An interruption ends the run under way, or the next one."""
    stopped = threading.Event()
    signal.signal(signal.SIGINT, lambda *_: stopped.set())
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints must not stand between the answers
    jobs, busy = queue.SimpleQueue[str | None](), threading.Event()
    threading.Thread(target=listen, args=(jobs, busy), daemon=True).start()

    def tell(event: dict[str, Any]) -> None:
        answers.write(json.dumps(event) + "\n")

    while (line := jobs.get()) is not None:
        idle = signal.signal(signal.SIGINT, signal.default_int_handler)
        outcome = {"status": "interrupted"} if stopped.is_set() else carry_out(json.loads(line), tell)
        signal.signal(signal.SIGINT, idle)
        tell(outcome)
        busy.clear()


def listen(jobs: "queue.SimpleQueue[str | None]", busy: threading.Event) -> None:
    """Hand on every line of the input; leave at once where it ends while a run is under way."""
    with os.fdopen(os.dup(0)) as lines:
        for line in lines:
            busy.set()
            jobs.put(line)
    if busy.is_set():
        os._exit(1)
    jobs.put(None)


if __name__ == "__main__":
    main()
