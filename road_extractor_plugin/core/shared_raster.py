"""A raster of a batch that several workers share: its regions, and what became of them."""

from __future__ import annotations

from contextlib import ExitStack, suppress

from road_extractor_plugin.contract.batch import RasterJob, RasterOutcome
from road_extractor_plugin.contract.errors import Cancelled
from road_extractor_plugin.contract.grid import TileGrid
from road_extractor_plugin.contract.result import OutputPaths
from road_extractor_plugin.core.network_run import NETWORK_SHARE
from road_extractor_plugin.core.output_errors import writing
from road_extractor_plugin.core.raster_tasks import JoinedRaster, OneRegion
from road_extractor_plugin.core.regions import FinishedRegion, share_out
from road_extractor_plugin.core.run_folder import remove_unfinished, run_folder
from road_extractor_plugin.core.strip_store import LEDGER

_LEDGERS = f"**/{LEDGER}"


def forget_regions(paths: OutputPaths) -> None:
    """Remove the regions of a raster whose results are there: a batch may have been stopped before it heard of them."""
    remove_unfinished(paths.folder, _name(paths))


def _name(paths: OutputPaths) -> str:
    """Of the folder for its regions, as `run_folder` takes it."""
    return f"{paths.stem}_regions_unfinished"


class SharedRaster:
    """Keeps account of the regions of one raster, whose files are in a hidden folder beside its results.

    A batch that was stopped leaves them to the next one, where that shares the raster out in the same way.

    Args:
        job: The raster.
        tiles: Its tiles.
        most_tiles: In a region, about.
        workers: How many there are, at least 1.

    Raises:
        OutputError: The folder cannot be made.
    """

    def __init__(self, job: RasterJob, tiles: TileGrid, most_tiles: int, workers: int) -> None:
        self.failed: RasterOutcome | None = None
        """Set when a region has failed for good."""
        self._job = job
        paths = job.paths
        with writing(paths.roads, 0):
            paths.folder.mkdir(parents=True, exist_ok=True)
        self._held = ExitStack()
        folder = run_folder(paths.folder, _name(paths), lambda run: any(run.glob(_LEDGERS)))
        self._folder = self._held.enter_context(folder)
        self._shares = share_out(tiles, most_tiles, workers)
        self._finished: dict[range, FinishedRegion] = {}

    def regions(self) -> list[OneRegion]:
        """What is to be done first, from the north."""
        count, rows = len(self._shares), self._shares[-1].stop
        return [
            OneRegion(
                job=self._job,
                rows=share,
                folder=self._folder,
                share=self._job.share * NETWORK_SHARE * len(share) / rows,
                label=f"{self._job.label}, region {number} of {count}",
            )
            for number, share in enumerate(self._shares, start=1)
        ]

    def add(self, rows: range, region: FinishedRegion) -> list[JoinedRaster]:
        """Take a finished region: what is to be done when all are there, nothing before."""
        self._finished[rows] = region
        if len(self._finished) < len(self._shares):
            return []
        regions = tuple(self._finished[share] for share in self._shares)
        return [JoinedRaster(self._job, regions, self._job.share * (1 - NETWORK_SHARE))]

    def close(self, *, keeps: bool) -> None:
        """Let go of the regions.

        Args:
            keeps: Whether what is there of them stays; else it is removed.
        """
        with suppress(Cancelled), self._held:
            if keeps:
                raise Cancelled
