"""Running a program whose output is passed on line by line."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Optional, Protocol

from road_extractor_plugin.contract.errors import Cancelled
from road_extractor_plugin.engine.interpreter import process_options

_LOOK_S = 0.1


class Listener(Protocol):
    """Whoever watches a program."""

    def line(self, text: str) -> None:
        """Something that it printed."""

    def is_cancelled(self) -> bool:
        """Whether it is to end; asked often, from another thread."""


class KeptLines:
    """Keeps what a program prints, and passes it on."""

    def __init__(self, listener: Listener | None = None) -> None:
        self.lines: list[str] = []
        self._listener = listener

    def line(self, text: str) -> None:
        """See `Listener.line`."""
        self.lines.append(text)
        if self._listener is not None:
            self._listener.line(text)

    def is_cancelled(self) -> bool:
        """See `Listener.is_cancelled`."""
        return self._listener is not None and self._listener.is_cancelled()


def run_lines(
    command: Sequence[str],
    listener: Listener,
    *,
    variables: Optional[Mapping[str, str]] = None,
    limit_s: float = float("inf"),
) -> int:
    """Run a program in a clean environment and give its exit status.

    Args:
        command: Program and arguments.
        listener: Given every line that it prints, errors among them; asked whether to stop.
        variables: Added to its environment.
        limit_s: Time after which it is ended.

    Raises:
        OSError: It cannot be started.
        subprocess.TimeoutExpired: It took longer than `limit_s`.
        Cancelled: The listener wanted it; the program is ended.
    """
    options = process_options()
    options["env"].update(variables or {})
    process = subprocess.Popen(  # nosec B603
        list(command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8", errors="replace",
        stdin=subprocess.DEVNULL, **options,
    )  # fmt: skip
    end_s = time.monotonic() + limit_s
    watch = threading.Thread(target=_end_in_time, args=(process, listener, end_s), daemon=True)
    watch.start()
    with process:
        for text in process.stdout or ():
            listener.line(text.rstrip())
    watch.join()
    if listener.is_cancelled():
        raise Cancelled
    if time.monotonic() > end_s:
        raise subprocess.TimeoutExpired(list(command), limit_s)
    return process.returncode


def _end_in_time(process: subprocess.Popen[str], listener: Listener, end_s: float) -> None:
    while process.poll() is None:
        if listener.is_cancelled() or time.monotonic() > end_s:
            process.kill()
            return
        time.sleep(_LOOK_S)
