"""Stopping a task whose worker takes too long to stop by itself."""

from __future__ import annotations

import threading

from road_extractor_plugin.engine.worker_compute import WorkerTracer

_AFTER_S = 1.0


def interrupt_soon(compute: WorkerTracer) -> None:
    """End the worker of a cancelled task, unless the task stops by itself before, as it does at the next tile.

    Only then does the next run find a worker that is warm.
    """
    timer = threading.Timer(_AFTER_S, compute.interrupt)
    timer.daemon = True
    timer.start()
