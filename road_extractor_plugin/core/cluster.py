"""More than one process for a batch: on this machine, or on the machines of a Dask cluster."""

from __future__ import annotations

import logging
import sys
import warnings
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Callable

from road_extractor_plugin.compute.predictors.streams import usable_cpus
from road_extractor_plugin.compute.protocol import Tracer
from road_extractor_plugin.contract.batch import BatchRequest
from road_extractor_plugin.contract.errors import BatchError
from road_extractor_plugin.contract.feedback import Feedback
from road_extractor_plugin.core.batch_runner import RasterRunner

if TYPE_CHECKING:
    from road_extractor_plugin.core.cluster_worker import OpenWithThreads

_PROCESS_BYTES = 700_000_000
"""Memory of a process that has the libraries loaded, and of the strips of a raster some ten thousand pixels wide."""
_BYTES_PER_MODEL_BYTE = 8
"""Memory that a model takes, tiles included, for each byte of its file."""
_ANSWER_WITHIN_S = 15


def on_workers(
    count: int,
    request: BatchRequest,
    open_compute: OpenWithThreads,
    open_tracer: Callable[[], Tracer],
    feedback: Feedback,
) -> RasterRunner:
    """Run the rasters in several processes of this machine, which share its processors.

    Args:
        count: How many processes; fewer are started where memory is short, with a warning.
        request: Names the folders and the model.
        open_compute: Loads the model in each of them.
        open_tracer: Who traces here, at the end.
        feedback: Told of the warning.

    Raises:
        BatchError: `distributed` is not installed.
    """
    distributed = _distributed()
    import psutil

    from road_extractor_plugin.core.cluster_runner import OnCluster

    available = min(psutil.virtual_memory().available, distributed.system.MEMORY_LIMIT)
    count = affordable_workers(count, bytes_per_worker(request.each.model), available, feedback)
    cluster = distributed.LocalCluster(
        n_workers=count,
        threads_per_worker=max(1, usable_cpus() // count),
        memory_limit=0,
        dashboard_address=":0",
        silence_logs=logging.CRITICAL,
    )
    return OnCluster(distributed.Client(cluster), request, open_compute, open_tracer)


def on_scheduler(
    address: str, request: BatchRequest, open_compute: OpenWithThreads, open_tracer: Callable[[], Tracer]
) -> RasterRunner:
    """Run the rasters on the workers of a cluster that is there.

    Args:
        address: Such as tcp://host:8786.
        request: Names the folders and the model.
        open_compute: Loads the model in each worker process.
        open_tracer: Who traces here, at the end.

    Raises:
        BatchError: `distributed` is not installed, or there is no scheduler.
    """
    distributed = _distributed()
    from road_extractor_plugin.core.cluster_runner import OnCluster

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", distributed.versions.VersionMismatchWarning)  # `check_workers` says it
            client = distributed.Client(address, timeout=_ANSWER_WITHIN_S)
    except (OSError, ValueError) as error:
        problem = f"No scheduler of Dask answers at {address} ({error})"
        raise BatchError(problem, "Start one with `dask scheduler`, and check the address and the firewall") from error
    return OnCluster(client, request, open_compute, open_tracer)


def bytes_per_worker(model: Path) -> int:
    """About how much memory a process with a model takes, from the size of its file."""
    return _PROCESS_BYTES + _BYTES_PER_MODEL_BYTE * (model.stat().st_size if model.exists() else 0)


def affordable_workers(count: int, worker_bytes: int, available_bytes: int, feedback: Feedback) -> int:
    """So many of the processes asked for as fit into memory, but at least one; a warning where that is fewer."""
    fitting = max(1, min(count, available_bytes // worker_bytes))
    if fitting < count:
        feedback.warning(
            f"{count} workers need about {count * worker_bytes / 1e9:.1f} GB of memory, "
            f"{available_bytes / 1e9:.1f} GB are free: {fitting} will work."
        )
    return fitting


def _distributed() -> ModuleType:
    try:
        import distributed
    except ImportError as error:
        raise BatchError(
            f"Several workers need the library 'distributed', which is missing ({error})",
            f"Install it: '{sys.executable}' -m pip install distributed",
        ) from error
    return distributed
