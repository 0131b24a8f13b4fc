"""GDAL, OGR and OSR as all of core uses them: failures raise RuntimeError.

The bindings keep this switch for the whole process, and before GDAL 3.7 have nothing finer that is safe with
several threads. So in QGIS other Python code that runs after this import sees exceptions too, where it may
look for None. It is therefore set here only, is never switched back and forth, and core is imported when the
first job starts and not when the plugin is loaded. QGIS's own C++ code does not see it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from osgeo import gdal, ogr, osr

__all__ = ["close_dataset", "closing", "gdal", "gdal_detail", "ogr", "osr", "quiet_gdal", "small_cache"]

gdal.UseExceptions()
ogr.UseExceptions()
osr.UseExceptions()


_CACHE_BYTES = 32 * 1024 * 1024


class _SmallCache:
    """GDAL's cache of blocks, kept small while jobs are on; they may overlap."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs = 0
        self._former_bytes = 0

    def begin(self, needed_bytes: int) -> None:
        with self._lock:
            if self._jobs == 0:
                self._former_bytes = gdal.GetCacheMax()
                gdal.SetCacheMax(min(self._former_bytes, _CACHE_BYTES))
            gdal.SetCacheMax(max(gdal.GetCacheMax(), needed_bytes))
            self._jobs += 1

    def end(self) -> None:
        with self._lock:
            self._jobs -= 1
            if self._jobs == 0:
                gdal.SetCacheMax(self._former_bytes)


_SMALL_CACHE = _SmallCache()


@contextmanager
def small_cache(needed_bytes: int = 0) -> Iterator[None]:
    """Let GDAL keep few blocks, for the whole process, until the last of the jobs that ask for it is done.

    Left alone it fills a twentieth of the machine's memory, which is of no use to a job that passes over rasters once.

    Args:
        needed_bytes: What the job reads several times at short intervals.
    """
    _SMALL_CACHE.begin(needed_bytes)
    try:
        yield
    finally:
        _SMALL_CACHE.end()


@contextmanager
def quiet_gdal() -> Iterator[None]:
    """Keep GDAL's warnings of this thread off the terminal; failures still raise."""
    gdal.PushErrorHandler("CPLQuietErrorHandler")
    try:
        yield
    finally:
        gdal.PopErrorHandler()


def gdal_detail(error: RuntimeError) -> str:
    """First line of GDAL's own message, ready to stand inside a sentence."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else "no reason given"


@contextmanager
def closing(dataset: gdal.Dataset) -> Iterator[gdal.Dataset]:
    """Close a dataset at the end; when the block fails, without a word about what it has not written.

    Raises:
        RuntimeError: It could not all be written. Left to the garbage collector, this would go unnoticed.
    """
    with ExitStack() as on_failure:
        on_failure.callback(_close_in_silence, dataset)
        yield dataset
        on_failure.pop_all()
    close_dataset(dataset)


def close_dataset(dataset: gdal.Dataset) -> None:
    """Write what is still in memory and let go of the file; the dataset cannot be used afterwards.

    Raises:
        RuntimeError: It could not all be written.
    """
    if hasattr(dataset, "Close"):
        dataset.Close()
    else:  # before GDAL 3.7
        dataset.__swig_destroy__(dataset)


def _close_in_silence(dataset: gdal.Dataset) -> None:
    with suppress(RuntimeError):
        close_dataset(dataset)
