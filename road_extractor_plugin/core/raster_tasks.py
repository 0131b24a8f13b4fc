"""What a worker of a batch is given to do: a raster, a region of one, or one whose regions are finished."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Union

from road_extractor_plugin.compute.protocol import Compute
from road_extractor_plugin.contract.batch import RasterJob, RasterOutcome
from road_extractor_plugin.contract.feedback import Feedback
from road_extractor_plugin.contract.grid import TileGrid
from road_extractor_plugin.core.pipeline import extract
from road_extractor_plugin.core.regions import FinishedRegion, compute_region, tiles_to_share


@dataclass(frozen=True)
class WholeRaster:
    """A raster, unless it turns out to be so large that several workers shall share it."""

    job: RasterJob
    split_tiles: int

    @property
    def share(self) -> float:
        """Of the work of all rasters, 0..1."""
        return self.job.share

    @property
    def label(self) -> str:
        """For people."""
        return self.job.label

    def run(self, compute: Compute, feedback: Feedback) -> RasterOutcome | TileGrid:
        """Do it; or tell the tiles that shall be shared out.

        Raises:
            RoadExtractorError: It failed.
        """
        started = time.monotonic()
        tiles = tiles_to_share(self.job.request, compute, self.split_tiles)
        return tiles or self.job.done(extract(self.job.request, compute, feedback), time.monotonic() - started)


@dataclass(frozen=True)
class OneRegion:
    """Some rows of tiles of a raster."""

    job: RasterJob
    rows: range
    folder: Path
    """For the probability rasters of all regions."""
    share: float
    label: str

    def run(self, compute: Compute, feedback: Feedback) -> FinishedRegion:
        """Do it.

        Raises:
            RoadExtractorError: It failed.
        """
        return compute_region(self.job.request, compute, self.rows, self.folder, feedback)


@dataclass(frozen=True)
class JoinedRaster:
    """A raster of which all regions are there: what comes behind the network."""

    job: RasterJob
    regions: tuple[FinishedRegion, ...]
    """From the north."""
    share: float

    @property
    def label(self) -> str:
        """For people."""
        return self.job.label

    def run(self, compute: Compute, feedback: Feedback) -> RasterOutcome:
        """Do it.

        Raises:
            RoadExtractorError: It failed.
        """
        started = time.monotonic()
        result = extract(self.job.request, compute, feedback, regions=self.regions)
        return self.job.done(result, time.monotonic() - started)


Task = Union[WholeRaster, OneRegion, JoinedRaster]
Result = Union[RasterOutcome, TileGrid, FinishedRegion]
