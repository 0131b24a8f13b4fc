"""Where the time goes."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


class Stopwatch:
    """Adds up seconds per stage, in whatever threads they run; stages that run at the same time count fully each."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._seconds: dict[str, float] = defaultdict(float)
        self._lock = threading.Lock()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time of the block for `name`."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.add({name: time.perf_counter() - started})

    def add(self, seconds: Mapping[str, float]) -> None:
        """Count what another watch counted, its `total` too."""
        with self._lock:
            for name, spent in seconds.items():
                if name == "total":
                    self._started -= spent
                else:
                    self._seconds[name] += spent

    @contextmanager
    def idle(self, name: str) -> Iterator[None]:
        """Do not count the time of the block for `name`, whose stage it is a part of."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.add({name: started - time.perf_counter()})

    def seconds(self) -> dict[str, float]:
        """Per stage in the order of their first use, and `total` since the watch was made."""
        return {**self._seconds, "total": time.perf_counter() - self._started}
