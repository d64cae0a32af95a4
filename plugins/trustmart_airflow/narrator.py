"""Says on the console what Airflow does, one line per task, while Airflow's own logs go to a file."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.status import Status


@contextmanager
def logs_in(path: Path) -> Iterator[Console]:
    """Send all that is printed or logged into a file, and yield a console that still reaches the person.

    Descriptors are exchanged, not Python's objects, so that libraries and child processes are covered.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = [os.dup(1), os.dup(2)]
    colours = sys.stdout.isatty()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(os.dup(kept[0]), "w") as screen:
        _exchange([descriptor, descriptor])
        try:
            yield Console(file=screen, force_terminal=colours, highlight=False, soft_wrap=True)
        finally:
            _exchange(kept)
            for number in (descriptor, *kept):
                os.close(number)


def _exchange(descriptors: list[int]) -> None:
    """Let stdout and stderr write to other files."""
    sys.stdout.flush()
    sys.stderr.flush()
    for number, descriptor in enumerate(descriptors, start=1):
        os.dup2(descriptor, number)


class Narrator:
    """An Airflow listener: a line for every task that ends."""

    def __init__(self, console: Console) -> None:
        """Remember where to write, and who has failed."""
        self._console = console
        self._began = time.monotonic()
        self._waiting: Status | None = None
        self.failures: dict[str, str] = {}

    def running(self, task: Any) -> None:
        """Start the clock, and turn a wheel where somebody watches."""
        self._began = time.monotonic()
        self._waiting = self._console.status(f"{task.dag_id} {task.task_id} ...")
        self._waiting.start()

    def succeeded(self, task: Any) -> None:
        """Write that it is done."""
        self._line("[green]done[/]  ", task)

    def failed(self, task: Any, reason: str) -> None:
        """Write that it failed; the reason comes at the end."""
        self.failures[f"{task.dag_id}.{task.task_id}"] = reason
        self._line("[red]failed[/]", task)

    def _line(self, word: str, task: Any) -> None:
        """Write one line."""
        if self._waiting:
            self._waiting.stop()
        seconds = time.monotonic() - self._began
        name = task.task_id.rpartition(".")[2]
        self._console.print(f"  {word} {task.dag_id:<19} {name:<14} {seconds:5.1f} s")
