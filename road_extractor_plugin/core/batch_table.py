"""The table of a batch: a CSV with a row per raster."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterable

from road_extractor_plugin.contract.batch import FAILED, BatchRequest, RasterOutcome
from road_extractor_plugin.contract.errors import OutputError

_PAUSE_PER_WRITE = 20
"""The table is left alone for so many times as long as it took to write, so that it costs little however long it is."""


class BatchTable:
    """Grows by one outcome after another; the file holds them all when `write` was called, and nearly all before.

    Args:
        request: Says where the table is, and where the rasters are.
    """

    def __init__(self, request: BatchRequest) -> None:
        self._request = request
        self._outcomes: list[RasterOutcome] = []
        self._next_write_s = 0.0

    @property
    def outcomes(self) -> tuple[RasterOutcome, ...]:
        """All so far, in the order of the rasters' names."""
        return tuple(sorted(self._outcomes, key=lambda outcome: outcome.raster))

    def add(self, outcome: RasterOutcome) -> None:
        """Add one, and write the file if that was not just done.

        Raises:
            OutputError: It cannot be written.
        """
        self._outcomes.append(outcome)
        started_s = time.monotonic()
        if started_s >= self._next_write_s:
            self.write()
            self._next_write_s = time.monotonic() + _PAUSE_PER_WRITE * (time.monotonic() - started_s)

    def write(self) -> None:
        """Write the file beside its place and put it there, so that it is whole at any time.

        Raises:
            OutputError: It cannot be written.
        """
        path = self._request.table
        fresh = path.with_name(f".{path.name}")
        try:
            fresh.parent.mkdir(parents=True, exist_ok=True)
            with fresh.open("w", newline="", encoding="utf-8") as file:
                rows = csv.writer(file)
                rows.writerow(("raster", "status", "length_km", "area_km2", "seconds", "roads", "message"))
                rows.writerows(_rows(self.outcomes, self._request))
            fresh.replace(path)
        except OSError as error:
            problem = f"Cannot write the table '{path}': {error.strerror}"
            raise OutputError(problem, "Close it in other programs, and see that the disk has room") from error


def _rows(outcomes: Iterable[RasterOutcome], request: BatchRequest) -> Iterable[tuple[object, ...]]:
    for outcome in outcomes:
        roads = "" if outcome.status == FAILED else outcome.paths.roads.relative_to(request.output_folder).as_posix()
        figures = ("" if value is None else f"{value:.3f}" for value in (outcome.length_km, outcome.area_km2))
        raster = outcome.raster.relative_to(request.folder).as_posix()
        yield raster, outcome.status, *figures, f"{outcome.seconds:.1f}", roads, outcome.message
